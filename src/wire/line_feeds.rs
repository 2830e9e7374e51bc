//! Where the LFs are, eight bytes at a step.
//!
//! The lines of a head are some twenty bytes long. The set-up of a search with wide vectors, which `memchr` has, costs
//! more than that line, and has to be paid again for the next; a word of eight bytes is looked at once, however many
//! LFs it holds.

use std::mem;

/// The positions of all LFs, in order.
#[derive(Clone, Debug)]
pub struct LineFeeds<'b> {
    words: &'b [[u8; WORD_BYTES]],
    rest: &'b [u8],
    /// Where the word behind the one of `found` begins.
    next_word: usize,
    /// The high bit of each byte of the latest word that is an LF and was not told yet.
    found: u64,
}

impl<'b> LineFeeds<'b> {
    /// Those of `bytes`, counted from their start.
    pub fn new(bytes: &'b [u8]) -> LineFeeds<'b> {
        let (words, rest) = bytes.as_chunks();
        LineFeeds { words, rest, next_word: 0, found: 0 }
    }
}

impl Iterator for LineFeeds<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let word = match self.words {
                [word, words @ ..] => {
                    self.words = words;
                    u64::from_le_bytes(*word)
                }
                [] if self.rest.is_empty() => return None,
                [] => {
                    mem::take(&mut self.rest).iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
                }
            };
            self.found = line_feeds_of(word);
            self.next_word += WORD_BYTES;
        }
        let lf = self.next_word - WORD_BYTES + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(lf)
    }
}

/// The high bit of each byte that is an LF. A byte of `other` is zero there; adding 0x7f carries into the high bit of
/// every byte that is not, and never into the next byte.
fn line_feeds_of(word: u64) -> u64 {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; WORD_BYTES]);
    const LFS: u64 = u64::from_ne_bytes([b'\n'; WORD_BYTES]);
    let other = word ^ LFS;
    !(((other & LOW_BITS) + LOW_BITS) | other | LOW_BITS)
}

const WORD_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_where_a_plain_search_finds_them(bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(0x0b), Just(0x8a), any::<u8>()
        ], 0..64)) {
            let plain: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
            prop_assert_eq!(LineFeeds::new(&bytes).collect::<Vec<_>>(), plain);
        }
    }
}
