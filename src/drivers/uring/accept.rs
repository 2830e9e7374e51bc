//! The listener of the io_uring driver, and its pauses.

use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use socket2::SockRef;

use super::ring::Ring;
use crate::drivers::listen::{self, ACCEPT_PAUSE, Pauses};
use crate::session::Tally;

/// Accepts while there is room: one operation, which reports each connection.
pub(super) struct Acceptor {
    listener: TcpListener,
    state: State,
    pauses: Pauses,
}

enum State {
    UnderWay,
    /// To be begun again.
    Ended,
    /// There is no room. Accepting takes a descriptor before it looks whether anybody waits, so it pauses as soon as
    /// there is none.
    Paused {
        until: Instant,
    },
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener) -> Acceptor {
        Acceptor { listener, state: State::Ended, pauses: Pauses::default() }
    }

    /// Begins to accept, if it has ended and there may be room.
    pub(super) fn go_on(&mut self, now: Instant, ring: &mut Ring) {
        if self.resumes_at().is_some_and(|at| at <= now) {
            self.state = State::Ended;
        }
        if let State::Ended = self.state {
            ring.accept(self.listener.as_fd());
            self.state = State::UnderWay;
        }
    }

    /// A connection has closed: there is room again.
    pub(super) fn resume(&mut self) {
        if let State::Paused { .. } = self.state {
            self.state = State::Ended;
        }
    }

    /// When to try again, if accepting pauses.
    pub(super) fn resumes_at(&self) -> Option<Instant> {
        match self.state {
            State::Paused { until } => Some(until),
            State::UnderWay | State::Ended => None,
        }
    }

    /// The connection that was accepted, if it was one.
    pub(super) fn accepted(
        &mut self,
        result: io::Result<OwnedFd>,
        goes_on: bool,
        now: Instant,
        tally: &Tally,
    ) -> Option<OwnedFd> {
        if !goes_on {
            self.state = State::Ended;
        }
        match result {
            Ok(socket) => Some(socket),
            Err(error) if listen::is_of_one_connection(&error) => None,
            Err(error) => {
                self.pauses.note(now, &error, tally);
                self.state = State::Paused { until: now + ACCEPT_PAUSE };
                None
            }
        }
    }

    /// Listens no more, from here on: the operation alone would keep the listener open until it has ended.
    pub(super) fn end(self, ring: &mut Ring) {
        // It may only fail where the socket does not listen.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
        if let State::UnderWay = self.state {
            ring.cancel_accept();
        }
        ring.close(self.listener.into());
    }
}
