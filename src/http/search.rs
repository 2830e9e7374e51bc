//! Where a head or a trailer section ends: at its empty line (RFC 9112 §2.1, §7.1.2).
//!
//! The end is found by hand. Each byte is looked at once, however the bytes trickle in, and a limit breaks at the
//! same byte however they were cut.

use super::error::{Fault, Rule};
use crate::wire::line_feeds::LineFeeds;

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
        let line_limit = (limits.request_line_bytes as usize).min(head_limit);
        let within = &bytes[..bytes.len().min(head_limit)];
        let most_lines = limits.fields as usize + usize::from(section == Section::Head);
        let (searched, mut line_start, mut lines) =
            (self.searched as usize, self.line_start as usize, self.lines as usize);
        let mut first_line = self.first_line;
        for lf in LineFeeds::new(&within[searched..]).map(|found| searched + found) {
            if lines == 0 && section == Section::Head && lf >= line_limit {
                return Err(Fault::new(Rule::RequestLineLong, line_limit));
            }
            if lf == 0 || within[lf - 1] != b'\r' {
                return Err(Fault::new(Rule::BareLf, lf));
            }
            if lf == line_start + 1 {
                self.first_line = first_line;
                return Ok(Some(lf + 1));
            }
            line_start = lf + 1;
            if lines == 0 {
                first_line = line_start as u32;
            }
            lines += 1;
            if lines > most_lines {
                return Err(Fault::new(Rule::FieldsMany, lf));
            }
        }
        if lines == 0 && section == Section::Head && bytes.len() > line_limit {
            return Err(Fault::new(Rule::RequestLineLong, line_limit));
        }
        if bytes.len() > head_limit {
            return Err(Fault::new(Rule::HeadLong, head_limit));
        }
        *self = Search {
            searched: within.len() as u32,
            first_line,
            line_start: line_start as u32,
            lines: lines as u32,
        };
        Ok(None)
    }

    /// The length of the first line, its CRLF included, once the end was found.
    pub fn first_line_bytes(&self) -> usize {
        self.first_line as usize
    }
}
