//! Parts of a file on their way out, piece by piece. The next piece is read when the one before has left: what the system
//! still holds of it for the client keeps the network busy meanwhile.

use std::collections::VecDeque;
use std::mem;

use crate::http::range::ByteRange;
use crate::lab::spool::PIECE_BYTES;
use crate::session::{Done, Errand, Failure, File, Name};

pub(super) struct Supply {
    name: Name,
    state: State,
    /// What is still to be read.
    reads: VecDeque<ByteRange>,
    /// What has been read; it never goes beyond one part.
    ready: Vec<u8>,
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
        Supply { name, state: State::Closed, reads, ready: Vec::new() }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Reading(_))
    }

    pub(super) fn demands_errand(&self) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(_) => !self.reads.is_empty() && self.ready.is_empty(),
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
                let mut bytes = mem::take(&mut self.ready);
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
                self.ready = bytes;
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    /// What was read last. Who has sent it leaves an empty buffer here for the next piece.
    pub(super) fn ready(&mut self) -> &mut Vec<u8> {
        &mut self.ready
    }
}
