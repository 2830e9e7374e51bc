//! Parts of a file on their way out: one piece is sent while the next one is read.

use std::collections::VecDeque;
use std::mem;

use crate::http::range::ByteRange;
use crate::lab::exchange::PIECE_BYTES as TURN_BYTES;
use crate::lab::spool::PIECE_BYTES;
use crate::session::{Done, Errand, Failure, File, Name};

pub(super) struct Supply {
    name: Name,
    state: State,
    /// What is still to be read.
    reads: VecDeque<ByteRange>,
    /// What has been read, and how far it has been taken.
    ready: Vec<u8>,
    taken: usize,
    /// What comes after it.
    ahead: Vec<u8>,
    /// A buffer that nobody uses.
    spare: Vec<u8>,
}

enum State {
    Closed,
    Opening,
    Open(File),
    /// So many bytes are being read.
    Reading(usize),
}

impl Supply {
    pub(super) fn new(name: Name, reads: VecDeque<ByteRange>) -> Supply {
        let [ready, ahead, spare] = [const { Vec::new() }; 3];
        Supply { name, state: State::Closed, reads, ready, taken: 0, ahead, spare }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Reading(_))
    }

    pub(super) fn demands_errand(&self) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(_) => !self.reads.is_empty() && self.ahead.is_empty(),
            State::Opening | State::Reading(_) => false,
        }
    }

    pub(super) fn poll_errand(&mut self) -> Option<Errand> {
        match mem::replace(&mut self.state, State::Opening) {
            State::Closed => Some(Errand::Open { name: self.name.clone() }),
            State::Open(file) => {
                let part = self.reads.front_mut()?;
                let (offset, count) = (part.start, part.len().min(PIECE_BYTES as u64) as usize);
                part.start += count as u64;
                if part.is_empty() {
                    self.reads.pop_front();
                }
                let mut bytes = mem::take(&mut self.spare);
                bytes.resize(count, 0);
                self.state = State::Reading(count);
                Some(Errand::Read { file, offset, bytes, digests: None })
            }
            busy @ (State::Opening | State::Reading(_)) => {
                self.state = busy;
                None
            }
        }
    }

    /// # Errors
    /// The file cannot be read, or is shorter than it was.
    pub(super) fn handle(&mut self, done: Done) -> Result<(), Failure> {
        match (done, &self.state) {
            (Done::Opened(opened), State::Opening) => self.state = State::Open(opened?.file),
            (Done::Read { file, bytes, result, .. }, State::Reading(due)) => {
                result?;
                if bytes.len() < *due {
                    return Err(Failure::Other("it is shorter than it was".into()));
                }
                self.state = State::Open(file);
                self.ahead = bytes;
                self.move_up();
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    /// The next bytes, `most` at the most; none when they have not been read yet.
    pub(super) fn take(&mut self, most: u64) -> &[u8] {
        self.move_up();
        let left = self.ready.len() - self.taken;
        let count = left.min(TURN_BYTES).min(usize::try_from(most).unwrap_or(usize::MAX));
        self.taken += count;
        &self.ready[self.taken - count..self.taken]
    }

    fn move_up(&mut self) {
        if self.taken == self.ready.len() && !self.ahead.is_empty() {
            self.spare = mem::replace(&mut self.ready, mem::take(&mut self.ahead));
            self.taken = 0;
        }
    }
}
