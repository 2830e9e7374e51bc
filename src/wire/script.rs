//! A file of the notation, read as a conversation: what the client gives, and what is expected then.
//!
//! | line | says |
//! | --- | --- |
//! | `# …` or blank | nothing; it is kept |
//! | `C: GET / HTTP/1.1\r\n`, `C\| 81 85 …` | the client sends bytes |
//! | `C* 65536 61` | the client sends the same bytes so many times |
//! | `C <eof>` | the client has finished sending |
//! | `T +15s`, `T +200ms` | the clock moves |
//! | `= Request GET /` | the core reports an event |
//! | `! 400 …` | the core reports an error |
//! | `S: HTTP/1.1 200 OK\r\n`, `S\| 88 00`, `S* …` | the server sends bytes |
//! | `S <half-close>`, `S <close>`, `S <reset>` | the server's end of the connection |
//!
//! It keeps every line as it was written, so that new expectations can be put in between the others. It never runs
//! a conversation, and does not know what an event is.

mod line;
mod rewrite;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use self::line::{Line, Meaning};
use super::notation::{Side, print_block};

pub use self::line::Fault;

/// A whole file.
#[derive(Clone, Debug)]
pub struct Script {
    lines: Vec<Line>,
    turns: Vec<Turn>,
}

/// What the client gives, up to the next expectation, and all that is expected then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// In the order of the file; never two neighbours that are both bytes.
    pub given: Vec<Step<Given>>,
    /// In the order of the file; never two neighbours that are both bytes.
    pub expected: Vec<Step<Expected>>,
}

/// One step, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// The number of its first line; the first line of a file is 1.
    pub line: usize,
    /// What happens.
    pub what: T,
    last_line: usize,
}

/// What comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The client sends.
    Bytes(Vec<u8>),
    /// The client has finished sending.
    Eof,
    /// Time passes.
    Clock(Duration),
}

/// What should come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The core reports an event.
    Event(String),
    /// The core reports an error.
    Error(String),
    /// The server sends.
    Bytes(Vec<u8>),
    /// The server has finished sending, and reads on.
    HalfClose,
    /// The server drops the connection.
    Close,
    /// The server drops the connection with a TCP reset.
    Reset,
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self { lines: Vec::new(), turns: Vec::new() };
        for (index, text) in text.split_inclusive('\n').enumerate() {
            let line = Line::parse(text).map_err(|fault| ScriptError { line: index + 1, fault })?;
            script.take_in(index + 1, &line.meaning);
            script.lines.push(line);
        }
        Ok(script)
    }
}

impl Script {
    /// The conversation, in turns.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// All that one side sends.
    pub fn bytes(&self, side: Side) -> Vec<u8> {
        let mut all = Vec::new();
        for line in &self.lines {
            match (side, &line.meaning) {
                (Side::Client, Meaning::Given(Given::Bytes(bytes)))
                | (Side::Server, Meaning::Expected(Expected::Bytes(bytes))) => all.extend(bytes),
                _ => {}
            }
        }
        all
    }

    fn take_in(&mut self, line: usize, meaning: &Meaning) {
        let starts_turn = match (meaning, self.turns.last()) {
            (Meaning::Nothing, _) => return,
            (_, None) => true,
            (Meaning::Given(_), Some(turn)) => !turn.expected.is_empty(),
            (Meaning::Expected(_), Some(_)) => false,
        };
        if starts_turn {
            self.turns.push(Turn::default());
        }
        let Some(turn) = self.turns.last_mut() else {
            return;
        };
        match meaning {
            Meaning::Nothing => {}
            Meaning::Given(given) => turn.add_given(line, given),
            Meaning::Expected(expected) => turn.add_expected(line, expected),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| out.write_str(&line.text))
    }
}

impl Turn {
    /// The number of its first line.
    pub fn line(&self) -> usize {
        let first = self.given.first().map(|step| step.line);
        first.or(self.expected.first().map(|step| step.line)).unwrap_or(1)
    }

    fn add_given(&mut self, line: usize, given: &Given) {
        if let Some(Step { what: Given::Bytes(all), last_line, .. }) = self.given.last_mut()
            && let Given::Bytes(more) = given
        {
            all.extend(more);
            *last_line = line;
        } else {
            self.given.push(Step { line, what: given.clone(), last_line: line });
        }
    }

    fn add_expected(&mut self, line: usize, expected: &Expected) {
        if let Some(Step { what: Expected::Bytes(all), last_line, .. }) = self.expected.last_mut()
            && let Expected::Bytes(more) = expected
        {
            all.extend(more);
            *last_line = line;
        } else {
            self.expected.push(Step { line, what: expected.clone(), last_line: line });
        }
    }
}

impl Expected {
    /// Appends the lines that say this.
    ///
    /// # Panics
    ///
    /// If the text of an event or an error is not one line.
    pub fn print(&self, lines: &mut String) {
        let (before, text) = match self {
            Expected::Bytes(bytes) => return print_block(Side::Server, bytes, lines),
            Expected::Event(text) => ("   = ", text.as_str()),
            Expected::Error(text) => ("   ! ", text.as_str()),
            Expected::HalfClose => ("S ", "<half-close>"),
            Expected::Close => ("S ", "<close>"),
            Expected::Reset => ("S ", "<reset>"),
        };
        assert!(!text.contains('\n'), "one line for one event: {text:?}");
        lines.push_str(before);
        lines.push_str(text.trim_end());
        lines.push('\n');
    }
}

/// A line that does not follow the notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The number of the line; the first is 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, {}", self.line, self.fault)
    }
}

impl std::error::Error for ScriptError {}

#[cfg(test)]
mod tests;
