//! Content on its way into a file: it comes in pieces as large as the network makes them, and goes to the disk in large
//! ones.
//!
//! While one piece is being written the next one is filled, and when that is full as well there is enough: so memory
//! stays the same however fast the peer is, and the peer and the disk work at the same time.

use std::mem;

use sha2::Sha256;

use crate::session::{Digests, Errand, File};

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
    /// Of what has been written; or else, with `digests_early`, of what has come.
    digests: Option<Box<Digests>>,
    digests_early: bool,
}

impl Spool {
    /// One that digests what is pushed, for who names content by that; [when](Spool::digest), it is asked.
    pub fn with_sha256(early: bool) -> Spool {
        let mut spool = Spool::default();
        spool.digest(Digests { sha256: Some(Sha256::default()), ..Digests::default() }, early);
        spool
    }

    /// What is pushed goes to this file from here on, behind so many bytes.
    pub fn open(&mut self, file: File, offset: u64) {
        (self.file, self.offset) = (Some(file), offset);
    }

    /// What has been pushed, and will be, is added to the digests: when it is written; or else `early`, when it comes,
    /// for who cannot wait for the disk and has the loop wait instead.
    pub fn digest(&mut self, mut digests: Digests, early: bool) {
        if early {
            digests.update(&self.filling);
        }
        (self.digests, self.digests_early) = (Some(Box::new(digests)), early);
    }

    pub fn push(&mut self, data: &[u8]) {
        self.filling.extend_from_slice(data);
        if self.digests_early
            && let Some(digests) = &mut self.digests
        {
            digests.update(data);
        }
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
        let digests = if self.digests_early { None } else { self.digests.take() };
        Some(Errand::Write { file, offset: self.offset, bytes, digests })
    }

    /// A piece has been written.
    pub fn wrote(&mut self, file: File, mut bytes: Vec<u8>, digests: Option<Box<Digests>>) {
        self.offset += bytes.len() as u64;
        bytes.clear();
        (self.file, self.spare, self.is_writing) = (Some(file), bytes, false);
        self.digests = digests.or(self.digests.take());
    }

    /// Of all that has been pushed, if that is known by now.
    pub fn digests(&self) -> Option<&Digests> {
        self.digests.as_deref().filter(|_| self.digests_early || self.is_empty())
    }

    /// The same, of this kind.
    pub fn sha256(&self) -> Option<Sha256> {
        self.digests()?.sha256.clone()
    }

    /// Of all that has been written, if that is known by now.
    pub fn written_digests(&self) -> Option<&Digests> {
        let is_known = !self.is_writing && (!self.digests_early || self.filling.is_empty());
        self.digests.as_deref().filter(|_| is_known)
    }

    /// The file, when nothing is being written.
    pub fn take_file(&mut self) -> Option<File> {
        self.file.take()
    }
}

/// Enough for a disk to be worth the way to it, and little enough for many uploads at a time.
pub const PIECE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use sha1::{Digest, Sha1};

    use super::*;

    #[test]
    fn one_piece_is_filled_while_the_other_is_written() {
        let mut spool = Spool::default();
        spool.push(b"early");
        assert!(spool.write().is_none(), "there is no file yet");
        spool.open(File::new(()), 10);
        let Some(Errand::Write { file, offset: 10, bytes, .. }) = spool.write() else {
            panic!("not written")
        };
        assert_eq!(bytes, b"early");
        spool.push(&vec![7; PIECE_BYTES]);
        assert!(spool.is_full() && spool.write().is_none(), "one at a time");
        spool.wrote(file, bytes, None);
        let Some(Errand::Write { file, offset: 15, bytes, .. }) = spool.write() else {
            panic!("not written")
        };
        assert!(bytes.len() == PIECE_BYTES && !spool.is_empty() && !spool.is_full());
        spool.wrote(file, bytes, None);
        assert!(spool.is_empty() && spool.take_file().is_some());
    }

    #[test]
    fn digests_are_known_when_all_is_written_or_has_come() {
        for early in [false, true] {
            let mut spool = Spool::default();
            spool.open(File::new(()), 0);
            spool.push(b"one, ");
            spool.digest(Digests { sha1: Some(Sha1::new()), ..Digests::default() }, early);
            assert_eq!(sha1(&spool), early.then(|| Sha1::digest(b"one, ").to_vec()));
            let Some(Errand::Write { file, bytes, mut digests, .. }) = spool.write() else {
                panic!("not written")
            };
            assert_eq!(digests.is_some(), !early);
            digests.iter_mut().for_each(|digests| digests.update(&bytes));
            spool.push(b"two");
            assert_eq!(sha1(&spool), early.then(|| Sha1::digest(b"one, two").to_vec()));
            spool.wrote(file, bytes, digests);
            let Some(Errand::Write { file, bytes, mut digests, .. }) = spool.write() else {
                panic!("not written")
            };
            digests.iter_mut().for_each(|digests| digests.update(&bytes));
            spool.wrote(file, bytes, digests);
            assert_eq!(sha1(&spool), Some(Sha1::digest(b"one, two").to_vec()));
        }
    }

    fn sha1(spool: &Spool) -> Option<Vec<u8>> {
        spool.digests().map(|digests| digests.sha1.clone().expect("it is wanted").finalize().to_vec())
    }
}
