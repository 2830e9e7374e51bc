//! One connection's dialogue: messages as they arrive, led to their route, and how it ends (RFC 6455 §7).
//!
//! ```text
//! Speaking ──the peer's Close, a broken rule, no pong──▶ Draining ──the peer ends, or LINGER──▶ Over
//!    └──our Close──▶ Closing ──the peer's──▲   or CLOSE_TIMEOUT ─────────────────────────▶ Over
//! ```

mod heartbeat;

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Lab;
use super::dialogue::{Dialogue, Line, Message, Upgrade};
use super::exchange::PIECE_BYTES;
use super::moment::Moment;
use super::registry::{Activity, Card};
use crate::session::{Bell, Cause, Flow, Session};
use crate::websocket::{Code, Connection, Event, Role};
use crate::wire::receive_buffer::ReceiveBuffer;
use heartbeat::{Beat, Heartbeat};

/// A [`Session`] that speaks WebSocket.
pub struct WebSocket {
    lab: Arc<Lab>,
    card: Arc<Card>,
    connection: Connection,
    /// Nobody's any more once a Close has been sent: a room does not keep a member until the last byte has drained.
    dialogue: Option<Box<dyn Dialogue>>,
    /// What came and was too much for one step.
    pending: ReceiveBuffer,
    /// Whether nothing more can be understood before more bytes come.
    is_starved: bool,
    /// Nothing is understood before: when the latest step was taken, or later if the peer is faster than others.
    rests_until: Moment,
    heartbeat: Heartbeat,
    state: State,
    /// Since when the last answers have been on their way out.
    unsent_since: Option<Moment>,
    peer_has_ended: bool,
    server_stops: bool,
}

/// What has become of the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Speaking,
    /// We have sent a Close; the peer's is to come.
    Closing {
        until: Moment,
    },
    /// Everything has been said; what the peer still sends is read and thrown away.
    Draining {
        until: Moment,
        why: Why,
    },
    Over(Why),
}

/// Why nothing more is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    BrokenRule,
    Closed,
    NoPong,
    NoClose,
    Unanswered,
}

impl Why {
    fn as_str(self) -> &'static str {
        match self {
            Why::BrokenRule => "the peer broke a rule",
            Why::Closed => "the closing handshake is done",
            Why::NoPong => "no pong",
            Why::NoClose => "the peer has ended without a Close",
            Why::Unanswered => "the peer has not answered our Close",
        }
    }
}

impl WebSocket {
    /// Goes on where the opening handshake has ended.
    pub(super) fn new(lab: Arc<Lab>, card: Arc<Card>, upgrade: Upgrade, now: Instant) -> WebSocket {
        let Upgrade { deflate, terms, dialogue, .. } = upgrade;
        let mut connection = Connection::new(Role::Server, terms.limits, deflate);
        connection.watch_frames(dialogue.watches_frames());
        card.show(Activity::WebSocket);
        log::info!("conn {} speaks WebSocket", card.number);
        let now = lab.epoch.moment(now);
        WebSocket {
            lab,
            card,
            connection,
            dialogue: Some(dialogue),
            pending: ReceiveBuffer::default(),
            is_starved: true,
            rests_until: now,
            heartbeat: Heartbeat::new(terms.ping_interval, terms.pong_timeout, now),
            state: State::Speaking,
            unsent_since: None,
            peer_has_ended: false,
            server_stops: false,
        }
    }

    pub(super) fn card(&self) -> &Card {
        &self.card
    }

    /// Understands what came right behind the opening handshake.
    pub(super) fn begin(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.understand(now, bytes, out);
        self.settle(now, before, out);
    }

    /// Takes one step: understands as much of what has come as one turn may cost the other connections.
    fn understand(&mut self, now: Instant, arrived: &mut [u8], out: &mut Vec<u8>) {
        self.rests_until = self.lab.epoch.moment(now);
        let mut pending = mem::take(&mut self.pending);
        pending.feed(arrived, |bytes| self.understand_bytes(now, bytes, out));
        self.pending = pending;
    }

    fn understand_bytes(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) -> usize {
        let (mut consumed, mut messages, mut content_bytes) = (0, 0, 0);
        let moment = self.lab.epoch.moment(now);
        self.is_starved = false;
        while out.len() < PIECE_BYTES
            && messages < STEP_MESSAGES
            && content_bytes < STEP_CONTENT_BYTES
            && self.rests_until <= moment
        {
            let (used, event) = self.connection.next_event(&mut bytes[consumed..], out);
            consumed += used;
            match event {
                Event::Text(text) => {
                    content_bytes += text.len();
                    self.hear(now, Message::Text(&text), out);
                }
                Event::Binary(content) => {
                    content_bytes += content.len();
                    self.hear(now, Message::Binary(&content), out);
                }
                Event::Frame(frame) => {
                    self.let_speak(now, None, out, |dialogue, line| dialogue.receive_frame(&frame, line));
                }
                Event::Pong(payload) => self.heartbeat.hear(&payload, moment),
                Event::Ping(_) => {}
                Event::Close(close) => log::info!("conn {} was sent a Close: {close}", self.card.number),
                Event::Failed(error) => {
                    let (number, at) = (self.card.number, error.offset);
                    log::info!("conn {number} broke a rule at byte {at} behind the handshake: {error}");
                }
                Event::Incomplete | Event::Closed => {
                    self.is_starved = true;
                    break;
                }
            }
            messages += 1;
        }
        consumed
    }

    fn hear(&mut self, now: Instant, message: Message<'_>, out: &mut Vec<u8>) {
        self.let_speak(now, None, out, |dialogue, line| dialogue.receive(message, line));
    }

    /// Goes on with what was too much for one step: when the others have had their turn. Within one turn of a driver
    /// the time stands still; and a thread that serves one connection makes nobody wait.
    fn go_on(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        let moment = self.lab.epoch.moment(now);
        match () {
            () if self.is_starved || moment < self.rests_until => {}
            () if moment == self.rests_until => bell.waker().wake(),
            () => self.understand(now, &mut [], out),
        }
    }

    fn let_speak(
        &mut self,
        now: Instant,
        bell: Option<&dyn Bell>,
        out: &mut Vec<u8>,
        speak: impl FnOnce(&mut dyn Dialogue, &mut Line<'_>),
    ) {
        if let Some(dialogue) = &mut self.dialogue {
            let (lab, card, connection) = (&*self.lab, &*self.card, &mut self.connection);
            let mut line = Line { now, lab, card, connection, out, bell, held_until: None };
            speak(&mut **dialogue, &mut line);
            if let Some(until) = line.held_until {
                self.rests_until = self.lab.epoch.moment(until);
            }
        }
        if !self.connection.is_open() {
            self.dialogue = None; // whoever has said its last word hears none, in this step as well
        }
    }

    /// Says what it is time for.
    fn speak(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        let moment = self.lab.epoch.moment(now);
        match self.heartbeat.poll(moment) {
            Beat::Nothing => {}
            Beat::Ping(number) => {
                self.connection.send_ping(number.to_string().as_bytes(), out);
                self.connection.forget_context(); // so that who says little costs little
            }
            Beat::Lost => {
                let reason = format!("no pong within {} s", self.heartbeat.timeout().as_secs_f64());
                self.connection.send_close(NO_PONG, &reason, out);
                // Somebody who does not answer a ping does not answer a Close either.
                self.drain(moment, Why::NoPong);
                return;
            }
        }
        if self.server_stops {
            self.connection.send_close(Code::GOING_AWAY, "the server stops", out);
        }
        if self.connection.is_open() {
            self.let_speak(now, Some(bell), out, |dialogue, line| dialogue.poll(line));
        }
    }

    /// What the calls so far have led to; `out` had `before` bytes when they began.
    fn settle(&mut self, now: Instant, before: usize, out: &[u8]) {
        let moment = self.lab.epoch.moment(now);
        if let State::Speaking | State::Closing { .. } = self.state {
            match () {
                () if self.connection.has_failed() => self.drain(moment, Why::BrokenRule),
                () if self.connection.is_over() => self.drain(moment, Why::Closed),
                () if self.peer_has_ended && self.is_starved => {
                    self.state = State::Over(Why::NoClose);
                }
                () if self.state == State::Speaking && !self.connection.is_open() => {
                    self.state = State::Closing { until: moment + CLOSE_TIMEOUT };
                }
                () => {}
            }
        }
        if self.state != State::Speaking {
            self.dialogue = None;
        }
        if let State::Draining { why, .. } = self.state {
            self.pending.clear();
            self.card.show(Activity::Draining);
            if self.peer_has_ended {
                self.state = State::Over(why);
            }
        }
        self.unsent_since = (!out.is_empty()).then_some(moment);
        self.card.hand_out(out.len());
        Card::add(&self.card.bytes_out, (out.len() - before) as u64);
    }

    fn drain(&mut self, now: Moment, why: Why) {
        self.state = State::Draining { until: now + LINGER, why };
    }

    /// What was sent has left, for which the peer may have taken its time.
    fn excuse(&mut self, time: Duration) {
        self.heartbeat.excuse(time);
        if let State::Closing { until } | State::Draining { until, .. } = &mut self.state {
            *until += time;
        }
    }
}

impl Session for WebSocket {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        Card::add(&self.card.bytes_in, bytes.len() as u64);
        if let State::Speaking | State::Closing { .. } = self.state {
            let before = out.len();
            if self.connection.is_inside_frame() {
                self.heartbeat.wait_for_frame(self.lab.epoch.moment(now));
            }
            self.understand(now, bytes, out);
            self.settle(now, before, out);
        }
    }

    /// The poll that follows is the dialogue's last: who has asked and finished sending is still answered.
    fn receive_eof(&mut self, _now: Instant) {
        self.peer_has_ended = true;
        if let State::Draining { why, .. } = self.state {
            self.state = State::Over(why);
        }
    }

    /// What else is due is seen by the poll that follows; but who only drains is polled no more.
    fn handle_timeout(&mut self, now: Instant) {
        if let State::Draining { until, why } = self.state
            && until <= self.lab.epoch.moment(now)
            && self.unsent_since.is_none()
        {
            self.state = State::Over(why);
        }
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        self.server_stops = true;
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        self.lab.registry.leave(self.card.number);
        let reason = match (cause, self.state) {
            (Cause::Flow, State::Over(why) | State::Draining { why, .. }) => why.as_str().to_owned(),
            (cause, _) => cause.to_string(),
        };
        log::info!("{}: {reason}", self.card.farewell(self.lab.epoch.moment(now)));
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        if let Some(since) = self.unsent_since.take() {
            self.excuse(self.lab.epoch.moment(now).since(since));
        }
        let before = out.len();
        if let State::Speaking | State::Closing { .. } = self.state {
            self.go_on(now, bell, out);
        }
        match self.state {
            State::Speaking => self.speak(now, bell, out),
            State::Closing { until } if until <= self.lab.epoch.moment(now) => {
                self.state = State::Over(Why::Unanswered);
            }
            State::Closing { .. } | State::Draining { .. } | State::Over(_) => {}
        }
        self.settle(now, before, out);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.unsent_since.is_some() {
            return None; // a peer that does not read is the driver's to watch
        }
        // Who rests reads nothing until then, the peer's Close neither.
        let rest = (!self.is_starved).then_some(self.rests_until);
        let due = match self.state {
            State::Speaking => rest.map_or(self.heartbeat.due(), |rest| rest.min(self.heartbeat.due())),
            State::Closing { until } => rest.map_or(until, |rest| rest.min(until)),
            State::Draining { until, .. } => until,
            State::Over(_) => return None,
        };
        let due = self.lab.epoch.instant(due);
        let dialogue = self.dialogue.as_ref().and_then(|dialogue| dialogue.poll_timeout());
        Some(dialogue.map_or(due, |dialogue| dialogue.min(due)))
    }

    fn label(&self) -> String {
        format!("conn {}", self.card.number)
    }

    fn flow(&self) -> Flow {
        match self.state {
            State::Speaking | State::Closing { .. } if !self.is_starved => Flow::Paused,
            State::Speaking | State::Closing { .. } => Flow::Open,
            State::Draining { .. } => Flow::HalfClosed,
            State::Over(_) => Flow::Closed,
        }
    }
}

/// Events of one step. What is said in a room is heard in the turn that follows, and a queue there holds a thousand.
const STEP_MESSAGES: usize = 64;

/// Content of one step, which may be a thousand times what came: inflating it takes some milliseconds.
const STEP_CONTENT_BYTES: usize = 1024 * 1024;

/// How long the peer has to answer our Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a peer may go on sending after the last frame, as after the last answer of HTTP.
const LINGER: Duration = Duration::from_secs(5);

/// The close code for somebody who did not answer a ping, of those that are free for applications.
const NO_PONG: Code = Code::new(3012).expect("a code that may be sent");
