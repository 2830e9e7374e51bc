//! The server in its lives, and what everybody else knows of it.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex};

use fastrand::Rng;
use tempfile::TempDir;

use crate::client::Client;
use crate::plan::Plan;
use crate::port::Port;
use crate::process::{Binary, PATIENCE, Server};

/// What all who take part share. Whoever is cut off connects again, and waits for the server if it is not there.
pub struct World {
    binary: Binary,
    port: Port,
    data: TempDir,
    options: &'static [&'static str],
    state: Mutex<State>,
    changes: Condvar,
    moments: AtomicU64,
    is_closing: AtomicBool,
    is_over: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// How many lives of the server have ended.
    ended: usize,
    is_up: bool,
    /// How many things were done.
    done: usize,
}

/// A point in an order of all that happens: what has a smaller one happened before.
pub type Moment = u64;

/// How a life has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By `kill -9`.
    Killed,
    /// In order: nothing that was answered is lost, however it was acknowledged.
    Stopped,
}

impl World {
    pub fn new(binary: Binary, options: &'static [&'static str]) -> World {
        World {
            binary,
            port: Port::reserve(),
            data: tempfile::tempdir().expect("a folder"),
            options,
            state: Mutex::default(),
            changes: Condvar::new(),
            moments: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Lets the server live and die while others work; answers how its lives have ended. In the last one, which goes
    /// on and is to be ended by the caller, so much is done again, and then whoever looks is told to close.
    pub fn pass(&self, plan: Plan, chance: &mut Rng) -> (Server, Vec<End>) {
        let mut ends = Vec::new();
        loop {
            let server = self.start(chance);
            // Every third life is short: what the one before has left is hardly taken up.
            let most = if chance.u8(..3) == 0 { 3 } else { MOST_DONE };
            let enough = self.state().done + chance.usize(..=most);
            self.wait("others get on", |state| state.done >= enough);
            if ends.len() == plan.lives {
                self.is_closing.store(true, SeqCst);
                return (server, ends);
            }
            let end = if chance.u8(..4) == 0 { End::Stopped } else { End::Killed };
            self.end(server, end);
            ends.push(end);
        }
    }

    /// Begins a life. Its disk may be slow.
    fn start(&self, chance: &mut Rng) -> Server {
        let data = self.data.path().to_str().expect("UTF-8");
        let delay = chance.choice(["0s", "5ms", "50ms"]).expect("one of them");
        let options = [self.options, &["--data", data, "--sync-delay", delay]].concat();
        let server = Server::start_at(self.binary, self.port.number, &options);
        self.change(|state| state.is_up = true);
        server
    }

    /// Ends a life; a server has nothing to complain about.
    pub fn end(&self, server: Server, end: End) {
        let finished = if end == End::Killed { server.kill() } else { server.stop() };
        assert_eq!(finished.status.success(), end == End::Stopped, "{finished:?}");
        let is_trouble = |line: &&str| line.contains("panicked") || line.contains("ERROR");
        assert_eq!(finished.stderr.lines().find(is_trouble), None, "{}", finished.stderr);
        // The next life has its number before anybody can be part of it.
        self.change(|state| (state.ended, state.is_up) = (state.ended + 1, false));
    }

    /// Connects, once the server is there. Whatever is answered on this connection is answered in the life with this
    /// number.
    pub fn connect(&self) -> (Client, usize) {
        loop {
            let before = self.state();
            match self.try_connect() {
                Ok(connected) => return connected,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    let is_another = |state: &State| !before.is_up || state.ended > before.ended;
                    self.wait("the server comes again", |state| state.is_up && is_another(state));
                }
                Err(error) => self.expect_broken(&error, "one who connects"),
            }
        }
    }

    /// The same, if the server is there: who has a connection must not wait for another, as a server that stops waits
    /// for those who have one.
    pub fn try_connect(&self) -> io::Result<(Client, usize)> {
        let client = Client::try_connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number)))?;
        // Should the server have gone in the meantime, it answers no more.
        Ok((client, self.state().ended))
    }

    /// Somebody has done something.
    pub fn note_done(&self) {
        self.change(|state| state.done += 1);
    }

    fn state(&self) -> State {
        *self.state.lock().expect("nobody panics with it")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("nobody panics with it"));
        self.changes.notify_all();
    }

    fn wait(&self, what: &str, condition: impl Fn(&State) -> bool) {
        let state = self.state.lock().expect("nobody panics with it");
        let waited = self.changes.wait_timeout_while(state, PATIENCE, |state| !condition(state));
        assert!(!waited.expect("nobody panics with it").1.timed_out(), "waited in vain: {what}");
    }

    /// A connection may break, but a server that is there does not fall silent.
    pub fn expect_broken(&self, error: &io::Error, who: &str) {
        let is_silence = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!is_silence, "the server does not say anything to {who}");
    }

    /// A moment behind all that were asked for.
    pub fn now(&self) -> Moment {
        self.moments.fetch_add(1, SeqCst)
    }

    /// Nothing new is to be begun.
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(SeqCst)
    }

    /// All that was begun is done.
    pub fn finish(&self) {
        self.is_over.store(true, SeqCst);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }
}

/// Up to so many things are done between a start and an end.
const MOST_DONE: usize = 200;
