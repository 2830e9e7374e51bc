//! What has arrived before a session wanted it.

use std::collections::VecDeque;

use crate::drivers::READ_BYTES;

/// Bytes in the pieces in which a session takes them. Before a cancellation has come through the kernel may have filled
/// every buffer; a session that got all of that in one call could not say in between that it is enough.
#[derive(Default)]
pub(super) struct Held {
    pieces: VecDeque<Vec<u8>>,
}

impl Held {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= READ_BYTES => last.extend_from_slice(bytes),
            _ => self.pieces.push_back(bytes.to_vec()),
        }
    }

    /// Whether there is as much as one read takes.
    pub(super) fn is_full(&self) -> bool {
        self.pieces.len() > 1 || self.pieces.front().is_some_and(|piece| piece.len() >= READ_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes the next piece.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        self.pieces.pop_front()
    }
}
