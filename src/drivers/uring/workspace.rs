//! What the connections of the io_uring driver share, because one thread serves them in turn.

use std::mem;
use std::time::Instant;

use super::ring::{Buffer, Ring};
use crate::drivers::counts::Counts;
use crate::drivers::lag::Lag;
use crate::drivers::{KEEP_BYTES, Settings};

/// What all peers of the thread share: the time, the ring, the counts, and what passes between them and the session.
pub(super) struct Workspace<'a> {
    pub(super) now: Instant,
    pub(super) counts: Counts,
    pub(super) lag: Lag,
    pub(super) settings: &'a Settings,
    pub(super) ring: Ring,
    /// What has just arrived for the peer whose turn it is.
    pub(super) arrived: Option<Buffer>,
    /// What its session appends to.
    pub(super) out: Vec<u8>,
    /// Buffers whose bytes have left, to append to next.
    spares: Vec<Vec<u8>>,
    /// How much memory they take.
    spare_bytes: usize,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(ring: Ring, settings: &'a Settings) -> Workspace<'a> {
        Workspace {
            now: Instant::now(),
            counts: Counts::default(),
            lag: Lag::new(),
            settings,
            ring,
            arrived: None,
            out: Vec::new(),
            spares: Vec::new(),
            spare_bytes: 0,
        }
    }

    /// Takes what a session has appended. It is sent from where it is, so the next session appends elsewhere.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        let spare = self.spares.pop().unwrap_or_default();
        self.spare_bytes -= spare.capacity();
        let mut out = mem::replace(&mut self.out, spare);
        // Whoever does not read keeps it for long.
        if out.capacity() - out.len() > MOST_UNUSED {
            out.shrink_to_fit();
        }
        out
    }

    /// Takes back a buffer whose bytes have left.
    pub(super) fn keep(&mut self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= KEEP_BYTES && self.spare_bytes + bytes.capacity() <= MOST_SPARE_BYTES {
            bytes.clear();
            self.spare_bytes += bytes.capacity();
            self.spares.push(bytes);
        }
    }

    /// Whatever became of the bytes: the next peer must find none of them.
    pub(super) fn clear(&mut self) {
        self.arrived = None;
        self.out.clear();
        if self.out.capacity() > KEEP_BYTES {
            self.out = Vec::new();
        }
    }
}

/// Memory beyond the bytes that one send may hold, unless all its bytes leave at once.
const MOST_UNUSED: usize = 16 * 1024;

/// Enough for all answers that are usually under way at a time.
const MOST_SPARE_BYTES: usize = 4 * 1024 * 1024;
