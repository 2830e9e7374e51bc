//! Where lines end, sixty-four bytes at a step.
//!
//! The lines of a head are some twenty bytes long, so a search that goes from one end of a line to the next spends more
//! time beginning than looking. Here a block of bytes becomes two numbers with a bit for each byte: where the CRs are, and
//! where the LFs. What stands behind what is then a matter of shifting one of them (Langdale and Lemire, Parsing Gigabytes
//! of JSON per Second, §3.1).

use wide::u8x16;

/// Which bytes of a block are CR and which are LF; the lowest bit is the first byte's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEnds {
    pub crs: u64,
    pub lfs: u64,
}

/// As many bytes as a number has bits.
pub const BLOCK_BYTES: usize = 64;

impl LineEnds {
    /// Of the first [`BLOCK_BYTES`] of the bytes, or of as many as there are.
    pub fn of(bytes: &[u8]) -> LineEnds {
        match bytes.first_chunk() {
            Some(block) => LineEnds::of_block(block),
            None => {
                let mut block = [0; BLOCK_BYTES];
                block[..bytes.len()].copy_from_slice(bytes);
                LineEnds::of_block(&block)
            }
        }
    }

    fn of_block(block: &[u8; BLOCK_BYTES]) -> LineEnds {
        let (parts, _) = block.as_chunks::<PART_BYTES>();
        let mut ends = LineEnds { crs: 0, lfs: 0 };
        for (place, part) in parts.iter().enumerate() {
            let part = u8x16::new(*part);
            ends.crs |= equal(part, b'\r') << (place * PART_BYTES);
            ends.lfs |= equal(part, b'\n') << (place * PART_BYTES);
        }
        ends
    }
}

fn equal(part: u8x16, byte: u8) -> u64 {
    part.simd_eq(u8x16::splat(byte)).to_bitmask().into()
}

const PART_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_where_a_plain_search_finds_them(bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(0x0b), Just(0x8a), any::<u8>()
        ], 0..80)) {
            let plain = |wanted: u8| {
                let block = bytes.iter().take(BLOCK_BYTES).enumerate();
                block.fold(0, |bits, (at, byte)| bits | u64::from(*byte == wanted) << at)
            };
            prop_assert_eq!(LineEnds::of(&bytes), LineEnds { crs: plain(b'\r'), lfs: plain(b'\n') });
        }
    }
}
