//! What an event stream says, byte by byte as it comes (WHATWG HTML §9.2.6).
//!
//! The parser never refuses what a server wrote: whatever is no field that it knows is ignored, and a byte that is no
//! UTF-8 is read as U+FFFD. All that can stop it is a limit. The end of the stream is nothing to it: a block without
//! the blank line that dispatches it is discarded.
//!
//! ```text
//!             ┌── data, event, id ──▶ into the buffers ──┐
//! line ───────┼── retry ────────────▶ Retry              ├──▶ next line
//!             ├── blank, with data ─▶ Event              │
//!             └── anything else ─────────────────────────┘
//! ```

use std::mem;
use std::time::Duration;

use super::error::{Error, Rule};
use super::lines::{Line, Lines};

/// The reading end of one event stream.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    lines: Lines,
    /// The values of all data fields, an LF behind each, as they came: what is not UTF-8 would grow in decoding.
    data: Vec<u8>,
    kind: String,
    last_event_id: String,
    failed: Option<Error>,
}

/// What a stream may cost; the standard leaves it to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line, whatever it says; what ends it is not counted.
    pub line_bytes: usize,
    /// Bytes of the data of one event, the LFs between its lines included.
    pub data_bytes: usize,
}

impl Default for Limits {
    /// 1 MiB each: a text of that length fits either way, on one line or on many.
    fn default() -> Limits {
        Limits { line_bytes: 1024 * 1024, data_bytes: 1024 * 1024 }
    }
}

/// What the next bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    Event(Dispatched),
    /// The reconnection time: how long to wait before coming again, once the connection is lost.
    Retry(Duration),
    /// More bytes are needed; these were all consumed.
    Incomplete,
}

/// An event as a page would get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatched {
    /// Its type; `message` where the stream gives none.
    pub kind: String,
    pub data: String,
    /// The id of this event, or of the last one before it that had one; empty for none.
    pub last_event_id: String,
}

impl Parser {
    pub fn new(limits: Limits) -> Parser {
        Parser {
            limits,
            lines: Lines::default(),
            data: Vec::new(),
            kind: String::new(),
            last_event_id: String::new(),
            failed: None,
        }
    }

    /// What comes next in `bytes`, which begin where the call before left off, and how many of them it consumed.
    ///
    /// # Errors
    /// The limit that the stream breaks, and the first byte that breaks it. After it every call gives the same error.
    pub fn next_event(&mut self, bytes: &[u8]) -> Result<(usize, Parsed), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.parse(bytes);
        self.failed = result.as_ref().err().copied();
        result
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<(usize, Parsed), Error> {
        let mut consumed = 0;
        loop {
            let (used, line) = self.lines.next_line(&bytes[consumed..], self.limits.line_bytes)?;
            consumed += used;
            let Some(line) = line else { return Ok((consumed, Parsed::Incomplete)) };
            if let Some(parsed) = self.take_line(&line)? {
                return Ok((consumed, parsed));
            }
        }
    }

    /// "Field names must be compared literally, with no case folding performed." A comment is a field without a name.
    fn take_line(&mut self, line: &Line<'_>) -> Result<Option<Parsed>, Error> {
        let text = line.text();
        if text.is_empty() {
            return Ok(self.dispatch().map(Parsed::Event));
        }
        let (name, value) = split_field(text);
        match name {
            b"data" => self.append_data(value, line.end)?,
            b"event" => self.kind = decode(value.to_vec()),
            b"id" if !value.contains(&b'\0') => self.last_event_id = decode(value.to_vec()),
            b"retry" => return Ok(parse_time(value).map(Parsed::Retry)),
            _ => {}
        }
        Ok(None)
    }

    fn append_data(&mut self, value: &[u8], end: u64) -> Result<(), Error> {
        let room = self.limits.data_bytes.checked_sub(self.data.len());
        if room.is_none_or(|room| value.len() > room) {
            let too_much = value.len() - room.unwrap_or(0);
            return Err(Error { rule: Rule::DataLong, offset: end - too_much as u64 });
        }
        self.data.extend_from_slice(value);
        self.data.push(b'\n');
        Ok(())
    }

    /// "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
    /// return": a type does not outlive its block, the last event ID does. Even an empty data field has left its LF.
    fn dispatch(&mut self) -> Option<Dispatched> {
        let (kind, mut data) = (mem::take(&mut self.kind), mem::take(&mut self.data));
        data.pop()?;
        Some(Dispatched {
            kind: if kind.is_empty() { DEFAULT_KIND.to_owned() } else { kind },
            data: decode(data),
            last_event_id: self.last_event_id.clone(),
        })
    }
}

/// Name and value of a field, without the one space that may follow the colon. Without a colon, "the whole line" is
/// the name, and the value is empty.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        None => (line, &line[line.len()..]),
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
    }
}

/// Milliseconds "in base ten", of "only ASCII digits"; as many as there are beyond 64 bits.
fn parse_time(value: &[u8]) -> Option<Duration> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let add = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    is_number.then(|| Duration::from_millis(value.iter().fold(0, add)))
}

/// As the whole stream would be decoded: no character crosses the end of a line.
fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

const DEFAULT_KIND: &str = "message";
