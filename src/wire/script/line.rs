//! One line of a script: its mark, and what follows it.

use std::fmt;
use std::time::Duration;

use super::{Expected, Given};
use crate::wire::notation::{NotationError, Rule, Side, decode, decode_hex, decode_repeated};

/// A line as it was written, its break included, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub text: String,
    pub meaning: Meaning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Nothing,
    Given(Given),
    Expected(Expected),
}

impl Line {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let meaning = parse_meaning(text.strip_suffix('\n').unwrap_or(text))?;
        Ok(Self { text: text.to_owned(), meaning })
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Bytes are written wrongly; the column counts from the start of the line.
    Notation(NotationError),
    /// The line opens with no mark that is known.
    Mark,
    /// `C <…>` or `S <…>` with a word that this side does not have.
    End,
    /// `T` without a plus sign, digits, and `s` or `ms`.
    Clock,
    /// `=` or `!` with nothing behind it.
    NoText,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Fault::Notation(error) => return error.fmt(out),
            Fault::Mark => "column 1: a line opens with one of # C: C| C* S: S| S* C< S< T = !",
            Fault::End => "column 3: the ends are C <eof>, S <half-close>, S <close> and S <reset>",
            Fault::Clock => "column 3: the clock moves like +15s or +200ms",
            Fault::NoText => "column 1: = and ! are followed by a space and a text",
        })
    }
}

fn parse_meaning(line: &str) -> Result<Meaning, Fault> {
    // Only what the core reports may be indented: bytes would be hard to find again in a ragged margin.
    let unindented = line.trim_start_matches(' ');
    match unindented.as_bytes() {
        [] | [b'#', ..] => return Ok(Meaning::Nothing),
        [b'=', ..] => {
            return parse_report(line, unindented).map(Expected::Event).map(Meaning::Expected);
        }
        [b'!', ..] => {
            return parse_report(line, unindented).map(Expected::Error).map(Meaning::Expected);
        }
        _ => {}
    }
    match line.as_bytes() {
        [b'T', b' ', ..] => parse_clock(&line[2..]).map(Given::Clock).map(Meaning::Given),
        [b'C' | b'S', b' ', ..] => parse_end(line),
        [mark @ (b'C' | b'S'), b':' | b'|' | b'*', ..] => {
            let bytes = parse_bytes(line)?;
            Ok(match Side::from_mark(char::from(*mark)) {
                Some(Side::Client) => Meaning::Given(Given::Bytes(bytes)),
                _ => Meaning::Expected(Expected::Bytes(bytes)),
            })
        }
        _ => Err(Fault::Mark),
    }
}

fn parse_report(line: &str, unindented: &str) -> Result<String, Fault> {
    let text = unindented[1..].strip_prefix(' ').ok_or(Fault::NoText)?;
    match text.trim_end() {
        "" => Err(Fault::NoText),
        trimmed if trimmed.len() < text.len() => {
            Err(Fault::Notation(NotationError { column: line.trim_end().len() + 1, rule: Rule::SpaceAtEnd }))
        }
        _ => Ok(text.to_owned()),
    }
}

fn parse_bytes(line: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let (mark, text) = line.split_at(2);
    let text_start = 3;
    let result = match text.strip_prefix(' ') {
        None | Some("") => Err(NotationError { column: 1, rule: Rule::NoBytes }),
        Some(text) if mark.ends_with('|') => decode_hex(text, &mut bytes),
        Some(text) if mark.ends_with('*') => decode_repeated(text, &mut bytes),
        Some(text) => decode(text, &mut bytes),
    };
    let from_line_start = |error: NotationError| NotationError { column: error.column + text_start, ..error };
    result.map(|()| bytes).map_err(|error| Fault::Notation(from_line_start(error)))
}

fn parse_end(line: &str) -> Result<Meaning, Fault> {
    match line {
        "C <eof>" => Ok(Meaning::Given(Given::Eof)),
        "S <half-close>" => Ok(Meaning::Expected(Expected::HalfClose)),
        "S <close>" => Ok(Meaning::Expected(Expected::Close)),
        "S <reset>" => Ok(Meaning::Expected(Expected::Reset)),
        _ => Err(Fault::End),
    }
}

fn parse_clock(text: &str) -> Result<Duration, Fault> {
    let amount = text.strip_prefix('+').ok_or(Fault::Clock)?;
    let (digits, unit): (&str, fn(u64) -> Duration) = match amount.strip_suffix("ms") {
        Some(digits) => (digits, Duration::from_millis),
        None => (amount.strip_suffix('s').ok_or(Fault::Clock)?, Duration::from_secs),
    };
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().map(unit).map_err(|_| Fault::Clock),
        false => Err(Fault::Clock),
    }
}
