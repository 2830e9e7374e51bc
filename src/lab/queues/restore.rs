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
    /// The first row that cannot be read.
    pub fn restore(
        &mut self,
        rows: Vec<Row>,
        after_crash: bool,
        now: Instant,
        unix_millis: u64,
    ) -> Result<(), String> {
        let (floors, messages): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| &*row.name == FLOOR);
        for row in floors {
            self.floor = self.ledger.restore_floor(&row).ok_or_else(|| damaged(&row))?;
        }
        for row in messages {
            let message = Message::parse(&row.value, now, unix_millis).ok_or_else(|| damaged(&row))?;
            self.put(&row.name, row.number, message);
        }
        if after_crash {
            self.leave_ids_out();
        }
        self.advance_all(now);
        Ok(())
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

fn damaged(row: &Row) -> String {
    format!("the row of message {} in the queue {:?} is damaged", row.number, row.name)
}
