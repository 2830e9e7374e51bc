//! A crowd of clients in one thread: connections that all wait in one place.
//!
//! What they say and what they make of the answers is the business of a [`Talk`]; the [`Crowd`] knows sockets and no
//! protocol. It is built so that the server is the bottleneck: one buffer to read into, one to write from, one read and
//! one write for an answer and the next request, and nothing is allocated for either.

pub mod answers;
mod crowd;
pub mod load;
mod member;
pub mod meter;
pub mod once;
pub mod schedule;
pub mod silence;
pub mod visits;

use std::io;
use std::time::Instant;

pub use self::crowd::{Crowd, Pace};

/// What the clients of a crowd say, and what they make of what they hear.
pub trait Talk {
    /// What is remembered of one connection.
    type Line;

    /// A connection is about to be opened; `number` names it in [`poll_speaker`](Talk::poll_speaker).
    fn open(&mut self, now: Instant, number: usize) -> Self::Line;

    /// It is open; what is appended to `out` is said at once.
    fn connected(&mut self, line: &mut Self::Line, now: Instant, out: &mut Vec<u8>);

    /// Bytes arrived.
    fn receive(&mut self, line: &mut Self::Line, now: Instant, bytes: &[u8], out: &mut Vec<u8>) -> Next;

    /// The connection is over, and not by us.
    fn ended(&mut self, line: &mut Self::Line, now: Instant, why: End<'_>) -> Next;

    /// The number of a connection that has something to say though nothing has arrived: asked before every wait, until
    /// there is none.
    fn poll_speaker(&mut self, _now: Instant) -> Option<usize> {
        None
    }

    /// What that connection has to say.
    fn speak(&mut self, _line: &mut Self::Line, _now: Instant, _out: &mut Vec<u8>) {}

    /// When to ask for speakers again, whatever happens.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether there is nothing to wait for any more.
    fn is_done(&self) -> bool {
        false
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Stay,
    /// It is closed, and another one opened in its place.
    Reopen,
    Close,
}

/// How a connection ended.
#[derive(Debug)]
pub enum End<'e> {
    /// It was never open.
    NotOpened(&'e io::Error),
    /// The server has ended the stream.
    Closed,
    Broken(&'e io::Error),
}
