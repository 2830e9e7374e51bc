//! What the connections of the epoll driver share, because one thread serves them in turn.

use std::time::Instant;

use crate::drivers::counts::Counts;
use crate::drivers::lag::Lag;
use crate::drivers::{BEGINNER_BYTES, KEEP_BYTES, READ_BYTES, Settings};

/// What all peers of the thread share: the time, the buffers, the counts.
pub(super) struct Workspace<'a> {
    pub(super) now: Instant,
    pub(super) counts: Counts,
    pub(super) lag: Lag,
    pub(super) settings: &'a Settings,
    pub(super) scratch: Box<[u8]>,
    pub(super) out: Vec<u8>,
}

impl<'a> Workspace<'a> {
    pub(super) fn new(settings: &'a Settings) -> Workspace<'a> {
        let read_bytes = match settings.read_once {
            true => BEGINNER_BYTES,
            false => READ_BYTES,
        };
        Workspace {
            now: Instant::now(),
            counts: Counts::default(),
            lag: Lag::new(),
            settings,
            scratch: vec![0; read_bytes].into(),
            out: Vec::new(),
        }
    }

    /// A buffer that a peer has emptied serves all again, if it is the larger one.
    pub(super) fn take_back(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() > self.out.capacity() {
            self.out = buffer;
            self.clear_out();
        }
    }

    /// Whatever became of the bytes: the next peer must find none of them.
    pub(super) fn clear_out(&mut self) {
        self.out.clear();
        if self.out.capacity() > KEEP_BYTES {
            self.out = Vec::new();
        }
    }
}
