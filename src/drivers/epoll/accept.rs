//! The listener of the epoll driver, and its pauses.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::workspace::Workspace;
use crate::drivers::listen::{self, ACCEPT_PAUSE, Pauses};
use crate::session::Tally;

/// Accepts while there is something to accept and room for it.
pub(super) struct Acceptor {
    listener: TcpListener,
    state: State,
    pauses: Pauses,
}

enum State {
    /// Nobody waits to be accepted; an event will tell.
    Waiting,
    /// Somebody may wait to be accepted.
    Ready,
    /// Somebody waits and there is no room. Events say nothing new.
    Paused { until: Instant },
}

impl Acceptor {
    pub(super) fn register(
        listener: std::net::TcpListener,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Acceptor> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Acceptor { listener, state: State::Waiting, pauses: Pauses::default() })
    }

    /// The listener became readable.
    pub(super) fn note(&mut self) {
        if let State::Waiting = self.state {
            self.state = State::Ready;
        }
    }

    /// A connection has closed: there is room again.
    pub(super) fn resume(&mut self) {
        if let State::Paused { .. } = self.state {
            self.state = State::Ready;
        }
    }

    /// Whether to try without waiting for an event.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// When to try again, if accepting pauses.
    pub(super) fn resumes_at(&self) -> Option<Instant> {
        match self.state {
            State::Paused { until } => Some(until),
            State::Waiting | State::Ready => None,
        }
    }

    /// The next connection, if there is one and there is room for it.
    pub(super) fn accept(&mut self, work: &mut Workspace, tally: &Tally) -> Option<(TcpStream, SocketAddr)> {
        let now = work.now;
        if self.resumes_at().is_some_and(|at| at <= now) {
            self.state = State::Ready;
        }
        while self.is_ready() {
            work.counts.calls.accept += 1;
            match self.listener.accept() {
                Ok((stream, address)) => {
                    if listen::prepare(SockRef::from(&stream)).is_ok() {
                        return Some((stream, address));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state = State::Waiting;
                }
                Err(error) if listen::is_of_one_connection(&error) => {}
                Err(error) => {
                    self.pauses.note(now, &error, tally);
                    let until = now + ACCEPT_PAUSE;
                    self.state = State::Paused { until };
                }
            }
        }
        None
    }
}
