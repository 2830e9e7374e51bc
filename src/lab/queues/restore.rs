//! Queues as a journal has kept them, in a new process.

use std::time::Instant;

use super::message::Message;
use super::open::Open;
use crate::lab::journal::Row;
use crate::lab::numbering::Numbering;

impl Open {
    /// Leases whose time is not over hold on. What was pushed to a connection has lost it, and is given back.
    ///
    /// # Errors
    /// A row that cannot be read; one line about it.
    pub fn restore(
        &mut self,
        rows: Vec<Row>,
        after_crash: bool,
        now: Instant,
        unix_millis: u64,
    ) -> Result<(), String> {
        for row in rows {
            let read = match Numbering::is_row(&row) {
                true => self.ledger.numbering.read(&row),
                false => self.put_row(&row, now, unix_millis),
            };
            let damaged = || format!("message {} of the queue {:?} cannot be read", row.number, row.name);
            read.ok_or_else(damaged)?;
        }
        let highest = self.queues.values().map(|queue| queue.last_id).max().unwrap_or(0);
        self.ledger.numbering.begin(highest, after_crash);
        self.floor = self.ledger.numbering.floor();
        for queue in self.queues.values_mut() {
            queue.last_id = queue.last_id.max(self.floor);
        }
        Ok(())
    }

    fn put_row(&mut self, row: &Row, now: Instant, unix_millis: u64) -> Option<()> {
        self.put(&row.name, row.number, Message::parse(&row.value, now, unix_millis)?);
        Some(())
    }
}
