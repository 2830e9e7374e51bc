//! What is read from a file or written there: one operation after another, until all of it is done.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{Fd, Timespec};

use super::MOST_AT_ONCE;
use crate::drivers::disk;
use crate::drivers::pool::Ticket;
use crate::session::File;

/// A file, and all that an operation on it uses. It stays open for as long as the ring has it.
pub(in super::super) struct Transfer {
    pub(in super::super) ticket: Ticket,
    pub(in super::super) action: Action,
    pub(in super::super) file: File,
    pub(in super::super) offset: u64,
    /// What is written, or read into.
    pub(in super::super) bytes: Vec<u8>,
    /// How many of them were moved so far.
    pub(in super::super) moved: usize,
    /// How long the disk is slow before it begins.
    pub(in super::super) pause: Option<Pause>,
    pub(in super::super) began: Instant,
    /// Whether somebody wants to know who did it: the thread that has asked.
    pub(in super::super) reports_to: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Action {
    Read,
    Write,
    Sync,
}

/// A time for the kernel to wait.
pub(in super::super) struct Pause(Timespec);

impl Pause {
    pub(in super::super) fn new(time: Duration) -> Option<Pause> {
        (!time.is_zero()).then(|| Pause(time.into()))
    }
}

impl Transfer {
    /// The next operation. It uses the descriptor and memory of this, which has to stay where it is until that has ended.
    pub(super) fn operation(&mut self) -> Entry {
        if let Some(Pause(time)) = &self.pause {
            return opcode::Timeout::new(time).build();
        }
        let file = Fd(disk::opened(&mut self.file).as_raw_fd());
        let rest = &mut self.bytes[self.moved..];
        let (len, offset) = (rest.len().min(MOST_AT_ONCE) as u32, self.offset + self.moved as u64);
        match self.action {
            Action::Read => opcode::Read::new(file, rest.as_mut_ptr(), len).offset(offset).build(),
            Action::Write => opcode::Write::new(file, rest.as_ptr(), len).offset(offset).build(),
            Action::Sync => opcode::Fsync::new(file).build(),
        }
    }
}
