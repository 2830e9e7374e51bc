//! One connection's conversation: requests as they arrive, each led to its route, and the answers in order.
//!
//! ```text
//! Talking ──an answer that closes, a broken rule──▶ Draining ──the peer ends, or LINGER──▶ Over
//!    ├──the peer has ended and has all answers, or was idle too long─────────────────────▶ Over
//!    └──an accepted upgrade──▶ Switching, and another session takes the connection over
//! TurningAway ──its 503──▶ Draining
//! ```

mod errand;
mod talking;

use std::cell::OnceCell;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::errand::UnderWay;
use super::Lab;
use super::dialogue::Upgrade;
use super::exchange::{Cut, Exchange};
use super::moment::Moment;
use super::refusal::Form;
use super::registry::{Activity, Card};
use super::websocket::WebSocket;
use crate::http::connection::Missing;
use crate::http::{Connection, Date};
use crate::session::{Bell, Cause, Done, Errand, Flow, Session};
use crate::wire::receive_buffer::ReceiveBuffer;

/// A [`Session`] that speaks HTTP/1.1.
pub struct Conversation {
    lab: Arc<Lab>,
    card: Arc<Card>,
    connection: Connection,
    pending: ReceiveBuffer,
    exchange: Option<Box<dyn Exchange>>,
    errand: UnderWay,
    state: State,
    /// The form in which the client of the latest request prefers to be refused.
    form: Form,
    /// The latest request line, kept only while somebody reads the log. Boxed twice, because usually nobody does.
    request_line: Option<Box<Box<str>>>,
    arrival: Arrival,
    /// How the latest response was broken off, if it was.
    cut: Option<Cut>,
    deadline: Option<Moment>,
}

/// What has become of the conversation.
enum State {
    Talking,
    /// One connection too many: it gets a 503 and no more.
    TurningAway,
    /// Everything has been said; what the peer still sends is read and thrown away.
    Draining {
        until: Moment,
    },
    /// The 101 has been sent.
    Switching(Box<Upgrade>),
    Over(Why),
}

/// Why nothing more is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Answered,
    Lingered,
    Reset,
    Upgraded,
    Idle,
    PeerEnded,
    ServerStops,
}

impl Why {
    fn as_str(self) -> &'static str {
        match self {
            Why::Answered => "answered and closed",
            Why::Lingered => "answered, and the peer lingered",
            Why::Reset => "reset on request",
            Why::Upgraded => "speaks another protocol",
            Why::Idle => "idle",
            Why::PeerEnded => "the peer has ended",
            Why::ServerStops => "the server stops",
        }
    }
}

/// What one call of the driver comes with.
struct Turn<'t> {
    now: Instant,
    /// The date of what is sent, once a head needs it.
    date: OnceCell<Date>,
    out: &'t mut Vec<u8>,
    bell: Option<&'t dyn Bell>,
}

/// How far the peer has come.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// When the latest bytes came.
    latest: Moment,
    /// When the first byte of the head came that is not complete yet, and in how many reads so far.
    head_begun: Option<Moment>,
    head_reads: u32,
    /// Whether nothing more can be understood before more bytes come.
    is_starved: bool,
    has_ended: bool,
    /// Whether the time for a message that has begun is over.
    is_late: bool,
}

impl Arrival {
    fn new(now: Moment) -> Arrival {
        Arrival {
            latest: now,
            head_begun: None,
            head_reads: 0,
            is_starved: true,
            has_ended: false,
            is_late: false,
        }
    }
}

impl Conversation {
    pub fn new(lab: Arc<Lab>, card: Arc<Card>, now: Instant) -> Conversation {
        Conversation {
            connection: Connection::new(lab.settings.head),
            deadline: Some(lab.epoch.moment(now) + lab.settings.idle_timeout),
            arrival: Arrival::new(lab.epoch.moment(now)),
            lab,
            card,
            pending: ReceiveBuffer::default(),
            exchange: None,
            errand: UnderWay::Nothing,
            state: State::Talking,
            form: Form::Text,
            request_line: None,
            cut: None,
        }
    }

    /// Turns the peer away: there are as many connections as there may be.
    pub fn refused(lab: Arc<Lab>, card: Arc<Card>, now: Instant) -> Conversation {
        Conversation { state: State::TurningAway, ..Conversation::new(lab, card, now) }
    }

    pub(super) fn card(&self) -> &Card {
        &self.card
    }

    /// The session that goes on, once the last request has changed the protocol. It has understood what came behind.
    pub(super) fn take_upgrade(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<WebSocket> {
        if !matches!(self.state, State::Switching(_)) {
            return None;
        }
        let State::Switching(upgrade) = mem::replace(&mut self.state, State::Over(Why::Upgraded)) else {
            unreachable!()
        };
        let mut websocket = WebSocket::new(Arc::clone(&self.lab), Arc::clone(&self.card), *upgrade, now);
        websocket.begin(now, &mut self.pending.take(), out);
        if self.arrival.has_ended {
            websocket.receive_eof(now);
        }
        Some(websocket)
    }

    /// What the calls so far have led to.
    fn settle(&mut self, now: Instant, out: &[u8]) {
        if matches!(self.state, State::Talking | State::TurningAway) && self.connection.is_done() {
            self.pending.clear();
            self.state = match self.cut {
                Some(Cut::Reset) => State::Over(Why::Reset),
                _ if self.arrival.has_ended => State::Over(Why::Answered),
                _ => State::Draining { until: self.lab.epoch.moment(now) + LINGER },
            };
        }
        let missing = self.missing();
        if let State::Talking = self.state {
            self.note_head(now, missing);
        }
        // Bytes that wait for a slow reader are the driver's to watch; it comes back when they have left.
        self.deadline = if out.is_empty() { self.next_deadline(missing) } else { None };
        self.card.show(self.activity(missing));
        self.card.hand_out(out.len());
    }

    fn missing(&self) -> Option<Missing> {
        self.connection.missing(self.pending.bytes())
    }

    fn note_head(&mut self, now: Instant, missing: Option<Missing>) {
        let is_receiving_head = missing == Some(Missing::Head);
        match self.arrival.head_begun {
            Some(_) if is_receiving_head => {}
            None if is_receiving_head => {
                (self.arrival.head_begun, self.arrival.head_reads) = (Some(self.lab.epoch.moment(now)), 1);
            }
            _ => (self.arrival.head_begun, self.arrival.head_reads) = (None, 0),
        }
    }

    /// The peer has taken what waited for it: it is alive.
    fn note_taken(&mut self, now: Instant) {
        let now = self.lab.epoch.moment(now);
        self.arrival.latest = now;
        if let State::Draining { until } = &mut self.state {
            *until = now + LINGER; // only now can it know that nothing is to follow
        }
    }

    fn next_deadline(&self, missing: Option<Missing>) -> Option<Moment> {
        let (settings, epoch) = (&self.lab.settings, self.lab.epoch);
        match self.state {
            State::TurningAway | State::Switching(_) | State::Over(_) => None,
            State::Draining { until } => Some(until),
            State::Talking => {
                let exchange = self.exchange.as_ref().and_then(|exchange| exchange.poll_timeout());
                let exchange = exchange.map(|due| epoch.moment(due));
                let peer = match missing {
                    Some(Missing::Head) => self.arrival.head_begun.map(|begun| begun + settings.head_timeout),
                    // A peer that has to wait for our disk is not late.
                    Some(Missing::Content) if self.errand != UnderWay::Nothing => None,
                    Some(Missing::Content) => Some(self.arrival.latest + settings.idle_timeout),
                    None if self.exchange.is_none() => Some(self.arrival.latest + settings.idle_timeout),
                    None => None,
                };
                exchange.into_iter().chain(peer).min()
            }
        }
    }

    /// Whether nothing is to be said before something happens: between requests, which is where a connection is most
    /// of the time, and while an answer waits for news.
    fn is_quiet(&self) -> bool {
        matches!(self.state, State::Talking)
            && !self.arrival.is_late
            && !self.arrival.has_ended
            && match &self.exchange {
                None => self.arrival.is_starved,
                Some(exchange) => self.connection.is_answering() && exchange.is_waiting(),
            }
    }

    fn activity(&self, missing: Option<Missing>) -> Activity {
        match (&self.state, missing) {
            (State::Draining { .. } | State::Over(_) | State::TurningAway, _) => Activity::Draining,
            (State::Switching(_), _) => Activity::WebSocket,
            (State::Talking, Some(_)) => Activity::Receiving,
            (State::Talking, None) if self.exchange.is_some() => Activity::Answering,
            (State::Talking, None) => Activity::Idle,
        }
    }
}

impl Session for Conversation {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        Card::add(&self.card.bytes_in, bytes.len() as u64);
        if !matches!(self.state, State::Talking) {
            return;
        }
        self.arrival.latest = self.lab.epoch.moment(now);
        self.arrival.head_reads += 1;
        self.understand(now, bytes, out);
        self.settle(now, out);
        Card::add(&self.card.bytes_out, out.len() as u64);
    }

    fn receive_eof(&mut self, _now: Instant) {
        self.arrival.has_ended = true;
        if let State::Draining { .. } = self.state {
            self.state = State::Over(Why::Answered);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| self.lab.epoch.moment(now) < deadline) {
            return;
        }
        let exchange = self.exchange.as_ref().and_then(|exchange| exchange.poll_timeout());
        match self.state {
            State::Draining { .. } => self.state = State::Over(Why::Lingered),
            State::Talking if exchange.is_some_and(|due| due <= now) => {}
            State::Talking if self.missing().is_some() => self.arrival.is_late = true,
            State::Talking => self.state = State::Over(Why::Idle),
            State::TurningAway | State::Switching(_) | State::Over(_) => {}
        }
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        match self.state {
            State::Talking if self.exchange.is_none() && self.connection.is_between_exchanges() => {
                self.state = State::Over(Why::ServerStops);
            }
            State::Talking => {
                self.connection.close_after_exchange();
                if let Some(exchange) = &mut self.exchange {
                    exchange.handle_shutdown();
                }
            }
            State::TurningAway | State::Draining { .. } | State::Switching(_) | State::Over(_) => {}
        }
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        let card = &self.card;
        self.lab.registry.leave(card.number);
        let reason = match (cause, &self.state) {
            (Cause::Flow, State::Over(why)) => why.as_str().to_owned(),
            (cause, _) => cause.to_string(),
        };
        log::info!("{}: {reason}", card.farewell(self.lab.epoch.moment(now)));
        if self.missing() == Some(Missing::Content) {
            self.cut_exchange();
        }
        self.leave_only_promises();
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        if self.card.unsent() > 0 {
            self.note_taken(now);
        }
        if self.exchange.is_none() && self.is_quiet() {
            return self.settle(now, out);
        }
        let mut turn = Turn { now, date: OnceCell::new(), out, bell: Some(bell) };
        match self.state {
            State::TurningAway => self.turn_away(&mut turn),
            State::Talking => {
                self.step(&mut turn, |exchange, reply| exchange.poll(reply));
                if !self.arrival.is_starved && !self.connection.is_answering() {
                    self.understand(now, &mut [], turn.out);
                    // The exchange before may have ended without a byte; nobody would come again for the next one.
                    if turn.out.is_empty() {
                        self.step(&mut turn, |exchange, reply| exchange.poll(reply));
                    }
                }
                if self.arrival.is_late || (self.arrival.has_ended && self.arrival.is_starved) {
                    self.conclude(&mut turn);
                }
            }
            State::Draining { .. } | State::Switching(_) | State::Over(_) => {}
        }
        self.settle(now, out);
        Card::add(&self.card.bytes_out, out.len() as u64);
    }

    fn handle_sent(&mut self, now: Instant) -> bool {
        if !self.is_quiet() {
            return true;
        }
        // While an answer waits for news, nobody's time runs.
        if self.exchange.is_none() {
            self.note_taken(now);
        }
        self.deadline = self.next_deadline(self.missing());
        self.card.hand_out(0);
        false
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.exchange.as_mut().and_then(|exchange| exchange.poll_send_buffer())
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.take_errand()
    }

    fn handle_errand(&mut self, now: Instant, done: Done) {
        self.finish_errand(now, done);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.map(|deadline| self.lab.epoch.instant(deadline))
    }

    fn label(&self) -> String {
        format!("conn {}", self.card.number)
    }

    fn flow(&self) -> Flow {
        match self.state {
            State::Over(Why::Reset) => Flow::Reset,
            State::Over(_) => Flow::Closed,
            State::Draining { .. } => match self.flow_of_exchange() {
                Flow::Errand => Flow::Errand,
                _ => Flow::HalfClosed,
            },
            State::Talking => match self.flow_of_exchange() {
                Flow::Open if !self.arrival.is_starved && self.pending.len() >= MAX_PENDING_BYTES => {
                    Flow::Paused
                }
                flow => flow,
            },
            State::TurningAway | State::Switching(_) => Flow::Open,
        }
    }
}

/// How long a peer may go on sending after the last answer. nginx's lingering_timeout is 5 s as well.
const LINGER: Duration = Duration::from_secs(5);

/// Pipelined requests that wait behind an answer under way: more of them are not read.
const MAX_PENDING_BYTES: usize = 64 * 1024;
