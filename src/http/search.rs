//! Where a head or a trailer section ends: at its empty line (RFC 9112 §2.1, §7.1.2).
//!
//! The end is found by hand. Each byte is looked at once, however the bytes trickle in, and a limit breaks at the
//! same byte however they were cut.

use super::error::{Fault, Rule};
use crate::wire::line_ends::{BLOCK_BYTES, LineEnds};

/// How much of a head is read before it is refused. Every connection carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request line, its CRLF included: 414 (RFC 9112 §3 asks for 8,000 at least; nginx and Apache
    /// read 8 KiB).
    pub request_line_bytes: u32,
    /// Bytes of the whole head: 431 (nginx keeps 4 buffers of 8 KiB).
    pub head_bytes: u32,
    /// Field lines: 431 (Apache's LimitRequestFields is 100).
    pub fields: u32,
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits { request_line_bytes: 8 * 1024, head_bytes: 32 * 1024, fields: 100 }
    }
}

/// Which section is searched: a head has a request line before its field lines, a trailer section has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Head,
    Trailer,
}

/// What the next bytes hold, a bit for each of them.
struct Block {
    lfs: u64,
    /// LFs that no CR stands before.
    bare_lfs: u64,
    /// LFs of empty lines: those whose line begins one byte earlier.
    empty_lines: u64,
}

/// Looks for the empty line that ends a section, and remembers how far it has looked.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    // Every connection carries one, so they are as small as a head may be large.
    searched: u32,
    first_line: u32,
    line_start: u32,
    lines: u32,
}

impl Search {
    /// A search that has looked at nothing yet.
    pub const NEW: Search = Search { searched: 0, first_line: 0, line_start: 0, lines: 0 };

    /// The length of the section, its empty line included, once it is there; `None` as long as it is not.
    ///
    /// `bytes` begin where the section begins and may only have grown since the call before.
    pub fn find_end(
        &mut self,
        bytes: &[u8],
        section: Section,
        limits: &HeadLimits,
    ) -> Result<Option<usize>, Fault> {
        // Bytes beyond the limit are not looked at, so that a limit breaks at the same byte however they were cut.
        let head_limit = limits.head_bytes as usize;
        let within = &bytes[..bytes.len().min(head_limit)];
        let (line_limit, most_lines) = match section {
            Section::Head => {
                ((limits.request_line_bytes as usize).min(head_limit), limits.fields.saturating_add(1))
            }
            Section::Trailer => (usize::MAX, limits.fields),
        };
        while (self.searched as usize) < within.len() {
            if let Some(end) = self.search_block(within, line_limit, most_lines)? {
                return Ok(Some(end));
            }
        }
        if self.lines == 0 && bytes.len() > line_limit {
            return Err(Fault::new(Rule::RequestLineLong, line_limit));
        }
        if bytes.len() > head_limit {
            return Err(Fault::new(Rule::HeadLong, head_limit));
        }
        Ok(None)
    }

    /// Looks at the next bytes, as many as [`LineEnds`] shows at a time.
    fn search_block(
        &mut self,
        bytes: &[u8],
        line_limit: usize,
        most_lines: u32,
    ) -> Result<Option<usize>, Fault> {
        let start = self.searched as usize;
        let Block { lfs, bare_lfs, empty_lines } = self.look_at_block(bytes);
        let decisive = lowest_bit(bare_lfs | empty_lines);
        if self.lines == 0 && lfs != 0 {
            let lf = start + lfs.trailing_zeros() as usize;
            if lf >= line_limit {
                return Err(Fault::new(Rule::RequestLineLong, line_limit));
            }
            self.first_line = lf as u32 + 1;
        }
        // Those before the decisive one, or all.
        let lines = lfs & decisive.wrapping_sub(1);
        if self.lines + lines.count_ones() > most_lines {
            let too_many = nth_bit(lines, most_lines - self.lines);
            return Err(Fault::new(Rule::FieldsMany, start + too_many));
        }
        if decisive != 0 {
            let lf = start + decisive.trailing_zeros() as usize;
            return match decisive & empty_lines {
                0 => Err(Fault::new(Rule::BareLf, lf)),
                _ => Ok(Some(lf + 1)),
            };
        }
        if lines != 0 {
            self.lines += lines.count_ones();
            self.line_start = self.searched + u64::BITS - lines.leading_zeros();
        }
        self.searched += bytes[start..].len().min(BLOCK_BYTES) as u32;
        Ok(None)
    }

    fn look_at_block(&self, bytes: &[u8]) -> Block {
        let start = self.searched as usize;
        let LineEnds { crs, lfs } = LineEnds::of(&bytes[start..]);
        let cr_before = u64::from(start > 0 && bytes[start - 1] == b'\r');
        let line_ends = lfs & (crs << 1 | cr_before);
        // The section begins as if behind the end of a line.
        let lf_before = match self.searched - self.line_start {
            0 => 0b10,
            1 => 0b01,
            _ => 0,
        };
        Block { lfs, bare_lfs: lfs & !line_ends, empty_lines: line_ends & (lfs << 2 | lf_before) }
    }

    /// The length of the first line, its CRLF included, once the end was found.
    pub fn first_line_bytes(&self) -> usize {
        self.first_line as usize
    }
}

fn lowest_bit(bits: u64) -> u64 {
    bits & bits.wrapping_neg()
}

/// Where the bit is that has so many below it.
#[cold]
fn nth_bit(mut bits: u64, below: u32) -> usize {
    for _ in 0..below {
        bits &= bits - 1;
    }
    bits.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rules, one line after another.
    fn plain_end(bytes: &[u8], section: Section, limits: &HeadLimits) -> Result<Option<usize>, Fault> {
        let head_limit = limits.head_bytes as usize;
        let (line_limit, most_lines) = match section {
            Section::Head => {
                ((limits.request_line_bytes as usize).min(head_limit), limits.fields.saturating_add(1))
            }
            Section::Trailer => (usize::MAX, limits.fields),
        };
        let (mut line_start, mut lines) = (0, 0);
        for (at, byte) in bytes.iter().enumerate().take(head_limit) {
            if *byte != b'\n' {
                continue;
            }
            if lines == 0 && at >= line_limit {
                return Err(Fault::new(Rule::RequestLineLong, line_limit));
            }
            match bytes[line_start..at] {
                [b'\r'] => return Ok(Some(at + 1)),
                [.., b'\r'] => (line_start, lines) = (at + 1, lines + 1),
                _ => return Err(Fault::new(Rule::BareLf, at)),
            }
            if lines > most_lines {
                return Err(Fault::new(Rule::FieldsMany, at));
            }
        }
        match bytes.len() {
            len if lines == 0 && len > line_limit => Err(Fault::new(Rule::RequestLineLong, line_limit)),
            len if len > head_limit => Err(Fault::new(Rule::HeadLong, head_limit)),
            _ => Ok(None),
        }
    }

    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            20 => "[a-z]{0,40}\r\n",
            4 => "[a-z]{60,140}\r\n",
            1 => "[a-z\r]{0,9}\r\n",
            1 => "[a-z]{0,9}\n",
            1 => "\r",
        ];
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat().into_bytes())
    }

    proptest! {
        /// However the bytes trickle in.
        #[test]
        fn the_end_is_where_the_rules_say(
            bytes in lines(),
            cuts in prop::collection::vec(0..400usize, 0..6),
            is_head: bool,
            (request_line_bytes, head_bytes, fields) in (1..200u32, 1..400u32, 0..8u32),
        ) {
            let section = if is_head { Section::Head } else { Section::Trailer };
            let limits = HeadLimits { request_line_bytes, head_bytes, fields };
            let mut cuts = cuts;
            cuts.push(bytes.len());
            cuts.sort();
            let mut search = Search::NEW;
            for seen in cuts.into_iter().map(|cut| &bytes[..cut.min(bytes.len())]) {
                let found = search.find_end(seen, section, &limits);
                prop_assert_eq!(&found, &plain_end(seen, section, &limits));
                match found {
                    Ok(Some(end)) => {
                        let first_line = memchr::memchr(b'\n', seen).map_or(0, |lf| lf + 1);
                        prop_assert!(end == first_line || search.first_line_bytes() == first_line);
                    }
                    Ok(None) => continue,
                    Err(_) => {}
                }
                break;
            }
        }
    }
}
