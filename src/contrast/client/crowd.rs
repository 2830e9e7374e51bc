//! Many connections, and the one place where they wait.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;

use super::member::{Member, READ_BYTES};
use super::{End, Next, Talk};
use crate::contrast::failure::Failure;
use crate::contrast::interrupt::Interrupt;

/// Many connections to one server, and one thread.
pub struct Crowd<L> {
    poll: Poll,
    server: SocketAddr,
    members: Slab<Member<L>>,
    /// How many are still to be opened.
    missing: usize,
    /// How many are being opened.
    opening: usize,
    pace: Pace,
    interrupt: Interrupt,
    scratch: Box<[u8]>,
    out: Vec<u8>,
}

/// How the thread waits for what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It sleeps, to the millisecond.
    Sleep,
    /// It looks again and again when something is due soon: to the microsecond, and at the price of a core.
    Spin,
}

impl<L> Crowd<L> {
    /// A crowd of nobody yet.
    pub fn new(server: SocketAddr, pace: Pace, interrupt: &Interrupt) -> io::Result<Crowd<L>> {
        Ok(Crowd {
            poll: Poll::new()?,
            server,
            members: Slab::new(),
            missing: 0,
            opening: 0,
            pace,
            interrupt: interrupt.clone(),
            scratch: vec![0; READ_BYTES].into(),
            out: Vec::new(),
        })
    }

    /// Opens so many connections more, and waits until they are open.
    ///
    /// # Errors
    /// If none could be opened within the patience of a person; the talk knows of those that could not.
    pub fn open(&mut self, talk: &mut impl Talk<Line = L>, count: usize) -> Result<(), Failure> {
        self.missing += count;
        let mut events = Events::with_capacity(EVENTS);
        let mut patience = Instant::now() + PATIENCE;
        let mut left = usize::MAX;
        while self.missing + self.opening > 0 {
            self.turn(talk, &mut events, patience)?;
            if self.missing + self.opening < left {
                left = self.missing + self.opening;
                patience = Instant::now() + PATIENCE;
            }
            if Instant::now() >= patience {
                return Err(Failure::cannot(
                    format_args!("open {count} connections to {}", self.server),
                    format_args!("{left} of them are still waiting after {PATIENCE:?}"),
                ));
            }
        }
        Ok(())
    }

    /// Opens so many more as soon as it runs, and waits for none of them.
    pub fn invite(&mut self, count: usize) {
        self.missing += count;
    }

    /// Lets them talk until then, or until they are done.
    pub fn run(&mut self, talk: &mut impl Talk<Line = L>, until: Instant) -> Result<(), Failure> {
        let mut events = Events::with_capacity(EVENTS);
        while Instant::now() < until && !talk.is_done() {
            self.turn(talk, &mut events, until)?;
            if self.members.is_empty() && self.missing == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// How many connections are open.
    pub fn len(&self) -> usize {
        self.members.len() - self.opening
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every connection, with what is remembered of it.
    pub fn members(&self) -> impl Iterator<Item = (&L, &TcpStream)> {
        self.members.iter().map(|(_, member)| (&member.line, &member.stream))
    }

    /// One wait, and everything that has happened by its end.
    fn turn(
        &mut self,
        talk: &mut impl Talk<Line = L>,
        events: &mut Events,
        until: Instant,
    ) -> Result<(), Failure> {
        self.interrupt.check()?;
        self.open_missing(talk);
        let mut now = Instant::now();
        while let Some(number) = talk.poll_speaker(now) {
            self.speak(talk, now, number);
            // Ten thousand speakers are not heard in no time.
            now = Instant::now();
        }
        let deadline = talk.poll_timeout().map_or(until, |due| due.min(until));
        match self.poll.poll(events, Some(self.patience(now, deadline))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result.map_err(|error| Failure::cannot("wait", error))?,
        }
        for event in &*events {
            self.handle(talk, event);
        }
        Ok(())
    }

    /// How long to wait at most. A poll knows milliseconds only, and rounds them up.
    fn patience(&self, now: Instant, deadline: Instant) -> Duration {
        let left = deadline.saturating_duration_since(now);
        match self.pace {
            Pace::Sleep => left.min(LONGEST_WAIT),
            Pace::Spin if left <= SPIN => Duration::ZERO,
            Pace::Spin => (left - SPIN).min(LONGEST_WAIT),
        }
    }

    /// Opens what is missing, a few at a time: more than the server's queue holds would be dropped without a word, and
    /// try again only after a second.
    fn open_missing(&mut self, talk: &mut impl Talk<Line = L>) {
        while self.missing > 0 && self.opening < MOST_OPENING {
            self.missing -= 1;
            let entry = self.members.vacant_entry();
            let (now, token) = (Instant::now(), Token(entry.key()));
            let mut line = talk.open(now, token.0);
            let opened = TcpStream::connect(self.server).and_then(|mut stream| {
                SockRef::from(&stream).set_tcp_nodelay(true)?;
                self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                Ok(stream)
            });
            match opened {
                Ok(stream) => {
                    entry.insert(Member::new(stream, line));
                    self.opening += 1;
                }
                Err(error) => {
                    talk.ended(&mut line, now, End::NotOpened(&error));
                }
            }
        }
    }

    fn speak(&mut self, talk: &mut impl Talk<Line = L>, now: Instant, number: usize) {
        let Some(member) = self.members.get_mut(number).filter(|member| member.is_open) else { return };
        talk.speak(&mut member.line, now, &mut self.out);
        if let Err(error) = member.deliver(&mut self.out) {
            let next = talk.ended(&mut member.line, now, End::Broken(&error));
            self.settle(number, next);
        }
    }

    fn handle(&mut self, talk: &mut impl Talk<Line = L>, event: &Event) {
        let Token(number) = event.token();
        let Some(member) = self.members.get_mut(number) else { return };
        let mut next = Next::Stay;
        if !member.is_open {
            next = member.become_open(talk, &mut self.out);
            // One that has failed is no longer being opened either.
            self.opening -= usize::from(member.is_open || next != Next::Stay);
        }
        // The edge that opens a connection may bring its first bytes, or its end.
        if member.is_open && next == Next::Stay {
            next = member.go_on(talk, event, &mut self.scratch, &mut self.out);
        }
        self.settle(number, next);
    }

    fn settle(&mut self, number: usize, next: Next) {
        if next == Next::Stay {
            return;
        }
        self.members.remove(number);
        self.missing += usize::from(next == Next::Reopen);
    }
}

impl<L> Drop for Crowd<L> {
    /// By a reset: connections that are closed in order stay in the client's table for a minute (TIME-WAIT, RFC 9293
    /// §3.6.1), and ten thousand of them would leave few ports to the next crowd.
    fn drop(&mut self) {
        for (_, member) in &self.members {
            let _ = SockRef::from(&member.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Events of one wait.
const EVENTS: usize = 1024;

/// Connections that are being opened at a time; the queue of a listener is usually longer.
const MOST_OPENING: usize = 64;

/// A signal may arrive just before a wait, which nobody then ends.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// As long as a poll may oversleep.
const SPIN: Duration = Duration::from_millis(2);

/// How long a connection may take to be opened.
const PATIENCE: Duration = Duration::from_secs(10);
