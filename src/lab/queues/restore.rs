//! Queues as a journal has kept them, in a new process.

use std::time::Instant;

use super::ledger::FLOOR;
use super::message::Message;
use super::open::Open;
use crate::lab::journal::{MOST_WAITING, Row};

impl Open {
    /// Leases whose time is not over hold on. What was pushed to a connection has lost it, and is given back. A row that
    /// cannot be read is left out.
    pub fn restore(&mut self, rows: &[Row], after_crash: bool, now: Instant, unix_millis: u64) {
        for row in rows {
            let is_read = match &*row.name {
                FLOOR => self.restore_floor(row),
                _ => self.restore_message(row, now, unix_millis),
            };
            if is_read.is_none() {
                log::error!(
                    "message {} of the queue {:?} cannot be read, and is left out",
                    row.number,
                    row.name
                );
            }
        }
        if after_crash {
            self.leave_ids_out();
        }
        self.advance_all(now);
    }

    /// Its row comes first: no other name is as short.
    fn restore_floor(&mut self, row: &Row) -> Option<()> {
        self.floor = self.ledger.restore_floor(row)?;
        Some(())
    }

    fn restore_message(&mut self, row: &Row, now: Instant, unix_millis: u64) -> Option<()> {
        let message = Message::parse(&row.value, now, unix_millis)?;
        self.put(&row.name, row.number, message);
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
