//! What has arrived on one connection, and the room it is read into.

use std::io::{self, Read};

use crate::drivers::READ_BYTES;

/// Room for one read: little while little comes, because each of many idle connections keeps its own.
///
/// A read that fills it makes room for the next one, and a read that would have fitted into little gives the rest
/// back, as does one that ended without bytes. So who was busy once and is idle now keeps no more than others, at the
/// latest when its alarm has rung.
pub(super) struct Arrivals {
    room: Vec<u8>,
    /// How many bytes the latest read has brought.
    count: usize,
    are_fed: bool,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        Arrivals { room: vec![0; IDLE_BYTES], count: 0, are_fed: true }
    }
}

impl Arrivals {
    /// Whether the session could not take yet what has arrived.
    pub(super) fn wait(&self) -> bool {
        !self.are_fed
    }

    /// Reads once; what arrived before must have been [taken](Arrivals::take).
    pub(super) fn read(&mut self, mut stream: impl Read) -> io::Result<usize> {
        self.make_room();
        self.count = 0;
        self.count = stream.read(&mut self.room)?;
        self.are_fed = self.count == 0;
        Ok(self.count)
    }

    pub(super) fn take(&mut self) -> &mut [u8] {
        self.are_fed = true;
        &mut self.room[..self.count]
    }

    fn make_room(&mut self) {
        let wanted = match self.count {
            count if count == self.room.len() => READ_BYTES,
            count if count <= IDLE_BYTES => IDLE_BYTES,
            _ => return,
        };
        if self.room.len() != wanted {
            self.room = vec![0; wanted];
        }
    }
}

/// The room of a connection that sends little: more than most requests, and half a page of memory.
const IDLE_BYTES: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_as_large_as_what_comes() {
        let mut arrivals = Arrivals::default();
        let mut read = |bytes: usize| {
            let count = arrivals.read(&vec![7; bytes][..]).unwrap();
            assert_eq!(arrivals.wait(), bytes > 0);
            assert_eq!(arrivals.take(), vec![7; count]);
            assert!(!arrivals.wait());
            (count, arrivals.room.capacity())
        };
        assert_eq!(read(100), (100, IDLE_BYTES));
        assert_eq!(read(READ_BYTES), (IDLE_BYTES, IDLE_BYTES));
        assert_eq!(read(READ_BYTES), (READ_BYTES, READ_BYTES));
        assert_eq!(read(IDLE_BYTES + 1), (IDLE_BYTES + 1, READ_BYTES));
        assert_eq!(read(100), (100, READ_BYTES));
        assert_eq!(read(0), (0, IDLE_BYTES), "before it waits, and not when it is back");
    }
}
