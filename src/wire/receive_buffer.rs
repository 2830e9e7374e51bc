//! Bytes that arrived and are not understood yet.
//!
//! As long as whole elements arrive, nothing is copied: the reader looks at the arrived bytes in place. Only what it
//! leaves over is kept, and the memory goes back when the last kept byte is understood, so an idle connection keeps
//! no buffer. How far a reader has searched is the reader's to remember: what it leaves comes again at the same
//! position, with more bytes behind.

/// The bytes of one direction that their reader has left over.
#[derive(Debug, Default)]
pub struct ReceiveBuffer {
    kept: Vec<u8>,
}

impl ReceiveBuffer {
    /// Shows `understand` everything that is not understood yet, the kept bytes and then `arrived`; it answers how
    /// many of these it is done with. The rest is kept for the next call. What it is done with, it may have changed.
    ///
    /// # Panics
    /// When `understand` claims more bytes than it was shown.
    pub fn feed(&mut self, arrived: &mut [u8], understand: impl FnOnce(&mut [u8]) -> usize) {
        if self.kept.is_empty() {
            let done = understand(arrived);
            self.kept.extend_from_slice(&arrived[done..]);
            return;
        }
        self.kept.extend_from_slice(arrived);
        let done = understand(&mut self.kept);
        if done == self.kept.len() {
            self.kept = Vec::new();
        } else {
            self.kept.drain(..done);
        }
    }

    /// What is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Forgets what is kept.
    pub fn clear(&mut self) {
        self.kept = Vec::new();
    }

    /// What is kept, for another reader.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_comes_again_with_more_behind() {
        let mut buffer = ReceiveBuffer::default();
        buffer.feed(&mut b"abc".to_owned(), |bytes| {
            assert_eq!(bytes, b"abc");
            1
        });
        buffer.feed(&mut b"d".to_owned(), |bytes| {
            assert_eq!(bytes, b"bcd");
            3
        });
        assert!(buffer.is_empty());
    }
}
