//! The lines of an event stream, in whatever pieces its bytes come (WHATWG HTML §9.2.5).
//!
//! ```text
//! stream      = [ bom ] *event
//! end-of-line = ( cr lf / cr / lf )
//! ```
//!
//! CR ends a line at once: to wait for an LF that may belong to it would hold back the event before it. If the LF
//! comes, even in the next piece, it ends nothing.

use std::borrow::Cow;
use std::mem;

use memchr::memchr2;

use super::error::{Error, Rule};

/// Takes a stream apart into its lines. A line that comes whole is handed out from where it lies; of one that does not
/// the beginning is kept.
#[derive(Debug, Default)]
pub(super) struct Lines {
    kept: Vec<u8>,
    /// Of the next byte, from the first one of the stream.
    offset: u64,
    is_behind_cr: bool,
}

/// A line, without what ends it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'b> {
    bytes: Cow<'b, [u8]>,
    /// The offset of the byte that ends it.
    pub end: u64,
}

impl Lines {
    /// The next line, once its end is there, and how many bytes were used up; without a line it is all of them.
    ///
    /// # Errors
    /// The first byte that is more than a line may have.
    pub fn next_line<'b>(
        &mut self,
        bytes: &'b [u8],
        limit: usize,
    ) -> Result<(usize, Option<Line<'b>>), Error> {
        let start = usize::from(self.is_behind_cr && bytes.first() == Some(&b'\n'));
        let end = memchr2(b'\r', b'\n', &bytes[start..]).map(|length| start + length);
        let piece = &bytes[start..end.unwrap_or(bytes.len())];
        let room = limit - self.kept.len();
        if piece.len() > room {
            return Err(Error { rule: Rule::LineLong, offset: self.offset + (start + room) as u64 });
        }
        let used = end.map_or(bytes.len(), |end| end + 1);
        let line = end.map(|end| Line { bytes: self.complete(piece), end: self.offset + end as u64 });
        if line.is_none() {
            self.kept.extend_from_slice(piece);
        }
        if let Some(last) = bytes[..used].last() {
            self.is_behind_cr = *last == b'\r';
        }
        self.offset += used as u64;
        Ok((used, line))
    }

    fn complete<'b>(&mut self, piece: &'b [u8]) -> Cow<'b, [u8]> {
        if self.kept.is_empty() {
            return Cow::Borrowed(piece);
        }
        let mut line = mem::take(&mut self.kept);
        line.extend_from_slice(piece);
        Cow::Owned(line)
    }
}

impl Line<'_> {
    /// What it says. "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any" (§9.2.6): one,
    /// and only at the start of the stream, where the first line ends at as many bytes as it has.
    pub fn text(&self) -> &[u8] {
        let is_first = self.end == self.bytes.len() as u64;
        let without_mark = self.bytes.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first);
        without_mark.unwrap_or(&self.bytes)
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of all pieces, with the offsets of their ends.
    fn lines(pieces: &[&[u8]]) -> Vec<(String, u64)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            loop {
                let (used, line) = lines.next_line(rest, 100).unwrap();
                rest = &rest[used..];
                let Some(line) = line else { break };
                found.push((String::from_utf8(line.text().to_vec()).unwrap(), line.end));
            }
            assert_eq!(rest, b"", "without a line, everything is used up");
        }
        found
    }

    #[test]
    fn each_of_the_three_ends_ends_one_line() {
        for (stream, ends) in [
            (&b"a\nb\n"[..], &[("a", 1), ("b", 3)][..]),
            (b"a\rb\r", &[("a", 1), ("b", 3)]),
            (b"a\r\nb\r\n", &[("a", 1), ("b", 4)]),
            (b"\r\r\n\n\r", &[("", 0), ("", 1), ("", 3), ("", 4)]),
            (b"\n\r\n", &[("", 0), ("", 1)]),
            (b"a\rb\nc", &[("a", 1), ("b", 3)]),
        ] {
            let ends: Vec<_> = ends.iter().map(|(text, end)| (text.to_string(), *end)).collect();
            for cut in 0..=stream.len() {
                let (first, second) = stream.split_at(cut);
                assert_eq!(lines(&[first, b"", second]), ends, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_carriage_return_ends_its_line_before_more_comes() {
        assert_eq!(lines(&[b"a\r"]), [("a".to_owned(), 1)]);
    }

    #[test]
    fn a_line_that_comes_whole_is_not_copied() {
        let mut lines = Lines::default();
        let (_, line) = lines.next_line(b"one\ntwo\n", 3).unwrap();
        assert!(matches!(line.unwrap().bytes, Cow::Borrowed(b"one")));
        lines.next_line(b"t", 3).unwrap();
        assert!(matches!(lines.next_line(b"wo\n", 3).unwrap().1.unwrap().bytes, Cow::Owned(_)));
        assert_eq!(lines.kept.capacity(), 0, "between lines nothing is kept");
    }
}
