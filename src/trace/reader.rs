//! What one side has sent, cut into heads and pieces of bodies.

use std::mem;

use super::framing::{self, Body, Progress};
use crate::wire::notation::Side;

/// What one side sends, message after message.
#[derive(Default)]
pub(super) struct Reader {
    pub state: State,
    /// What may become a head.
    pub pending: Vec<u8>,
    pub exchange: usize,
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

    fn next_head(&mut self, side: Side, rest: &mut &[u8]) -> Found {
        self.pending.extend(*rest);
        if !may_begin(side, &self.pending) {
            *rest = &[];
            self.state = State::Lost;
            return Found::Data { bytes: mem::take(&mut self.pending), ends: false };
        }
        let Some(end) = framing::head_end(&self.pending) else {
            *rest = &[];
            return Found::Incomplete;
        };
        let after = self.pending.len() - end;
        *rest = &rest[rest.len() - after..];
        self.pending.truncate(end);
        Found::Head(mem::take(&mut self.pending))
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
