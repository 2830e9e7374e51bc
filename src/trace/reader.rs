//! What one side has sent, cut into heads and pieces of bodies.

use std::mem;

use super::framing::{self, Body, Progress};
use crate::wire::notation::Side;

/// What one side sends, message after message.
#[derive(Default)]
pub(super) struct Reader {
    pub state: State,
    pub exchange: usize,
    /// What may become a head.
    pending: Vec<u8>,
    /// Where the line of it begins that has not ended yet.
    line_start: usize,
    /// Whether a line has ended that is more than a line break.
    has_start_line: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Head,
    Body(Body),
    Lost,
}

impl State {
    pub fn after_head(body: Body) -> Self {
        match body {
            Body::Length(0) => State::Head,
            body => State::Body(body),
        }
    }
}

pub(super) enum Found {
    Incomplete,
    Head(Vec<u8>),
    Data { bytes: Vec<u8>, ends: bool },
}

impl Reader {
    pub fn next(&mut self, side: Side, rest: &mut &[u8]) -> Found {
        match self.state {
            State::Lost => Found::Data { bytes: take(rest, rest.len()), ends: false },
            State::Head => self.next_head(side, rest),
            State::Body(body) => {
                let (state, taken) = match body.advance(rest) {
                    Progress::More(body) => (State::Body(body), rest.len()),
                    Progress::Ends(len) => (State::Head, len),
                    Progress::Broken => (State::Lost, rest.len()),
                };
                self.state = state;
                Found::Data { bytes: take(rest, taken), ends: state == State::Head }
            }
        }
    }

    /// Goes line by line, so that each byte is looked at once, however many heads come in one chunk or chunks make up
    /// one head.
    fn next_head(&mut self, side: Side, rest: &mut &[u8]) -> Found {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
            let (line, after) = rest.split_at(end);
            self.pending.extend_from_slice(line);
            *rest = after;
            let line = &self.pending[self.line_start..];
            if !self.has_start_line && !may_begin(side, line) {
                self.pending.extend_from_slice(mem::take(rest));
                self.state = State::Lost;
                return Found::Data { bytes: self.take_pending(), ends: false };
            }
            if self.has_start_line && matches!(line, b"\r\n" | b"\n") {
                return Found::Head(self.take_pending());
            }
            if line.ends_with(b"\n") {
                self.has_start_line |= line.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
                self.line_start = self.pending.len();
            }
        }
        Found::Incomplete
    }

    /// Takes what may have become a head.
    pub fn take_pending(&mut self) -> Vec<u8> {
        (self.line_start, self.has_start_line) = (0, false);
        mem::take(&mut self.pending)
    }
}

pub(super) fn may_begin(side: Side, bytes: &[u8]) -> bool {
    match side {
        Side::Client => framing::may_begin_request(bytes),
        Side::Server => framing::may_begin_response(bytes),
    }
}

fn take(rest: &mut &[u8], len: usize) -> Vec<u8> {
    let (taken, after) = rest.split_at(len);
    *rest = after;
    taken.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_empty_line() {
        for (bytes, end) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nx"[..], Some(27)),
            (b"\r\nGET / HTTP/1.1\n\nx", Some(18)),
            (b"\r\n\r\nGET / HTTP/1.1\r\n", None),
        ] {
            for piece in [1, 2, bytes.len()] {
                assert_eq!(head_end(bytes, piece), end, "{} by {piece}", bytes.escape_ascii());
            }
        }
    }

    fn head_end(bytes: &[u8], piece: usize) -> Option<usize> {
        let mut reader = Reader::default();
        bytes.chunks(piece).find_map(|mut rest| match reader.next(Side::Client, &mut rest) {
            Found::Head(head) => Some(head.len()),
            _ => None,
        })
    }
}
