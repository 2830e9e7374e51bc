//! The whole lab behind one session, driven as a driver would: no socket, and a clock that is moved by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use wirelab::drivers::disk::Disk;
use wirelab::lab::Lab;
use wirelab::session::{Cause, Flow, Service, Session, Way};
use wirelab::wire::script::Expected;

use super::lab::lab;
use super::player::Player;

/// One connection to a lab of its own.
pub struct Driven {
    session: <Arc<Lab> as Service>::Session,
    bell: Arc<Pull>,
    disk: Arc<Disk>,
    now: Instant,
    /// What arrived while the session did not want to read.
    unread: Vec<u8>,
    sent: Vec<u8>,
    flow: Flow,
    ends: Vec<Expected>,
}

/// Whether the session was woken since it was asked last.
#[derive(Default)]
struct Pull(AtomicBool);

impl Wake for Pull {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

impl Driven {
    pub fn new() -> Driven {
        // The lab first: it is there before it is connected to.
        let (lab, now, peer) = (lab(), Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)));
        Driven {
            session: lab.open(now, peer),
            bell: Arc::default(),
            disk: Disk::fresh(Duration::ZERO),
            now,
            unread: Vec::new(),
            sent: Vec::new(),
            flow: Flow::Open,
            ends: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.flow, Flow::Closed | Flow::Reset)
    }

    /// Sends until nothing is ready, runs errands, reads what waited, and obeys the flow.
    fn settle(&mut self) {
        loop {
            self.transmit();
            while self.session.flow() == Flow::Errand {
                self.run_errand();
                self.transmit();
            }
            self.obey();
            if self.is_over() || self.unread.is_empty() || self.flow == Flow::Paused {
                return;
            }
            let mut bytes = std::mem::take(&mut self.unread);
            let mut piece = Vec::new();
            self.session.receive(self.now, &mut bytes, &mut piece);
            self.sent.append(&mut piece);
        }
    }

    fn run_errand(&mut self) {
        let errand = self.session.poll_errand().expect("the flow says that there is one");
        let done = match errand.way() {
            Way::InPlace => self.disk.run(errand),
            // As if it were somebody else, so what the session says meanwhile comes first.
            Way::Usual | Way::Aside | Way::Thread => {
                self.transmit();
                self.disk.run_for(NOBODY, errand)
            }
        };
        self.session.handle_errand(self.now, done);
    }

    /// A session whose write side is shut is not asked.
    fn transmit(&mut self) {
        if self.flow == Flow::HalfClosed {
            return;
        }
        // A session sees how much of a turn is used up by what it is given to append to.
        let mut piece = Vec::new();
        let bell = Waker::from(Arc::clone(&self.bell));
        loop {
            self.session.poll_transmit(self.now, &bell, &mut piece);
            if piece.is_empty() {
                if !self.bell.0.swap(false, Relaxed) {
                    return;
                }
                self.now += Duration::from_nanos(1); // the next turn of a loop
            }
            self.sent.append(&mut piece);
        }
    }

    fn obey(&mut self) {
        let flow = self.session.flow();
        let end = match (self.flow, flow) {
            (Flow::Open | Flow::Paused, Flow::HalfClosed) => Some(Expected::HalfClose),
            (Flow::Open | Flow::Paused | Flow::HalfClosed, Flow::Closed) => Some(Expected::Close),
            (Flow::Open | Flow::Paused | Flow::HalfClosed, Flow::Reset) => Some(Expected::Reset),
            _ => None,
        };
        self.ends.extend(end);
        self.flow = flow;
        if self.is_over() {
            self.session.handle_close(self.now, Cause::Flow);
        }
    }
}

impl Player for Driven {
    fn receive(&mut self, bytes: &[u8]) {
        if !self.is_over() {
            self.unread.extend_from_slice(bytes);
            self.settle();
        }
    }

    fn receive_eof(&mut self) {
        if !self.is_over() {
            self.session.receive_eof(self.now);
            self.settle();
        }
    }

    /// Stops at every deadline on the way.
    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while !self.is_over()
            && let Some(due) = self.session.poll_timeout().filter(|due| *due <= until)
        {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    fn take(&mut self) -> Vec<Expected> {
        let sent = std::mem::take(&mut self.sent);
        let bytes = (!sent.is_empty()).then_some(Expected::Bytes(sent));
        bytes.into_iter().chain(self.ends.drain(..)).collect()
    }
}

/// No thread has this number.
const NOBODY: u64 = 0;
