//! Where the LFs are, eight bytes at a step.
//!
//! The lines of a head are some twenty bytes long. The set-up of a search with wide vectors, which `memchr` has, costs
//! more than that line, and has to be paid again for the next; a word of eight bytes is looked at once, however many
//! LFs it holds.

/// The positions of all LFs, in order.
pub(super) struct LineFeeds<'b> {
    bytes: &'b [u8],
    /// Where the word begins that comes after the one in `found`.
    next_word: usize,
    /// Where the word of `found` begins.
    word: usize,
    /// The high bit of each byte of that word that is an LF and was not told yet.
    found: u64,
}

impl<'b> LineFeeds<'b> {
    pub fn new(bytes: &'b [u8]) -> LineFeeds<'b> {
        LineFeeds { bytes, next_word: 0, word: 0, found: 0 }
    }
}

impl Iterator for LineFeeds<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.word = self.next_word;
            self.next_word += WORD_BYTES;
            self.found = match self.bytes[self.word.min(self.bytes.len())..] {
                [] => return None,
                [a, b, c, d, e, f, g, h, ..] => line_feeds_of(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
                ref rest => {
                    line_feeds_of(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
                }
            };
        }
        let lf = self.word + self.found.trailing_zeros() as usize / 8;
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
