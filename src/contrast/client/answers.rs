//! Where an answer ends, as a client has to know it: RFC 9112 §6.3.
//!
//! It believes no server: what breaks the rules of framing is an error, never the beginning of a guess. Answers to HEAD
//! and CONNECT, which end elsewhere, are not read here.
//!
//! ```text
//!      ┌────────────────────── its last byte ──────────────────────┐
//!      ▼                                                           │
//!     Head ──── Content-Length, or a status without content ──▶ Content
//!      ├─────── Transfer-Encoding: chunked ───────────────────▶ Chunks
//!      └─────── neither, or 101 ──────────────────────────────▶ Rest ──▶ end of the stream
//! ```

use std::fmt;
use std::mem;

use crate::http::chunked::{self, Decoder};
use crate::http::error::{Fault, Rule};
use crate::http::grammar::{list, trim};
use crate::http::search::{HeadLimits, Search, Section};

/// Reads the answers that come on one connection.
#[derive(Debug)]
pub struct Answers {
    at: At,
    /// What has arrived of an element that is not whole yet; holds no memory when there is none.
    partial: Vec<u8>,
}

/// A part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'b> {
    Head(Head),
    /// Some of the content; of a 101, whatever the other protocol says.
    Content(&'b [u8]),
    /// The answer is whole.
    End,
}

/// What the head of an answer says that matters for what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Whether the connection can be used for another request.
    pub persists: bool,
}

/// What the end of the stream means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was under way.
    Between,
    /// An answer that was to last until now.
    Complete,
    /// An answer that is cut off.
    Within,
}

/// Bytes that are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    StatusLine,
    Length,
    LengthWithCoding,
    /// A head or a chunk breaks this rule.
    Rule(Rule),
}

#[derive(Debug)]
enum At {
    Head(Search),
    Content { left: u64 },
    Chunks(Decoder),
    Rest,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers { at: At::Head(Search::NEW), partial: Vec::new() }
    }
}

impl Answers {
    /// Reads what arrived behind everything before, and tells each part of it. After an error the connection is of no
    /// use any more.
    pub fn receive(&mut self, bytes: &[u8], mut tell: impl FnMut(Piece<'_>)) -> Result<(), Malformed> {
        if self.partial.is_empty() {
            let consumed = self.at.read(bytes, &mut tell)?;
            if consumed < bytes.len() {
                self.partial.extend_from_slice(&bytes[consumed..]);
            }
            return Ok(());
        }
        let mut partial = mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let consumed = self.at.read(&partial, &mut tell)?;
        if consumed < partial.len() {
            partial.drain(..consumed);
            self.partial = partial;
        }
        Ok(())
    }

    /// What it means if the stream ends here.
    pub fn ended(&self) -> Ended {
        match self.at {
            At::Rest => Ended::Complete,
            At::Head(_) if self.partial.is_empty() => Ended::Between,
            At::Head(_) | At::Content { .. } | At::Chunks(_) => Ended::Within,
        }
    }
}

impl At {
    /// Reads as many whole elements as there are; answers how many bytes they have.
    fn read(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) -> Result<usize, Malformed> {
        let mut consumed = 0;
        loop {
            let rest = &bytes[consumed..];
            match self {
                At::Head(search) => {
                    let Some(end) = search.find_end(rest, Section::Head, &LIMITS)? else {
                        return Ok(consumed);
                    };
                    let (head, next) = read_head(&rest[..end])?;
                    consumed += end;
                    *self = next;
                    // "A client MUST be able to parse one or more 1xx responses received prior to a final response"
                    // (RFC 9110 §15.2); the last of them, 101, is final for HTTP.
                    if !matches!(head.status, 100 | 102..200) {
                        tell(Piece::Head(head));
                    }
                }
                At::Content { left: 0 } => {
                    *self = At::Head(Search::NEW);
                    tell(Piece::End);
                }
                At::Content { .. } | At::Rest if rest.is_empty() => return Ok(consumed),
                At::Content { left } => {
                    let taken = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= taken as u64;
                    consumed += taken;
                    tell(Piece::Content(&rest[..taken]));
                }
                At::Chunks(decoder) => {
                    let (taken, piece) = decoder.next_piece(rest, &LIMITS).map_err(|(_, fault)| fault)?;
                    consumed += taken;
                    match piece {
                        chunked::Piece::Data(data) => tell(Piece::Content(data)),
                        chunked::Piece::Trailers(_) => *self = At::Content { left: 0 },
                        chunked::Piece::Incomplete => return Ok(consumed),
                    }
                }
                At::Rest => {
                    tell(Piece::Content(rest));
                    return Ok(bytes.len());
                }
            }
        }
    }
}

/// Reads a whole head, its empty line included, and how the content behind it is delimited.
fn read_head(head: &[u8]) -> Result<(Head, At), Malformed> {
    let mut start = 0;
    let mut lines = memchr::memchr_iter(b'\n', head).map(|lf| {
        let line = &head[start..lf - 1];
        start = lf + 1;
        line
    });
    let (minor, status) = read_status_line(lines.next().unwrap_or_default())?;
    let mut deciding = Deciding { persists: minor > 0, chunked: None, length: None };
    for line in lines {
        deciding.note(line)?;
    }
    let next = match (status, deciding) {
        // Interim: the head of the answer itself follows.
        (100 | 102..200, _) => At::Head(Search::NEW),
        // "any response with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status code is always
        // terminated by the first empty line after the header fields"; behind that of a 101 is no HTTP.
        (101, _) => At::Rest,
        (204 | 304, _) => At::Content { left: 0 },
        (_, Deciding { chunked: Some(_), length: Some(_), .. }) => return Err(Malformed::LengthWithCoding),
        (_, Deciding { chunked: Some(true), .. }) => At::Chunks(Decoder::default()),
        (_, Deciding { length: Some(left), .. }) => At::Content { left },
        // "the message body length is determined by reading the connection until it is closed by the server", with a
        // coding that does not end with chunked, or with neither coding nor length.
        (_, Deciding { chunked: Some(false) | None, length: None, .. }) => At::Rest,
    };
    let persists = deciding.persists && !matches!(next, At::Rest);
    Ok((Head { status, persists }, next))
}

/// The minor version and the status code.
///
/// ```text
/// status-line = HTTP-version SP status-code SP [ reason-phrase ]
/// ```
fn read_status_line(line: &[u8]) -> Result<(u8, u16), Malformed> {
    match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' ', status @ ..] => {
            let (code, behind) = status.split_at_checked(3).ok_or(Malformed::StatusLine)?;
            let is_whole = code.iter().all(u8::is_ascii_digit) && matches!(behind, [] | [b' ', ..]);
            let status =
                code.iter().fold(0, |status, digit| status * 10 + u16::from(digit.wrapping_sub(b'0')));
            if is_whole && status >= 100 { Ok((minor - b'0', status)) } else { Err(Malformed::StatusLine) }
        }
        _ => Err(Malformed::StatusLine),
    }
}

/// What the field lines say that decide about what follows.
#[derive(Clone, Copy, Debug)]
struct Deciding {
    persists: bool,
    /// Whether there is a transfer coding, and whether the last one is chunked.
    chunked: Option<bool>,
    length: Option<u64>,
}

impl Deciding {
    fn note(&mut self, line: &[u8]) -> Result<(), Malformed> {
        // Most lines are told apart by their first letter: this is done for every line of every answer.
        match line.first().map(u8::to_ascii_lowercase) {
            Some(b'c') => {
                if let Some(value) = value_of(line, b"content-length") {
                    let length = parse_length(value)?;
                    if self.length.is_some_and(|before| before != length) {
                        return Err(Malformed::Length);
                    }
                    self.length = Some(length);
                } else if let Some(value) = value_of(line, b"connection") {
                    let named = |option: &[u8]| list(value).any(|found| found.eq_ignore_ascii_case(option));
                    self.persists = !named(b"close") && (self.persists || named(b"keep-alive"));
                }
            }
            Some(b't') => {
                if let Some(value) = value_of(line, b"transfer-encoding") {
                    let last = list(value).last();
                    self.chunked = Some(last.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The value of a field line, if the field has this name.
///
/// ```text
/// field-line = field-name ":" OWS field-value OWS
/// ```
fn value_of<'b>(line: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let (start, behind) = line.split_at_checked(name.len())?;
    let value = behind.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| trim(value))
}

/// `Content-Length = 1*DIGIT` (RFC 9110 §8.6).
fn parse_length(value: &[u8]) -> Result<u64, Malformed> {
    let mut digits = value.iter().map(|byte| byte.is_ascii_digit().then(|| u64::from(byte - b'0')));
    let length = digits.try_fold(0_u64, |length, digit| length.checked_mul(10)?.checked_add(digit?));
    length.filter(|_| !value.is_empty()).ok_or(Malformed::Length)
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Malformed {
        Malformed::Rule(fault.rule)
    }
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::StatusLine => f.write_str("the answer does not begin with a status line of HTTP/1"),
            Malformed::Length => f.write_str("the Content-Length of the answer is no number, or two"),
            Malformed::LengthWithCoding => {
                f.write_str("the answer has both Content-Length and Transfer-Encoding")
            }
            Malformed::Rule(rule) => write!(f, "in the answer, {}", rule.lesson().claim),
        }
    }
}

/// Generous: whoever is measured chooses the fields of its answers.
const LIMITS: HeadLimits = HeadLimits { request_line_bytes: 8 * 1024, head_bytes: 64 * 1024, fields: 200 };
