//! Bytes that arrived and are not understood yet.
//!
//! As long as whole elements arrive, nothing is copied: the reader looks at the arrived bytes in place. Only what it
//! leaves over is kept, and the memory goes back when the last kept byte is understood, so an idle connection keeps
//! no buffer. How far a reader has searched is the reader's to remember: what it leaves comes again at the same
//! position, with more bytes behind.

/// The bytes of one direction that their reader has left over.
#[derive(Debug, Default)]
#[expect(
    clippy::box_collection,
    reason = "thousands of idle connections keep nothing, in a third of the space"
)]
pub struct ReceiveBuffer {
    /// Never empty.
    kept: Option<Box<Vec<u8>>>,
}

impl ReceiveBuffer {
    /// Shows `understand` everything that is not understood yet, the kept bytes and then `arrived`; it answers how
    /// many of these it is done with. The rest is kept for the next call. What it is done with, it may have changed.
    ///
    /// # Panics
    /// When `understand` claims more bytes than it was shown.
    pub fn feed(&mut self, arrived: &mut [u8], understand: impl FnOnce(&mut [u8]) -> usize) {
        let Some(kept) = &mut self.kept else {
            let done = understand(arrived);
            self.keep(arrived[done..].to_vec());
            return;
        };
        kept.extend_from_slice(arrived);
        let done = understand(kept);
        if done == kept.len() {
            self.kept = None;
        } else {
            kept.drain(..done);
        }
    }

    fn keep(&mut self, rest: Vec<u8>) {
        self.kept = (!rest.is_empty()).then(|| Box::new(rest));
    }

    /// What is kept.
    pub fn bytes(&self) -> &[u8] {
        self.kept.as_ref().map_or(&[], |kept| kept)
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_none()
    }

    /// Forgets what is kept.
    pub fn clear(&mut self) {
        self.kept = None;
    }

    /// What is kept, for another reader.
    pub fn take(&mut self) -> Vec<u8> {
        self.kept.take().map_or_else(Vec::new, |kept| *kept)
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
