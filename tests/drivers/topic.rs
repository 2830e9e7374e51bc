//! Sessions that others reach: the members of a topic hear what anybody says to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use wirelab::session::{Bell, Cause, Flow, Session};

use crate::sessions::PIECE_BYTES;

/// What was said so far, and what its members are to do when they have heard all of it.
#[derive(Default)]
pub struct Topic(Mutex<State>);

#[derive(Default)]
struct State {
    said: Vec<u8>,
    order: Order,
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy)]
pub enum Order {
    Flow(Flow),
    /// Say that it is too late, and close, when the time has come.
    Until(Instant),
    Panic,
}

impl Default for Order {
    fn default() -> Order {
        Order::Flow(Flow::Open)
    }
}

impl Topic {
    pub fn say(&self, bytes: &[u8]) {
        self.change(|state| state.said.extend_from_slice(bytes));
    }

    pub fn order(&self, order: Order) {
        self.change(|state| state.order = order);
    }

    /// Says the last words and gives the order at once.
    pub fn conclude(&self, bytes: &[u8], order: Order) {
        self.change(|state| {
            state.said.extend_from_slice(bytes);
            state.order = order;
        });
    }

    /// The wakers of everybody who has ever joined.
    pub fn wakers(&self) -> Vec<Waker> {
        self.state().wakers.clone()
    }

    /// Sessions that join as soon as they are asked.
    pub fn members(self: &Arc<Topic>) -> impl Fn() -> Member + Send + Sync + use<> {
        let topic = Arc::clone(self);
        move || Member::of(&topic).joining()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.wakers.iter().for_each(Waker::wake_by_ref);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Greets with a `+` when it has joined; says to the topic what it receives, and transmits what was said since then.
pub struct Member {
    topic: Arc<Topic>,
    is_told_to_join: bool,
    /// How much of what was said it has transmitted, once it has joined.
    heard: Option<usize>,
    order: Order,
    /// Whether it has heard all there was, and has no order.
    is_waiting: bool,
    is_late: bool,
    has_ended: bool,
    stays: bool,
    joins_when_the_server_stops: bool,
}

impl Member {
    /// A member that has not joined.
    pub fn of(topic: &Arc<Topic>) -> Member {
        Member {
            topic: Arc::clone(topic),
            is_told_to_join: false,
            heard: None,
            order: Order::default(),
            is_waiting: false,
            is_late: false,
            has_ended: false,
            stays: false,
            joins_when_the_server_stops: false,
        }
    }

    pub fn joining(self) -> Member {
        Member { is_told_to_join: true, ..self }
    }

    /// Goes on when the peer has finished, and when the server stops.
    pub fn staying(self) -> Member {
        Member { stays: true, ..self }
    }

    pub fn joining_when_the_server_stops(self) -> Member {
        Member { joins_when_the_server_stops: true, ..self }
    }

    fn join(&mut self, waker: Waker, out: &mut Vec<u8>) {
        let mut state = self.topic.state();
        state.wakers.push(waker);
        self.heard = Some(state.said.len());
        out.push(b'+');
    }
}

impl Session for Member {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], _: &mut Vec<u8>) {
        self.is_told_to_join = true;
        self.topic.say(bytes);
    }

    fn receive_eof(&mut self, _: Instant) {
        self.has_ended |= !self.stays;
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.is_late |= matches!(self.order, Order::Until(at) if at <= now);
    }

    fn handle_shutdown(&mut self, _: Instant) {
        self.is_told_to_join |= self.joins_when_the_server_stops;
        self.has_ended |= !self.stays;
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        let Some(heard) = &mut self.heard else {
            if self.is_told_to_join {
                self.join(bell.waker(), out);
            }
            return;
        };
        let state = self.topic.state();
        let rest = &state.said[*heard..];
        out.extend_from_slice(&rest[..rest.len().min(PIECE_BYTES)]);
        *heard += out.len();
        self.is_waiting = *heard == state.said.len() && matches!(state.order, Order::Flow(Flow::Open));
        if out.is_empty() {
            self.order = state.order;
        }
        drop(state);
        assert!(!matches!(self.order, Order::Panic), "as ordered");
        if self.is_late && !self.has_ended {
            self.has_ended = true;
            out.extend_from_slice(b"too late");
        }
    }

    fn handle_sent(&mut self, _: Instant) -> bool {
        !self.is_waiting
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.order {
            Order::Until(at) if !self.is_late => Some(at),
            _ => None,
        }
    }

    fn flow(&self) -> Flow {
        match self.order {
            _ if self.has_ended => Flow::Closed,
            Order::Flow(flow) => flow,
            Order::Until(_) | Order::Panic => Flow::Open,
        }
    }
}

/// Echoes; wakes itself `times` when it receives, or with every question if it is restless.
pub struct SelfWaking {
    pub times: usize,
    pub is_restless: bool,
    waker: Option<Waker>,
    is_over: bool,
}

impl SelfWaking {
    pub fn new(times: usize, is_restless: bool) -> SelfWaking {
        SelfWaking { times, is_restless, waker: None, is_over: false }
    }
}

impl Session for SelfWaking {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        let waker = self.waker.as_ref().expect("asked before anything arrives");
        (0..self.times).for_each(|_| waker.wake_by_ref());
        out.extend_from_slice(bytes);
    }

    fn receive_eof(&mut self, _: Instant) {
        self.is_over = true;
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, _: Instant) {
        self.is_over = true;
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, bell: &dyn Bell, _: &mut Vec<u8>) {
        let waker = self.waker.get_or_insert_with(|| bell.waker());
        assert!(waker.will_wake(&bell.waker()), "one connection, one waker");
        if self.is_restless {
            waker.wake_by_ref();
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        if self.is_over { Flow::Closed } else { Flow::Open }
    }
}
