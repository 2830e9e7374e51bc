//! Bytes as rows of hex, in the layout that `curl --trace` prints:
//!
//! ```text
//! 0000: 47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a GET / HTTP/1.1..
//! ```
//!
//! Offset, sixteen cells, and the same bytes as text with a dot for what is not printable ASCII. It knows where a
//! byte stands in a stream, and nothing of what it means.

use std::fmt::Write;

/// Appends the rows of `bytes`, with offsets from 0.
pub fn print_rows(bytes: &[u8], rows: &mut String) {
    let mut offset = 0;
    for row in bytes.chunks(BYTES_PER_ROW) {
        print_row(offset, 0, row, rows);
        offset += BYTES_PER_ROW as u64;
    }
}

/// The bytes up to an offending one, and a caret under it: the last row or two, for a message to a person.
///
/// `bytes` stand at offset `start` of their stream; `offset` is that of the offending byte. Just past the end of
/// `bytes` it means that something is missing there. The rows are those of a dump of the whole stream, so that one
/// can be found in the other; nothing is shown after the offending byte.
///
/// ```
/// use wirelab::wire::hexdump::excerpt;
///
/// let shown = excerpt(0x50, b"\r\n5\nhello", 0x53);
/// assert_eq!(shown.lines().next(), Some("  0050: 0d 0a 35 0a                                     ..5."));
/// assert_eq!(shown.lines().nth(1), Some("                 ^^"));
/// ```
///
/// # Panics
///
/// If `offset` is neither of one of the bytes nor of the next.
pub fn excerpt(start: u64, bytes: &[u8], offset: u64) -> String {
    let before = offset.checked_sub(start).and_then(|before| usize::try_from(before).ok());
    let before = before.filter(|&before| before <= bytes.len()).expect("one of the bytes, or the next");
    let bytes = &bytes[..bytes.len().min(before + 1)];

    let cell = (offset % BYTES_PER_ROW as u64) as usize;
    // Where the rows of the dump would cut the bytes, if they began with a full one.
    let (above, here) = bytes.split_at(before.saturating_sub(cell));
    let above = &above[above.len().saturating_sub(BYTES_PER_ROW)..];

    let row = offset - cell as u64;
    let mut lines = String::new();
    if !above.is_empty() {
        lines.push_str(INDENT);
        print_row(row - BYTES_PER_ROW as u64, BYTES_PER_ROW - above.len(), above, &mut lines);
    }
    lines.push_str(INDENT);
    print_row(row, cell - before.min(cell), here, &mut lines);
    let caret_column = INDENT.len() + format!("{row:04x}: ").len() + cell * CELL_WIDTH;
    let _ = writeln!(lines, "{:caret_column$}^^", "");
    lines
}

/// Appends one row, its first `blank` cells empty.
fn print_row(offset: u64, blank: usize, bytes: &[u8], rows: &mut String) {
    let _ = write!(rows, "{offset:04x}: {:width$}", "", width = blank * CELL_WIDTH);
    for byte in bytes {
        let _ = write!(rows, "{byte:02x} ");
    }
    let missing = BYTES_PER_ROW - blank - bytes.len();
    let _ = write!(rows, "{:width$}", "", width = missing * CELL_WIDTH + blank);
    for &byte in bytes {
        rows.push(if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' });
    }
    rows.push('\n');
}

const BYTES_PER_ROW: usize = 16;
const CELL_WIDTH: usize = "00 ".len();
const INDENT: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8]) -> String {
        let mut rows = String::new();
        print_rows(bytes, &mut rows);
        rows
    }

    // Printed by curl 7.88 for the same bytes.
    const BY_CURL: &str = "\
0000: 47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a GET / HTTP/1.1..
0010: 48 6f 73 74 3a 20 61 0d 0a 0d 0a                Host: a....
";

    #[test]
    fn rows_are_those_of_curl() {
        assert_eq!(rows(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), BY_CURL);
        assert_eq!(rows(b""), "");
        assert_eq!(rows(b"\x1f ~\x7f\xff").trim_end().split_at(54).1, ". ~..");
        assert!(rows(&[0; 0x10001]).ends_with(&format!("10000: 00 {:45}.\n", "")));
    }

    #[test]
    fn an_excerpt_ends_with_the_offending_byte() {
        let shown = excerpt(0, b"GET / HTTP/1.1\nHost: a\r\n", 14);
        let caret = " ".repeat(2 + 6 + 14 * 3) + "^^\n";
        assert_eq!(
            shown,
            format!("  0000: 47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0a    GET / HTTP/1.1.\n{caret}")
        );
    }

    #[test]
    fn an_excerpt_shows_at_most_the_row_before() {
        let shown = excerpt(0, &[b'a'; 100], 0x21);
        assert_eq!(shown.lines().count(), 3);
        assert!(shown.starts_with("  0010: 61"), "{shown}");
        assert!(shown.contains("\n  0020: 61 61   "), "{shown}");
    }

    #[test]
    fn cells_before_the_slice_are_blank() {
        let shown = excerpt(0x1e, b"abcd", 0x20);
        let [above, here, caret] = shown.lines().collect::<Vec<_>>()[..] else { panic!("{shown}") };
        assert_eq!(above, format!("  0010: {:42}61 62 {:14}ab", "", ""));
        assert_eq!(here, format!("  0020: 63 {:45}c", ""));
        assert_eq!(caret, format!("{:8}^^", ""));

        let shown = excerpt(0x25, b"ab", 0x26);
        assert_eq!(
            shown.lines().next(),
            Some(format!("  0020: {:15}61 62 {:27}{:5}ab", "", "", "").as_str())
        );
        assert_eq!(shown.lines().count(), 2);
    }

    #[test]
    fn what_is_missing_stands_in_the_next_empty_cell() {
        assert_eq!(excerpt(0, b"ab", 2).lines().nth(1), Some(format!("{:14}^^", "").as_str()));
        let shown = excerpt(0, &[b'a'; 16], 16);
        assert_eq!(shown.lines().nth(1).map(str::trim_end), Some("  0010:"));
        assert_eq!(shown.lines().nth(2), Some("        ^^"));
        assert_eq!(excerpt(5, b"", 5).lines().nth(1), Some(format!("{:23}^^", "").as_str()));
    }

    #[test]
    fn wide_offsets_move_the_caret() {
        assert_eq!(excerpt(0x12340, b"a", 0x12340), format!("  12340: 61 {:45}a\n         ^^\n", ""));
    }
}
