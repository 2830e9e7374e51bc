//! What recently passed, on all connections together, in bounded memory.
//!
//! Recording happens for every read and every batch of writes of the fastest paths, so it is one lock and one copy
//! into a ring. It knows connections by number, and nothing of what their bytes mean.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::wire::notation::Side;

/// A ring that overwrites its oldest bytes.
pub struct Tape {
    ring: Mutex<Ring>,
}

/// What one read brought or one batch of writes took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Counts the chunks of all connections.
    pub sequence: u64,
    /// The number of the connection.
    pub connection: u64,
    /// Who sent it.
    pub side: Side,
    /// Where it begins in all that this side sent on this connection.
    pub offset: u64,
    /// How long it was; `0` for the end of what this side sent.
    pub len: u64,
    /// What was kept of it: all, or its first [`MAX_KEPT_BYTES`].
    pub bytes: Vec<u8>,
}

impl Tape {
    /// A tape that takes about `max_bytes` of memory; `0` is no tape.
    pub fn new(max_bytes: usize) -> Option<Arc<Self>> {
        (max_bytes > 0).then(|| Arc::new(Self { ring: Mutex::new(Ring::new(max_bytes)) }))
    }

    /// Records a chunk, over the oldest ones if there is no more room. No `bytes` are the end of what `side` sent.
    pub fn record(&self, connection: u64, side: Side, offset: u64, bytes: &[u8]) {
        self.lock().record(connection, side, offset, bytes);
    }

    /// What is left of one connection, oldest first.
    pub fn connection(&self, number: u64) -> Vec<Chunk> {
        self.lock().chunks_of(number).collect()
    }

    /// What a side of one connection has sent last, if it is left.
    pub fn latest(&self, number: u64, side: Side) -> Option<Chunk> {
        self.lock().latest(number, side)
    }

    /// What is left of every connection, oldest first. One pass over the tape, however many connections it holds.
    pub fn by_connection(&self) -> BTreeMap<u64, Vec<Chunk>> {
        let mut all = BTreeMap::<u64, Vec<Chunk>>::new();
        for chunk in self.lock().chunks() {
            all.entry(chunk.connection).or_default().push(chunk);
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing that holds the lock runs code of others; and a tape after a panic is what one wants to see.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tape").finish_non_exhaustive()
    }
}

struct Ring {
    bytes: Box<[u8]>,
    /// Where in `bytes` the next one goes.
    end: usize,
    /// How much of the memory the chunks take that are still whole, headers included.
    used: usize,
    headers: VecDeque<Header>,
    /// How many headers came before the first that is left.
    forgotten: u64,
}

struct Header {
    connection: u64,
    offset: u64,
    len: u64,
    /// Where it begins in [`Ring::bytes`].
    start: usize,
    kept: u32,
    side: Side,
}

impl Ring {
    fn new(max_bytes: usize) -> Self {
        // Filled and not only set aside: so it is the server's own memory from the start, and not what the first
        // connections seem to cost.
        let bytes = vec![b'.'; max_bytes].into_boxed_slice();
        Self { bytes, end: 0, used: 0, headers: VecDeque::new(), forgotten: 0 }
    }

    fn record(&mut self, connection: u64, side: Side, offset: u64, bytes: &[u8]) {
        let kept = &bytes[..bytes.len().min(MAX_KEPT_BYTES).min(self.bytes.len())];
        self.used += cost(kept.len());
        while self.used > self.bytes.len()
            && let Some(oldest) = self.headers.pop_front()
        {
            self.used -= cost(oldest.kept as usize);
            self.forgotten += 1;
        }
        self.headers.push_back(Header {
            connection,
            offset,
            len: bytes.len() as u64,
            start: self.end,
            kept: kept.len() as u32,
            side,
        });
        self.copy_in(kept);
    }

    fn copy_in(&mut self, kept: &[u8]) {
        let (first, second) = kept.split_at(kept.len().min(self.bytes.len() - self.end));
        self.bytes[self.end..][..first.len()].copy_from_slice(first);
        self.bytes[..second.len()].copy_from_slice(second);
        self.end += kept.len();
        if self.end >= self.bytes.len() {
            self.end -= self.bytes.len();
        }
    }

    fn chunks(&self) -> impl Iterator<Item = Chunk> {
        (self.forgotten..).zip(&self.headers).map(|(sequence, header)| self.chunk(sequence, header))
    }

    fn chunks_of(&self, connection: u64) -> impl Iterator<Item = Chunk> {
        let numbered = (self.forgotten..).zip(&self.headers);
        let of_connection = numbered.filter(move |(_, header)| header.connection == connection);
        of_connection.map(|(sequence, header)| self.chunk(sequence, header))
    }

    fn latest(&self, connection: u64, side: Side) -> Option<Chunk> {
        let is_meant =
            |header: &Header| header.connection == connection && header.side == side && header.len > 0;
        let place = self.headers.iter().rposition(is_meant)?;
        Some(self.chunk(self.forgotten + place as u64, &self.headers[place]))
    }

    fn chunk(&self, sequence: u64, header: &Header) -> Chunk {
        let kept = header.kept as usize;
        let first = &self.bytes[header.start..self.bytes.len().min(header.start + kept)];
        let second = &self.bytes[..kept - first.len()];
        let &Header { connection, side, offset, len, .. } = header;
        Chunk { sequence, connection, side, offset, len, bytes: [first, second].concat() }
    }
}

/// Headers are part of the bargain: a peer that sends single bytes must not fill the memory with them.
fn cost(kept: usize) -> usize {
    kept + size_of::<Header>()
}

/// How much is kept of one chunk, so that one large file does not push everything else from the tape.
pub const MAX_KEPT_BYTES: usize = 16 * 1024;

/// The size of a tape if nobody asks for another: a few hundred small exchanges. It is written over again and again,
/// and one that does not fit the cache beside everything else slows all of it.
pub const DEFAULT_TAPE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_chunks_make_room() {
        let tape = Tape::new(4 * cost(10)).expect("a tape");
        for offset in 0..10 {
            tape.record(offset % 2, Side::Client, offset * 10, &[offset as u8; 10]);
        }
        let left: Vec<_> =
            tape.connection(0).into_iter().map(|chunk| (chunk.sequence, chunk.bytes)).collect();
        assert_eq!(left, [(6, vec![6; 10]), (8, vec![8; 10])]);
    }

    #[test]
    fn a_long_chunk_keeps_its_beginning_and_its_length() {
        let tape = Tape::new(DEFAULT_TAPE_BYTES).expect("a tape");
        tape.record(1, Side::Server, 0, &[7; 100_000]);
        let [chunk] = &tape.connection(1)[..] else { panic!("one chunk") };
        assert_eq!((chunk.len, chunk.bytes.len()), (100_000, MAX_KEPT_BYTES));
    }

    #[test]
    fn every_connection_has_its_own_chunks() {
        let tape = Tape::new(DEFAULT_TAPE_BYTES).expect("a tape");
        for connection in [2, 1, 2] {
            tape.record(connection, Side::Server, 0, b"x");
        }
        assert_eq!(tape.by_connection(), BTreeMap::from([(1, tape.connection(1)), (2, tape.connection(2))]));
    }

    #[test]
    fn a_tape_of_no_bytes_is_none() {
        assert!(Tape::new(0).is_none());
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_came_last(
            size in 1usize..2000, all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..50)
        ) {
            let tape = Tape::new(size).expect("a tape");
            all.iter().for_each(|bytes| tape.record(1, Side::Client, 0, bytes));
            let left = tape.connection(1);
            let last = &all[all.len() - left.len()..];
            prop_assert!(all.is_empty() || !left.is_empty());
            for (chunk, bytes) in left.iter().zip(last) {
                prop_assert_eq!(chunk.len, bytes.len() as u64);
                prop_assert!(bytes.starts_with(&chunk.bytes));
            }
        }
    }
}
