//! The watchers and the publisher as a crowd of clients lets them talk.

use std::cmp::Reverse;
use std::time::Instant;

use super::watcher::Watcher;
use super::{Line, Rhythm, Stage, Watch};
use crate::contrast::client::answers::{Answers, Piece};
use crate::contrast::client::{End, Next, Talk};

impl Talk for Watch {
    type Line = Line;

    fn open(&mut self, now: Instant, number: usize) -> Line {
        let index = self.opened;
        self.opened += 1;
        if index == self.terms.watchers {
            self.publisher = Some(number);
            return Line::Publisher { answers: Answers::default(), status: 0, content: Vec::new() };
        }
        Line::Watcher { index, number, asked: now, watcher: Box::new(Watcher::new(self.terms.way)) }
    }

    fn connected(&mut self, line: &mut Line, now: Instant, out: &mut Vec<u8>) {
        match line {
            Line::Watcher { index, watcher, .. } if self.subscribes_first() => {
                self.ask(*index, watcher, now, out);
            }
            Line::Watcher { .. } | Line::Publisher { .. } => {}
        }
    }

    fn receive(&mut self, line: &mut Line, now: Instant, bytes: &[u8], out: &mut Vec<u8>) -> Next {
        let Line::Publisher { answers, status, content } = line else {
            return self.watcher_receives(line, now, bytes, out);
        };
        let result = answers.receive(bytes, |piece| match piece {
            Piece::Head(head) => *status = head.status,
            Piece::Content(bytes) => content.extend_from_slice(bytes),
            Piece::End => {
                self.answered(*status, &String::from_utf8_lossy(content), now);
                content.clear();
            }
        });
        if let Err(malformed) = result {
            self.note_trouble(malformed.to_string());
        }
        Next::Stay
    }

    /// A connection that has ended stays until its packets were counted.
    fn ended(&mut self, line: &mut Line, _now: Instant, why: End<'_>) -> Next {
        let is_expected = match line {
            Line::Watcher { index, .. } => self.ledger.has_all(*index),
            Line::Publisher { .. } => self.ledger.is_complete(),
        };
        if !is_expected {
            self.note_trouble(format!("a connection has ended before everything was heard: {why:?}"));
        }
        match why {
            End::Closed => Next::Stay,
            End::NotOpened(_) | End::Broken(_) => Next::Close,
        }
    }

    fn poll_speaker(&mut self, now: Instant) -> Option<usize> {
        if self.stage == Stage::Gathering || self.trouble.is_some() {
            return None;
        }
        if let (Rhythm::Window(window), Some(publisher)) = (self.terms.rhythm, self.publisher)
            && self.published > 0
            && self.published < self.terms.events.min(self.ledger.complete() + window)
        {
            return Some(publisher);
        }
        let Reverse((due, number)) = *self.due.peek()?;
        (due <= now).then(|| {
            self.due.pop();
            number
        })
    }

    fn speak(&mut self, line: &mut Line, now: Instant, out: &mut Vec<u8>) {
        match line {
            Line::Publisher { .. } => {
                let publisher = self.publisher.expect("this is its line");
                self.publish(publisher, out);
            }
            Line::Watcher { index, .. } if self.ledger.has_all(*index) => {}
            Line::Watcher { index, asked, watcher, .. } => {
                *asked = now;
                self.ask(*index, watcher, now, out);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((due, _))| *due).filter(|_| self.stage == Stage::Watching)
    }

    fn is_done(&self) -> bool {
        match self.stage {
            _ if self.trouble.is_some() => true,
            Stage::Gathering => self.is_gathered(),
            Stage::Watching => self.ledger.is_complete(),
        }
    }
}
