//! Readiness: one thread, many connections, and one place to wait for all of them.
//!
//! The kernel says which sockets have become readable or writable, and says so once: registration is edge-triggered
//! and made once a connection, so a request costs a read, a write, and its share of one `epoll_wait`. What the
//! kernel has said is remembered in the peer until a call proves it outdated.
//!
//! mio stands between, so the same code waits with kqueue where there is no epoll.

mod accept;
mod peer;
mod round;
mod turns;
mod workspace;

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::warn;
use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use self::accept::Acceptor;
use self::peer::Peer;
use self::round::Round;
use self::workspace::Workspace;
use super::alarm::Alarm;
use super::bells::Bells;
use super::errands::Errands;
use super::pool::{Load, Pool};
use super::stop::{StopSignal, Urgency};
use super::timers::Timers;
use super::{Ending, Settings, guarded, tell_what_is_left};
use crate::session::{Service, Session, Tally};

/// Serves the connections of `listener` until `stop` asks to stop and they are done.
///
/// An error is one of setting up or of waiting itself; nothing that a peer does ends it.
pub fn serve<V: Service>(
    listener: TcpListener,
    service: &V,
    settings: &Settings,
    stop: StopSignal,
) -> io::Result<()> {
    Loop::new(listener, service, settings, stop)?.run()
}

struct Loop<'a, V: Service> {
    poll: Poll,
    service: &'a V,
    settings: &'a Settings,
    stop: StopSignal,
    /// Kept because dropping it ends its registration.
    _stop_stream: UnixStream,
    /// When the grace is over, once the server stops.
    ends_at: Option<Instant>,
    acceptor: Option<Acceptor>,
    peers: Slab<Peer<V::Session>>,
    /// Peers whose turn was cut short: what they wait for has happened already.
    again: Vec<usize>,
    timers: Timers,
    bells: Bells,
    round: Round,
    errands: Errands<V::Session>,
    pool: Pool,
    work: Workspace<'a>,
}

impl<'a, V: Service> Loop<'a, V> {
    fn new(
        listener: TcpListener,
        service: &'a V,
        settings: &'a Settings,
        stop: StopSignal,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let acceptor = Acceptor::register(listener, poll.registry(), LISTENER)?;
        let mut stop_stream = UnixStream::from_std(stop.watched()?);
        poll.registry().register(&mut stop_stream, STOP, Interest::READABLE)?;
        // A poll has one waker and no more.
        let alarm: Arc<dyn Alarm> = Arc::new(Waker::new(poll.registry(), ALARM)?);
        let pool = Pool::new(&settings.disk, Arc::clone(&alarm));
        Ok(Loop {
            poll,
            service,
            settings,
            stop,
            _stop_stream: stop_stream,
            ends_at: None,
            acceptor: Some(acceptor),
            peers: Slab::new(),
            again: Vec::new(),
            timers: Timers::new(Instant::now()),
            bells: Bells::new(alarm),
            round: Round::default(),
            errands: Errands::new(),
            pool,
            work: Workspace::new(settings),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let _thread = Tally::present(&self.service.tally().threads);
        let mut events = Events::with_capacity(EVENTS_PER_WAKE);
        let mut waited = Ok(());
        while waited.is_ok() && !self.is_done() {
            waited = self.wait(&mut events).map(|()| self.serve_batch(&events));
        }
        for key in 0..self.peers.capacity() {
            if self.peers.contains(key) {
                self.end(key, Ending::Stopped);
            }
        }
        while self.errands.has_departed() {
            let finished = self.pool.wait_for_finished();
            self.bring_back(finished);
        }
        self.work.counts.publish(self.service.tally());
        waited
    }

    fn is_done(&self) -> bool {
        let is_idle = self.peers.is_empty() && !self.errands.has_departed();
        self.ends_at.is_some_and(|end| is_idle || end <= self.work.now)
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = self.timeout();
        let waited = self.poll.poll(events, timeout);
        self.bells.awake();
        if let Err(error) = waited
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error);
        }
        self.work.now = Instant::now();
        self.work.lag.begin();
        self.work.counts.wakes += 1;
        self.work.counts.calls.epoll_wait += 1;
        self.look_at_workers();
        Ok(())
    }

    /// Shows at once what has changed while nobody was here to see it.
    fn look_at_workers(&mut self) {
        if !self.errands.are_none() || self.work.counts.load != Load::default() {
            self.work.counts.load = self.pool.load();
            self.work.counts.publish(self.service.tally());
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let acceptor = self.acceptor.as_ref();
        let is_hurried = !self.again.is_empty() || acceptor.is_some_and(Acceptor::is_ready);
        if is_hurried || !self.bells.fall_asleep() {
            return Some(Duration::ZERO);
        }
        let retry = acceptor.and_then(Acceptor::resumes_at);
        [self.timers.next(), self.ends_at, retry]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.saturating_duration_since(self.work.now))
    }

    fn serve_batch(&mut self, events: &Events) {
        let again = mem::take(&mut self.again);
        for event in events {
            match event.token() {
                LISTENER => {
                    self.work.counts.sockets += 1;
                    self.acceptor.iter_mut().for_each(Acceptor::note);
                }
                STOP => self.hear_stop(),
                ALARM => self.work.counts.rings += 1,
                Token(key) => {
                    self.work.counts.sockets += 1;
                    self.turn(key, |peer, _| peer.note(event));
                }
            }
        }
        for key in again {
            self.turn(key, |peer, _| {
                peer.queued = false;
                Ok(())
            });
        }
        self.expire();
        self.finish_errands();
        self.answer_bells();
        // Last, so that no event of this batch can meet a new connection in an old one's place.
        self.accept();
        self.work.lag.end();
        self.work.counts.longest_lag_ms = self.work.lag.longest.as_millis() as u64;
        self.work.counts.publish(self.service.tally());
    }

    fn end(&mut self, key: usize, ending: Ending) {
        let mut peer = self.peers.remove(key);
        self.bells.take_down(key);
        if peer.queued {
            self.again.retain(|queued| *queued != key);
        }
        self.work.clear_out();
        let _ = guarded(|| {
            peer.session.handle_close(self.work.now, ending.cause());
            Ok(())
        });
        self.errands.depart(key, peer.into_session(), &mut self.pool);
        self.acceptor.iter_mut().for_each(Acceptor::resume);
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_WAKE {
            let Some(acceptor) = &mut self.acceptor else {
                return;
            };
            match acceptor.accept(&mut self.work, self.service.tally()) {
                Some((stream, address)) => self.admit(stream, address),
                None => return,
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream, address: SocketAddr) {
        let entry = self.peers.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut stream, Token(key), interest) {
            warn!("{address} cannot be served: {error}");
            return;
        }
        let session = self.service.open(self.work.now, address);
        entry.insert(Peer::new(session, stream));
        self.turn(key, |_, _| Ok(()));
    }

    fn hear_stop(&mut self) {
        let now = self.work.now;
        match self.stop.wait() {
            Some(Urgency::NotAsked) => {}
            Some(Urgency::AtOnce) => self.ends_at = Some(now),
            Some(Urgency::Graceful) | None if self.ends_at.is_some() => {}
            Some(Urgency::Graceful) | None => {
                self.ends_at = Some(now + self.settings.grace);
                self.acceptor = None;
                for key in 0..self.peers.capacity() {
                    self.turn(key, Peer::shut_down);
                }
                tell_what_is_left(self.peers.len(), self.settings.grace);
            }
        }
    }
}

/// Events taken at once; the rest is taken the next time.
const EVENTS_PER_WAKE: usize = 1024;

/// Connections accepted before those that are open get their turn.
const ACCEPTS_PER_WAKE: usize = 256;

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);
const ALARM: Token = Token(usize::MAX - 2);
