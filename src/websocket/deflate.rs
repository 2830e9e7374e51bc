//! The two directions of permessage-deflate: DEFLATE (RFC 1951) with the last four bytes left away (RFC 7692 §7.2).
//!
//! A stream goes on over the messages of a direction, so that a message can refer to the ones before: context
//! takeover. Where it was agreed that it does not, its owner drops it behind each message.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::error::Rule;

/// Inflates the messages of the peer.
#[derive(Debug)]
pub struct Inflater {
    stream: Decompress,
}

/// Deflates messages for the peer.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
}

impl Default for Inflater {
    /// With the largest window, which holds every smaller one.
    fn default() -> Inflater {
        Inflater { stream: Decompress::new(false) }
    }
}

impl Inflater {
    /// Shows `take` what comes out of these bytes, in portions of a bounded size.
    ///
    /// # Errors
    /// [`Rule::DeflateBroken`], or what `take` answers; the stream cannot go on then.
    // Inlined, its portion would make the stack of every thread deeper that only asks for the next event.
    #[inline(never)]
    pub fn inflate(
        &mut self,
        mut compressed: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Rule>,
    ) -> Result<(), Rule> {
        let mut portion = [0; PORTION_BYTES];
        loop {
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let result = self.stream.decompress(compressed, &mut portion, FlushDecompress::Sync);
            let inflated = (self.stream.total_out() - written) as usize;
            compressed = &compressed[(self.stream.total_in() - read) as usize..];
            take(&portion[..inflated])?;
            match result.map_err(|_| Rule::DeflateBroken)? {
                // A sender may end its stream with every message (§7.2.3.4): it begins the next one with an empty
                // window, and so do we.
                Status::StreamEnd => self.stream.reset(false),
                Status::Ok | Status::BufError if inflated < portion.len() => return Ok(()),
                Status::Ok | Status::BufError => {}
            }
        }
    }

    /// The end of a message: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload" (§7.2.2).
    pub fn end_message(&mut self, take: impl FnMut(&[u8]) -> Result<(), Rule>) -> Result<(), Rule> {
        self.inflate(&EMPTY_BLOCK, take)
    }
}

impl Deflater {
    /// # Panics
    /// When zlib does not deflate with such a window: 9 to 15 bits.
    pub fn new(window_bits: u8) -> Deflater {
        Deflater { stream: Compress::new_with_window_bits(Compression::default(), false, window_bits) }
    }

    /// A message as payload of a frame with RSV1.
    ///
    /// # Panics
    /// When it is empty: a flush of nothing gives nothing, and an empty message is shorter as it is.
    pub fn deflate(&mut self, message: &[u8]) -> Vec<u8> {
        assert!(!message.is_empty(), "nothing to compress");
        let mut compressed = Vec::with_capacity(message.len() / 2 + LEAST_ROOM_BYTES);
        let mut rest = message;
        loop {
            let read = self.stream.total_in();
            self.stream
                .compress_vec(rest, &mut compressed, FlushCompress::Sync)
                .expect("a stream that was not finished goes on");
            rest = &rest[(self.stream.total_in() - read) as usize..];
            // "If deflate returns with avail_out == 0, this function must be called again", says zlib's manual.
            if rest.is_empty() && compressed.len() < compressed.capacity() {
                break;
            }
            compressed.reserve(compressed.len().max(LEAST_ROOM_BYTES));
        }
        debug_assert!(compressed.ends_with(&EMPTY_BLOCK), "a flush ends with an empty block");
        compressed.truncate(compressed.len() - EMPTY_BLOCK.len());
        compressed
    }
}

/// The end of an empty block without compression, which a flush ends with.
const EMPTY_BLOCK: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// What is inflated at once, on the stack. Portions of this size are copied twice, which inflating outweighs.
const PORTION_BYTES: usize = 8 * 1024;

/// More than the six bytes that zlib wants to see free before it flushes, lest it flushes twice.
const LEAST_ROOM_BYTES: usize = 64;
