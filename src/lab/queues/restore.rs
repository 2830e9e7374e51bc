//! Queues as a journal has kept them, in a new process.

use std::time::Instant;

use super::ledger::FLOOR;
use super::message::Message;
use super::open::Open;
use crate::lab::journal::{MOST_WAITING, Row};

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
            let is_floor = &*row.name == FLOOR;
            let read = if is_floor { self.put_floor(&row) } else { self.put_row(&row, now, unix_millis) };
            let damaged = || format!("message {} of the queue {:?} cannot be read", row.number, row.name);
            read.ok_or_else(damaged)?;
        }
        if after_crash {
            self.leave_ids_out();
        }
        self.advance_all(now);
        Ok(())
    }

    /// Comes before the messages, as no other name is as short.
    fn put_floor(&mut self, row: &Row) -> Option<()> {
        self.floor = self.ledger.restore_floor(row)?;
        Some(())
    }

    fn put_row(&mut self, row: &Row, now: Instant, unix_millis: u64) -> Option<()> {
        self.put(&row.name, row.number, Message::parse(&row.value, now, unix_millis)?);
        Some(())
    }

    /// The latest ids may have been given without a row that tells of it, so all queues count on far behind the highest.
    fn leave_ids_out(&mut self) {
        let highest = self.queues.values().map(|queue| queue.last_id).max().unwrap_or(0);
        self.floor = self.floor.max(highest) + MOST_WAITING as u64;
        for queue in self.queues.values_mut() {
            queue.last_id = self.floor;
        }
        self.ledger.raise_floor(self.floor);
    }
}
