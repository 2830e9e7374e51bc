//! Completion: one thread, and a kernel that is told what to do and reports what it has done.
//!
//! Nothing is asked for twice. One operation accepts every connection; one for each connection receives, into buffers
//! that the kernel takes when something has arrived, so who waits has none. What is sent belongs to the ring until it
//! has left. All that a turn of the loop has begun is submitted by the one system call, `io_uring_enter`, that waits as
//! well; and because that call takes a time to wait for, deadlines need no operation, and none to move one.
//!
//! What the kernel has been told it does, also when we have changed our mind meanwhile: so an operation can be cancelled,
//! and has not ended before it says so. No descriptor and no buffer is used again before.

mod accept;
mod alarm;
mod endings;
mod files;
mod leaving;
mod peer;
mod ring;
#[cfg(test)]
mod tests;
mod token;
mod turns;
mod workspace;

use std::io;
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use self::accept::Acceptor;
use self::alarm::EventFd;
use self::leaving::Leaving;
use self::peer::Peer;
use self::ring::{Completion, Ring, Shape};
use self::token::Whose;
use self::workspace::Workspace;
use super::alarm::Alarm;
use super::bells::Bells;
use super::errands::Errands;
use super::pool::{Load, Pool};
use super::stop::{StopSignal, Urgency};
use super::timers::Timers;
use super::{READ_BYTES, Settings, tell_what_is_left};
use crate::session::{Service, Tally};

/// Whether this system can do all that [`serve`] needs.
///
/// # Errors
/// What it lacks or forbids, in words.
pub fn check() -> io::Result<()> {
    Ring::new(Shape { submissions: 1, completions: 2, buffers: 1, buffer_bytes: 1 }).map(drop)
}

/// Serves the connections of `listener` until `stop` asks to stop and they are done.
///
/// An error is one of setting up or of waiting itself; nothing that a peer does ends it.
pub fn serve<V: Service>(
    listener: TcpListener,
    service: &V,
    settings: &Settings,
    stop: StopSignal,
) -> io::Result<()> {
    Loop::new(SHAPE, listener, service, settings, stop)?.run()
}

struct Loop<'a, V: Service> {
    service: &'a V,
    settings: &'a Settings,
    stop: StopSignal,
    stop_stream: UnixStream,
    /// When the grace is over, once the server stops.
    ends_at: Option<Instant>,
    acceptor: Option<Acceptor>,
    connections: Slab<Connection<V::Session>>,
    /// Connections that there were.
    count: u64,
    /// Peers whose turn was cut short: what they wait for has happened already.
    again: Vec<usize>,
    timers: Timers,
    alarm: Arc<EventFd>,
    bells: Bells,
    errands: Errands<V::Session>,
    pool: Pool,
    work: Workspace<'a>,
}

enum Connection<S> {
    Open(Peer<S>),
    /// Between the two.
    Ending,
    Leaving(Leaving),
}

impl<'a, V: Service> Loop<'a, V> {
    fn new(
        shape: Shape,
        listener: TcpListener,
        service: &'a V,
        settings: &'a Settings,
        stop: StopSignal,
    ) -> io::Result<Self> {
        let stop_stream = stop.watched()?;
        let alarm = Arc::new(EventFd::new()?);
        let bell: Arc<dyn Alarm> = Arc::clone(&alarm) as Arc<dyn Alarm>;
        let mut ring = Ring::new(shape)?;
        ring.watch_stop(stop_stream.as_fd());
        ring.watch_alarm(alarm.as_fd());
        Ok(Loop {
            service,
            settings,
            stop,
            stop_stream,
            ends_at: None,
            acceptor: Some(Acceptor::new(listener)),
            connections: Slab::new(),
            count: 0,
            again: Vec::new(),
            timers: Timers::new(Instant::now()),
            alarm,
            bells: Bells::new(Arc::clone(&bell)),
            errands: Errands::new(),
            pool: Pool::new(&settings.disk, bell),
            work: Workspace::new(ring, settings),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let _thread = Tally::present(&self.service.tally().threads);
        let mut waited = Ok(());
        while waited.is_ok() && !self.is_done() {
            waited = self.wait().map(|()| self.serve_batch());
        }
        self.end_all();
        while waited.is_ok() && (!self.connections.is_empty() || self.errands.has_departed()) {
            waited = self.work.ring.enter(None);
            self.take_completions();
            self.finish_errands();
        }
        self.count();
        waited
    }

    fn is_done(&self) -> bool {
        let is_idle = self.connections.is_empty() && !self.errands.has_departed();
        self.ends_at.is_some_and(|end| is_idle || end <= self.work.now)
    }

    fn wait(&mut self) -> io::Result<()> {
        if let Some(acceptor) = &mut self.acceptor {
            acceptor.go_on(self.work.now, &mut self.work.ring);
        }
        let timeout = self.timeout();
        let waited = self.work.ring.enter(timeout);
        self.bells.awake();
        self.work.now = Instant::now();
        self.work.lag.begin();
        self.work.counts.wakes += 1;
        self.look_at_workers();
        waited
    }

    /// Shows at once what has changed while nobody was here to see it.
    fn look_at_workers(&mut self) {
        if !self.errands.are_none() || self.work.counts.load != Load::default() {
            self.work.counts.load = self.pool.load();
            self.work.counts.load.running += self.work.ring.files_under_way();
            self.count();
        }
    }

    fn count(&mut self) {
        self.work.counts.calls = self.work.ring.calls();
        self.work.counts.longest_lag_ms = self.work.lag.longest.as_millis() as u64;
        self.work.counts.publish(self.service.tally());
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() || !self.bells.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let retry = self.acceptor.as_ref().and_then(Acceptor::resumes_at);
        [self.timers.next(), self.ends_at, retry]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_duration_since(self.work.now))
    }

    fn serve_batch(&mut self) {
        let again = mem::take(&mut self.again);
        self.take_completions();
        for key in again {
            self.turn(key, |peer, _| {
                peer.queued = false;
                Ok(())
            });
        }
        self.expire();
        self.finish_errands();
        self.answer_bells();
        self.work.lag.end();
        self.count();
    }

    fn take_completions(&mut self) {
        while let Some(completion) = self.work.ring.next() {
            self.complete(completion);
        }
    }

    fn complete(&mut self, completion: Completion) {
        self.work.counts.sockets += u64::from(completion.is_of_socket());
        match completion {
            Completion::Accepted { result, goes_on } => self.accepted(result, goes_on),
            Completion::Received { whose, result, goes_on } => {
                if let Some(leaving) = self.leaving(whose) {
                    leaving.receives &= goes_on;
                    self.release(whose);
                } else {
                    self.turn_of(whose, |peer, work| peer.received(result, goes_on, work));
                }
            }
            Completion::Sent { whose, unsent, result } => {
                if let Some(leaving) = self.leaving(whose) {
                    leaving.sends = false;
                    self.release(whose);
                } else {
                    self.turn_of(whose, |peer, work| peer.sent(unsent, result, work));
                }
            }
            Completion::Changed { whose, goes_on } => {
                if let Some(leaving) = self.leaving(whose) {
                    leaving.watches &= goes_on;
                    self.release(whose);
                } else {
                    self.turn_of(whose, |peer, work| peer.changed(goes_on, work));
                }
            }
            Completion::Transferred { transfer, result } => self.transferred(transfer, result),
            Completion::Closed => self.acceptor.iter_mut().for_each(Acceptor::resume),
            Completion::Stop { goes_on } => self.hear_stop(goes_on),
            Completion::Alarm { goes_on } => {
                self.work.counts.rings += 1;
                if !goes_on {
                    self.work.ring.watch_alarm(self.alarm.as_fd());
                }
            }
        }
    }

    fn accepted(&mut self, result: io::Result<OwnedFd>, goes_on: bool) {
        let Some(acceptor) = &mut self.acceptor else { return };
        if let Some(socket) = acceptor.accepted(result, goes_on, self.work.now, self.service.tally()) {
            self.admit(socket.into());
        }
    }

    fn admit(&mut self, socket: TcpStream) {
        // Who has gone already has no address.
        let Ok(address) = socket.peer_addr() else { return };
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let whose = Whose::new(key, self.count);
        self.count += 1;
        let session = self.service.open(self.work.now, address);
        entry.insert(Connection::Open(Peer::new(session, whose, socket)));
        self.turn(key, |_, _| Ok(()));
    }

    fn hear_stop(&mut self, goes_on: bool) {
        let now = self.work.now;
        let urgency = self.stop.wait();
        // Where nobody is left to ask, it would be told again and again.
        if !goes_on && urgency.is_some() {
            self.work.ring.watch_stop(self.stop_stream.as_fd());
        }
        match urgency {
            Some(Urgency::NotAsked) => {}
            Some(Urgency::AtOnce) => self.ends_at = Some(now),
            Some(Urgency::Graceful) | None if self.ends_at.is_some() => {}
            Some(Urgency::Graceful) | None => {
                self.ends_at = Some(now + self.settings.grace);
                self.stop_accepting();
                for key in 0..self.connections.capacity() {
                    self.turn(key, |peer, work| {
                        peer.shut_down(work.now);
                        Ok(())
                    });
                }
                tell_what_is_left(self.connections.len(), self.settings.grace);
            }
        }
    }

    fn stop_accepting(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.end(&mut self.work.ring);
        }
    }
}

/// A buffer takes as much as one read of the other drivers. They are four megabytes, which are all in use before the
/// first is used again: so a flood from one peer touches all of them.
const SHAPE: Shape = Shape { submissions: 1024, completions: 4096, buffers: 64, buffer_bytes: READ_BYTES };
