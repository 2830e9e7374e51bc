//! Bytes as text that shows every one of them, and back.
//!
//! One notation for fixtures, traces and lab notes. A text line says who sends and what, byte for byte; the line's
//! own break is never data, so a lost CR shows as a lost `\r`. Bytes that are not text stand on hex lines, and what
//! would fill pages with the same few bytes stands on one line that says how often they come:
//!
//! ```text
//! C: GET / HTTP/1.1\r\n
//! S| 81 05 48 65 6c 6c 6f   ; whatever follows the semicolon is a gloss
//! C* 16384 ca fe ba be      ; 64 KiB of the same
//! ```
//!
//! It knows lines, not files (that is [`script`](super::script)), and nothing of what the bytes mean.

use std::fmt;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The peer that connected.
    Client,
    /// The peer that listened.
    Server,
}

impl Side {
    /// The letter that opens the lines of this side.
    pub fn mark(self) -> char {
        match self {
            Side::Client => 'C',
            Side::Server => 'S',
        }
    }

    /// The side of a letter.
    pub fn from_mark(mark: char) -> Option<Self> {
        match mark {
            'C' => Some(Side::Client),
            'S' => Some(Side::Server),
            _ => None,
        }
    }
}

/// Appends `bytes` as visible text: printable ASCII as itself, everything else escaped.
///
/// A space at the very end is escaped too: nobody sees it there, and some editors remove it.
pub fn encode(bytes: &[u8], text: &mut String) {
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' ' if at + 1 == bytes.len() => text.push_str("\\x20"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                text.push_str("\\x");
                push_hex(byte, text);
            }
        }
    }
}

/// Appends the bytes that `text` shows.
///
/// # Errors
///
/// Whatever could be read in two ways is refused: unknown escapes, bytes that should have been escaped, and a bare
/// space at the end. `bytes` then holds what came before.
pub fn decode(text: &str, bytes: &mut Vec<u8>) -> Result<(), NotationError> {
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let column = text.len() - rest.len() + 1;
        let (byte, after) = match first {
            b'\\' => decode_escape(after).ok_or(NotationError::new(column, Rule::Escape))?,
            b' ' if after.is_empty() => return Err(NotationError::new(column, Rule::SpaceAtEnd)),
            b' '..=b'~' => (*first, after),
            _ => return Err(NotationError::new(column, Rule::NotVisible)),
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(())
}

/// Appends the bytes of a hex line: pairs of digits between spaces, then perhaps a gloss after `;`.
///
/// # Errors
///
/// Refuses what is not a pair of hex digits, and a line without any.
pub fn decode_hex(text: &str, bytes: &mut Vec<u8>) -> Result<(), NotationError> {
    let pairs = text.split(';').next().unwrap_or_default();
    let before = bytes.len();
    let mut column = 1;
    for pair in pairs.split(' ') {
        if !pair.is_empty() {
            let byte = decode_pair(pair.as_bytes());
            bytes.push(byte.ok_or(NotationError::new(column, Rule::HexPair))?);
        }
        column += pair.chars().count() + 1;
    }
    match bytes.len() == before {
        true => Err(NotationError::new(1, Rule::NoBytes)),
        false => Ok(()),
    }
}

/// Appends the bytes of a line that repeats: a count, then the hex line that comes so often.
///
/// # Errors
///
/// Refuses a count that is none or too high, and what is no hex line behind it.
pub fn decode_repeated(text: &str, bytes: &mut Vec<u8>) -> Result<(), NotationError> {
    let (digits, hex) = text.split_once(' ').unwrap_or((text, ""));
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse().ok().filter(|count| is_plain && (1..=MAX_REPETITIONS).contains(count));
    let count = count.ok_or(NotationError::new(1, Rule::Count))?;
    let mut once = Vec::new();
    let behind_count =
        |error: NotationError| NotationError { column: error.column + digits.len() + 1, ..error };
    decode_hex(hex, &mut once).map_err(behind_count)?;
    bytes.extend(once.repeat(count));
    Ok(())
}

/// Appends the lines that show what one side sent: text lines, each ending after an LF, and hex lines of 16 bytes.
///
/// A piece from one LF to the next is text if it is UTF-8 without control bytes other than CR, LF and TAB.
/// Neighbouring pieces that are not text share their hex lines. The same bytes always give the same lines.
pub fn print_block(side: Side, bytes: &[u8], lines: &mut String) {
    let mut binary = &bytes[..0];
    let mut start = 0;
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = start + piece.len();
        if is_text(piece) {
            print_hex_lines(side, binary, lines);
            binary = &bytes[..0];
            print_text_line(side, piece, lines);
        } else {
            binary = &bytes[start - binary.len()..end];
        }
        start = end;
    }
    print_hex_lines(side, binary, lines);
}

/// A place where text does not follow the notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// Counted in bytes of the text, the first is 1.
    pub column: usize,
    /// What should have been there.
    pub rule: Rule,
}

impl NotationError {
    fn new(column: usize, rule: Rule) -> Self {
        Self { column, rule }
    }
}

impl fmt::Display for NotationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "column {}: {}", self.column, self.rule)
    }
}

impl std::error::Error for NotationError {}

/// A rule of the notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A backslash opens one of five escapes.
    Escape,
    /// Only printable ASCII stands for itself.
    NotVisible,
    /// A space at the end of a line cannot be seen.
    SpaceAtEnd,
    /// Bytes of a hex line are written as two digits each.
    HexPair,
    /// A line of bytes holds at least one.
    NoBytes,
    /// A line that repeats says how often.
    Count,
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Rule::Escape => r"after \ comes r, n, t, \ or x and two hex digits",
            Rule::NotVisible => r"only printable ASCII stands for itself; write \t or \xNN",
            Rule::SpaceAtEnd => r"a space at the end of a line cannot be seen; write \x20",
            Rule::HexPair => "a byte is two hex digits, with spaces between bytes",
            Rule::NoBytes => "there are no bytes on this line",
            Rule::Count => "a line that repeats begins with a count from 1 to 1048576",
        })
    }
}

fn decode_escape(after: &[u8]) -> Option<(u8, &[u8])> {
    let (letter, rest) = after.split_first()?;
    match letter {
        b'r' => Some((b'\r', rest)),
        b'n' => Some((b'\n', rest)),
        b't' => Some((b'\t', rest)),
        b'\\' => Some((b'\\', rest)),
        b'x' => {
            let (pair, rest) = rest.split_at_checked(2)?;
            Some((decode_pair(pair)?, rest))
        }
        _ => None,
    }
}

fn decode_pair(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

fn is_text(piece: &[u8]) -> bool {
    let is_control = |&byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\r' | b'\n' | b'\t');
    !piece.iter().any(is_control) && std::str::from_utf8(piece).is_ok()
}

fn print_text_line(side: Side, piece: &[u8], lines: &mut String) {
    lines.push(side.mark());
    lines.push_str(": ");
    encode(piece, lines);
    lines.push('\n');
}

fn print_hex_lines(side: Side, bytes: &[u8], lines: &mut String) {
    for row in bytes.chunks(BYTES_PER_HEX_LINE) {
        lines.push(side.mark());
        lines.push('|');
        for &byte in row {
            lines.push(' ');
            push_hex(byte, lines);
        }
        lines.push('\n');
    }
}

fn push_hex(byte: u8, text: &mut String) {
    for digit in [byte >> 4, byte & 0b1111] {
        text.push(char::from(HEX_DIGITS[usize::from(digit)]));
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const BYTES_PER_HEX_LINE: usize = 16;

/// A short file is not to ask for all the memory there is.
const MAX_REPETITIONS: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
