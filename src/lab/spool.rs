//! Content on its way into a file: it comes in pieces as large as the network makes them, and goes to the disk in large
//! ones.
//!
//! While one piece is being written the next one is filled, and when that is full as well there is enough: so memory
//! stays the same however fast the peer is, and the peer and the disk work at the same time.

use std::mem;

use crate::session::{Errand, File};

/// What lies between a connection and a file.
#[derive(Debug, Default)]
pub struct Spool {
    /// The file, unless it has an errand.
    file: Option<File>,
    /// Where the next piece goes.
    offset: u64,
    filling: Vec<u8>,
    /// The other buffer, while it is not under way.
    spare: Vec<u8>,
    is_writing: bool,
}

impl Spool {
    /// What is pushed goes to this file from here on, behind so many bytes.
    pub fn open(&mut self, file: File, offset: u64) {
        (self.file, self.offset) = (Some(file), offset);
    }

    pub fn push(&mut self, data: &[u8]) {
        self.filling.extend_from_slice(data);
    }

    /// Whether it holds as much as it should.
    pub fn is_full(&self) -> bool {
        self.filling.len() >= PIECE_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.filling.is_empty() && !self.is_writing
    }

    /// Writes what there is.
    pub fn write(&mut self) -> Option<Errand> {
        let file = self.file.take()?;
        let bytes = mem::replace(&mut self.filling, mem::take(&mut self.spare));
        self.is_writing = true;
        Some(Errand::Write { file, offset: self.offset, bytes })
    }

    /// A piece has been written.
    pub fn wrote(&mut self, file: File, mut bytes: Vec<u8>) {
        self.offset += bytes.len() as u64;
        bytes.clear();
        (self.file, self.spare, self.is_writing) = (Some(file), bytes, false);
    }

    /// The file, when nothing is being written.
    pub fn take_file(&mut self) -> Option<File> {
        self.file.take()
    }
}

/// Enough for a disk to be worth the way to it, and little enough for many uploads at a time.
pub const PIECE_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_filled_while_the_other_is_written() {
        let mut spool = Spool::default();
        spool.push(b"early");
        assert!(spool.write().is_none(), "there is no file yet");
        spool.open(File::new(()), 10);
        let Some(Errand::Write { file, offset: 10, bytes }) = spool.write() else { panic!("not written") };
        assert_eq!(bytes, b"early");
        spool.push(&vec![7; PIECE_BYTES]);
        assert!(spool.is_full() && spool.write().is_none(), "one at a time");
        spool.wrote(file, bytes);
        let Some(Errand::Write { file, offset: 15, bytes }) = spool.write() else { panic!("not written") };
        assert!(bytes.len() == PIECE_BYTES && !spool.is_empty() && !spool.is_full());
        spool.wrote(file, bytes);
        assert!(spool.is_empty() && spool.take_file().is_some());
    }
}
