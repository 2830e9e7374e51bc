//! A connection for each request: opened, used once, closed by the server.

use std::time::Instant;

use super::answers::{Answers, Ended, Piece};
use super::meter::Meter;
use super::{End, Next, Talk};

/// Visitors who come, ask once and go, and come again.
#[derive(Debug)]
pub struct Visits {
    /// With `Connection: close`.
    request: Vec<u8>,
    over: bool,
    pub meter: Meter,
}

/// One visit.
#[derive(Debug)]
pub struct Visit {
    since: Instant,
    answers: Answers,
    status: u16,
    persists: bool,
    is_answered: bool,
}

impl Visits {
    pub fn new(request: &[u8]) -> Visits {
        Visits { request: request.to_vec(), over: false, meter: Meter::default() }
    }

    /// Who has gone does not come again.
    pub fn stop(&mut self) {
        self.over = true;
    }

    fn finish(&mut self, visit: &mut Visit, now: Instant) {
        visit.is_answered = true;
        let status = visit.status;
        self.meter.answer(visit.since, now);
        self.meter.errors(
            |errors| &mut errors.status,
            u64::from(status != 200),
            format_args!("status {status}"),
        );
    }

    fn next(&self) -> Next {
        if self.over { Next::Close } else { Next::Reopen }
    }
}

impl Talk for Visits {
    type Line = Visit;

    fn open(&mut self, now: Instant, _: usize) -> Visit {
        Visit { since: now, answers: Answers::default(), status: 0, persists: true, is_answered: false }
    }

    fn connected(&mut self, _: &mut Visit, _: Instant, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.request);
    }

    fn receive(&mut self, visit: &mut Visit, now: Instant, bytes: &[u8], _: &mut Vec<u8>) -> Next {
        let Visit { answers, status, persists, .. } = visit;
        let mut is_whole = false;
        let result = answers.receive(bytes, |piece| match piece {
            Piece::Head(head) => (*status, *persists) = (head.status, head.persists),
            Piece::Content(_) => {}
            Piece::End => is_whole = true,
        });
        if let Err(malformed) = result {
            self.meter.errors(|errors| &mut errors.malformed, 1, malformed);
            return Next::Close;
        }
        if is_whole {
            self.finish(visit, now);
        }
        // The server is to close, so that its side remembers the connection and not ours; unless it will not.
        if is_whole && visit.persists { self.next() } else { Next::Stay }
    }

    fn ended(&mut self, visit: &mut Visit, now: Instant, why: End<'_>) -> Next {
        match why {
            End::NotOpened(error) => {
                self.meter.errors(|errors| &mut errors.connect, 1, error);
                return Next::Close;
            }
            _ if visit.is_answered => return self.next(),
            End::Closed if visit.answers.ended() == Ended::Complete => {
                self.finish(visit, now);
                return self.next();
            }
            End::Closed => {
                let why = "the server has ended a connection without an answer";
                self.meter.errors(|errors| &mut errors.broken, 1, why);
            }
            End::Broken(error) => self.meter.errors(|errors| &mut errors.broken, 1, error),
        }
        Next::Close
    }
}
