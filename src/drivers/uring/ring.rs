//! The ring: what is submitted to the kernel, what it reports back, and the memory that both touch.
//!
//! Of the servers, only this module and its children have `unsafe`, for one reason: an operation tells the kernel an
//! address, and the kernel reads or writes there later, when no borrow of ours is left to be checked. The argument for
//! them is:
//!
//! 1. **The ring owns what an operation uses** from before it is submitted until its last completion was taken. Bytes to
//!    be sent, and files with what is read or written there, are moved into the ring and come back with the completion;
//!    bytes that arrive lie in buffers of the ring, which it lends one by one. Connections may be dropped, cancelled, or
//!    panic: they own none of it.
//! 2. **Nobody else makes operations.** All other arguments of theirs are numbers. A wrong one of these can only fail or
//!    meet another descriptor, and descriptors are closed here, by whoever owns them.
//! 3. **The ring ends last.** Dropping it cancels everything and takes every completion; if that cannot be done, the
//!    memory is leaked rather than freed.

#![allow(unsafe_code)]

mod buffers;
mod setup;
mod transfer;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_uring::cqueue::{buffer_select, more};
use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode};
use slab::Slab;

use self::buffers::Buffers;
use self::setup::{explained, probe, set_up};
use super::token::{Token, Whose};
use crate::drivers::counts::Calls;

pub(super) use self::buffers::Buffer;
pub(super) use self::transfer::{Action, Pause, Transfer};

/// How large the ring is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Operations that are submitted with one system call; more take more calls.
    pub(super) submissions: u32,
    /// Completions that the ring holds; the kernel keeps those beyond, at a cost.
    pub(super) completions: u32,
    /// Buffers for what arrives; a power of two.
    pub(super) buffers: u16,
    pub(super) buffer_bytes: usize,
}

/// One `io_uring`, and everything that its operations use.
pub(super) struct Ring {
    uring: IoUring,
    buffers: Rc<Buffers>,
    sends: Slab<Sending>,
    transfers: Slab<Box<Transfer>>,
    calls: Calls,
    /// What has not found room in the submission queue yet.
    backlog: VecDeque<Entry>,
    /// Operations that have not ended.
    under_way: usize,
}

/// Bytes on their way to a peer.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) bytes: Vec<u8>,
    pub(super) sent: usize,
    /// When it is too long that the peer has taken none of them.
    pub(super) stalls_at: Instant,
}

struct Sending {
    whose: Whose,
    unsent: Unsent,
}

/// What the kernel reports. Where there is a `goes_on`, the operation has ended unless it does.
pub(super) enum Completion {
    Accepted {
        result: io::Result<OwnedFd>,
        goes_on: bool,
    },
    /// Bytes, or `None` for the end of the stream.
    Received {
        whose: Whose,
        result: io::Result<Option<Buffer>>,
        goes_on: bool,
    },
    Sent {
        whose: Whose,
        unsent: Unsent,
        result: io::Result<usize>,
    },
    /// The socket has room again, or an error.
    Changed {
        whose: Whose,
        goes_on: bool,
    },
    /// Of a file, with as many bytes as were moved.
    Transferred {
        transfer: Box<Transfer>,
        result: io::Result<usize>,
    },
    Closed,
    Stop {
        goes_on: bool,
    },
    Alarm {
        goes_on: bool,
    },
}

impl Completion {
    pub(super) fn is_of_socket(&self) -> bool {
        use Completion::{Accepted, Changed, Received, Sent};
        matches!(self, Accepted { .. } | Received { .. } | Sent { .. } | Changed { .. })
    }
}

impl Ring {
    /// A ring for this thread.
    ///
    /// # Errors
    /// What the kernel lacks or forbids, in words.
    pub(super) fn new(shape: Shape) -> io::Result<Ring> {
        let uring = set_up(shape).map_err(explained)?;
        probe(&uring)?;
        let buffers = Buffers::new(shape.buffers, shape.buffer_bytes);
        // SAFETY: the entries stay where they are until the ring is dropped, for it holds the buffers.
        let registered = unsafe {
            uring.submitter().register_buf_ring_with_flags(buffers.address(), buffers.count(), GROUP, 0)
        };
        registered.map_err(explained)?;
        Ok(Ring {
            uring,
            buffers,
            sends: Slab::new(),
            transfers: Slab::new(),
            calls: Calls::default(),
            backlog: VecDeque::new(),
            under_way: 0,
        })
    }

    /// Accepts connections until it is cancelled or fails.
    pub(super) fn accept(&mut self, listener: BorrowedFd<'_>) {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC);
        self.begin(Token::Accept, accept.build());
    }

    /// Receives into the buffers of the ring until the stream ends, it is cancelled, or fails.
    pub(super) fn receive(&mut self, whose: Whose, socket: BorrowedFd<'_>) {
        let receive = opcode::RecvMulti::new(Fd(socket.as_raw_fd()), GROUP);
        self.begin(Token::Receive(whose), receive.build());
    }

    /// Sends what is unsent, or a part of it, or fails with EAGAIN where there is no room: a send that waits for room
    /// itself gives up if it is woken too often without any, as by a peer that has finished and does not read, and
    /// is left to a thread of the kernel. Returns the place by which it can be cancelled until it has ended.
    ///
    /// It is no zero-copy send: over loopback the kernel copies all the same, only later, and 1 GiB in pieces of 256 KiB
    /// took 2.4 times as long that way.
    pub(super) fn send(&mut self, whose: Whose, socket: BorrowedFd<'_>, unsent: Unsent) -> u32 {
        let place = self.sends.insert(Sending { whose, unsent });
        // The heap address stays the same when the slab moves its entries.
        let rest = &self.sends[place].unsent.bytes[self.sends[place].unsent.sent..];
        let send =
            opcode::Send::new(Fd(socket.as_raw_fd()), rest.as_ptr(), rest.len().min(MOST_AT_ONCE) as u32);
        let place = place as u32;
        self.begin(Token::Send(place), send.flags(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT).build());
        place
    }

    /// Begins the next operation of a transfer.
    pub(super) fn transfer(&mut self, transfer: Box<Transfer>) {
        let place = self.transfers.insert(transfer);
        let operation = self.transfers[place].operation();
        self.begin(Token::Transfer(place as u32), operation);
    }

    pub(super) fn files_under_way(&self) -> u64 {
        self.transfers.len() as u64
    }

    /// What it has had to do with the kernel so far.
    pub(super) fn calls(&self) -> Calls {
        self.calls
    }

    /// When what is under way at a place has taken too long.
    ///
    /// # Panics
    /// When nothing is.
    pub(super) fn stalls_at(&self, place: u32) -> Instant {
        self.sends[place as usize].unsent.stalls_at
    }

    /// Tells when the stream of requests to stop is readable, each time that it becomes so.
    pub(super) fn watch_stop(&mut self, stream: BorrowedFd<'_>) {
        self.watch(Token::Stop, stream, libc::POLLIN);
    }

    /// The same for an [`EventFd`](super::alarm::EventFd).
    pub(super) fn watch_alarm(&mut self, alarm: BorrowedFd<'_>) {
        self.watch(Token::Alarm, alarm, libc::POLLIN);
    }

    /// Tells each time that a socket has room again, or that something has happened to the connection.
    pub(super) fn watch_socket(&mut self, whose: Whose, socket: BorrowedFd<'_>) {
        self.watch(Token::Watch(whose), socket, libc::POLLOUT);
    }

    /// Each of these ends soon, with a completion as always.
    pub(super) fn cancel_accept(&mut self) {
        self.cancel(Token::Accept);
    }

    pub(super) fn cancel_receive(&mut self, whose: Whose) {
        self.cancel(Token::Receive(whose));
    }

    pub(super) fn cancel_watch(&mut self, whose: Whose) {
        self.cancel(Token::Watch(whose));
    }

    pub(super) fn cancel_send(&mut self, place: u32) {
        self.cancel(Token::Send(place));
    }

    /// Closes a descriptor, for which no operation should be under way: it would keep the socket open.
    pub(super) fn close(&mut self, descriptor: OwnedFd) {
        self.begin(Token::Close, opcode::Close::new(Fd(descriptor.into_raw_fd())).build());
    }

    /// Submits what was begun, and waits until something has completed or the time is over.
    pub(super) fn enter(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.unload();
        let mut arguments = SubmitArgs::new();
        let timespec = timeout.map(Timespec::from);
        if let Some(timespec) = &timespec {
            arguments = arguments.timespec(timespec);
        }
        self.calls.io_uring_enter += 1;
        let is_hurried = timeout == Some(Duration::ZERO) || !self.backlog.is_empty();
        match self.uring.submitter().submit_with_args(usize::from(!is_hurried), &arguments) {
            // The time is over; a signal; too many completions wait to be taken; no memory for a request just now.
            Err(error) if is_passing(&error) => Ok(()),
            entered => entered.map(drop),
        }
    }

    /// The next completion, if there is one.
    pub(super) fn next(&mut self) -> Option<Completion> {
        loop {
            let entry = self.uring.completion().next()?;
            let (result, flags) = (entry.result(), entry.flags());
            let goes_on = more(flags);
            self.calls.completions += 1;
            self.under_way -= usize::from(!goes_on);
            return Some(match Token::decode(entry.user_data()) {
                Token::Cancel => continue,
                Token::Close => Completion::Closed,
                Token::Stop => Completion::Stop { goes_on },
                Token::Alarm => Completion::Alarm { goes_on },
                Token::Accept => {
                    // SAFETY: the kernel has just opened it for us, and nobody else knows of it.
                    let opened = |descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) };
                    Completion::Accepted { result: checked(result).map(opened), goes_on }
                }
                Token::Watch(whose) => Completion::Changed { whose, goes_on },
                Token::Receive(whose) => {
                    let len = checked(result).map(|len| len as usize);
                    // SAFETY: this completion was just taken, and it is asked for its buffer here only.
                    let buffer = buffer_select(flags).map(|number| unsafe {
                        self.buffers.taken(number, len.as_ref().copied().unwrap_or_default())
                    });
                    let result = len.map(|_| buffer.filter(|buffer| !buffer.is_empty()));
                    Completion::Received { whose, result, goes_on }
                }
                Token::Send(place) => {
                    let Sending { whose, unsent } = self.sends.remove(place as usize);
                    Completion::Sent { whose, unsent, result: checked(result).map(|len| len as usize) }
                }
                Token::Transfer(place) => {
                    let transfer = self.transfers.remove(place as usize);
                    Completion::Transferred { transfer, result: checked(result).map(|len| len as usize) }
                }
            });
        }
    }

    /// Errors and the end are told in any case (poll(2)).
    fn watch(&mut self, token: Token, descriptor: BorrowedFd<'_>, events: i16) {
        let poll = opcode::PollAdd::new(Fd(descriptor.as_raw_fd()), events as u32).multi(true);
        self.begin(token, poll.build());
    }

    fn cancel(&mut self, token: Token) {
        let cancel = opcode::AsyncCancel::new(token.encode());
        self.begin(Token::Cancel, cancel.build());
    }

    fn begin(&mut self, token: Token, entry: Entry) {
        self.under_way += 1;
        self.calls.submissions += 1;
        let entry = entry.user_data(token.encode());
        if !self.backlog.is_empty() || !self.push(&entry) {
            // In the order in which they were begun: a cancellation must not overtake what it cancels.
            self.backlog.push_back(entry);
            self.submit();
        }
    }

    /// Makes room, and fills it from the backlog, as long as that goes on.
    fn unload(&mut self) {
        while !self.backlog.is_empty() && self.submit() {}
    }

    /// Whether there was room for something of the backlog.
    fn submit(&mut self) -> bool {
        // If it fails, nothing was submitted, and the next `enter` tells or tries again.
        let _ = self.uring.submit();
        self.calls.io_uring_enter += 1;
        let before = self.backlog.len();
        while let Some(entry) = self.backlog.pop_front() {
            if !self.push(&entry) {
                self.backlog.push_front(entry);
                break;
            }
        }
        self.backlog.len() < before
    }

    fn push(&mut self, entry: &Entry) -> bool {
        // SAFETY: the ring owns the memory that the operation uses until it has ended (the argument above).
        unsafe { self.uring.submission().push(entry) }.is_ok()
    }

    /// Ends every operation.
    fn conclude(&mut self) -> io::Result<()> {
        while self.under_way > 0 {
            let all = opcode::AsyncCancel2::new(CancelBuilder::any());
            self.begin(Token::Cancel, all.build());
            self.enter(None)?;
            while self.next().is_some() {}
        }
        Ok(())
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if let Err(error) = self.conclude() {
            log::error!("operations that cannot be ended keep their memory: {error}");
            mem::forget((
                Rc::clone(&self.buffers),
                mem::take(&mut self.sends),
                mem::take(&mut self.transfers),
            ));
        }
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN))
}

/// What the length of an operation can say.
const MOST_AT_ONCE: usize = i32::MAX as usize;

/// The ring has one group of buffers.
const GROUP: u16 = 0;
