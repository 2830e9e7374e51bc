//! One connection's conversation: requests as they arrive, each led to its route, and the answers in order.
//!
//! ```text
//! Talking ──an answer that closes, a broken rule──▶ Draining ──the peer ends, or LINGER──▶ Over
//!    └──the peer has ended and has all answers, or was idle too long─────────────────────▶ Over
//! ```

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Lab;
use super::exchange::{Answer, Call, Cut, Exchange, PIECE_BYTES, Reply};
use super::refusal::{Form, Refusal, broken_rule};
use super::registry::{Activity, Card};
use super::router;
use super::routes::discard::Discard;
use crate::http::connection::Missing;
use crate::http::{Connection, Date, Error, Event, Fields, Framing, Request, Response};
use crate::session::{Cause, Flow, Session};
use crate::wire::receive_buffer::ReceiveBuffer;

/// A [`Session`] that speaks HTTP/1.1.
pub struct Conversation {
    lab: Arc<Lab>,
    card: Arc<Card>,
    connection: Connection,
    pending: ReceiveBuffer,
    exchange: Option<Box<dyn Exchange>>,
    state: State,
    /// The form in which the client of the latest request prefers to be refused.
    form: Form,
    /// The latest request line, kept only while somebody reads the log.
    request_line: Option<Box<str>>,
    arrival: Arrival,
    /// How the latest response was broken off, if it was.
    cut: Option<Cut>,
    deadline: Option<Instant>,
}

/// What has become of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Talking,
    /// One connection too many: it gets a 503 and no more.
    TurningAway,
    /// Everything has been said; what the peer still sends is read and thrown away.
    Draining {
        until: Instant,
    },
    Over(Flow, &'static str),
}

/// What one call of the driver comes with.
struct Turn<'t> {
    now: Instant,
    date: &'t Date,
    out: &'t mut Vec<u8>,
}

/// How far the peer has come.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// When the latest bytes came.
    latest: Instant,
    /// When the first byte of the head came that is not complete yet, and in how many reads so far.
    head_begun: Option<Instant>,
    head_reads: u32,
    /// Whether nothing more can be understood before more bytes come.
    is_starved: bool,
    has_ended: bool,
    /// Whether the time for a message that has begun is over.
    is_late: bool,
}

impl Arrival {
    fn new(now: Instant) -> Arrival {
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
            deadline: Some(now + lab.settings.idle_timeout),
            lab,
            card,
            pending: ReceiveBuffer::default(),
            exchange: None,
            state: State::Talking,
            form: Form::Text,
            request_line: None,
            arrival: Arrival::new(now),
            cut: None,
        }
    }

    /// Turns the peer away: there are as many connections as there may be.
    pub fn refused(lab: Arc<Lab>, card: Arc<Card>, now: Instant) -> Conversation {
        Conversation { state: State::TurningAway, ..Conversation::new(lab, card, now) }
    }

    /// Understands as much of what has come as there is room to answer.
    fn understand(&mut self, now: Instant, arrived: &[u8], out: &mut Vec<u8>) {
        let date = self.lab.clock.date(now);
        let mut turn = Turn { now, date: &date, out };
        let mut pending = mem::take(&mut self.pending);
        pending.feed(arrived, |bytes| self.understand_bytes(bytes, &mut turn));
        self.pending = pending;
    }

    fn understand_bytes(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> usize {
        let mut consumed = 0;
        let mut request = Request::NONE;
        while turn.out.len() < PIECE_BYTES && !self.connection.is_done() {
            let rest = &bytes[consumed..];
            let (used, event) = match self.connection.next_event(rest, &mut request) {
                Ok(next) => next,
                Err(error) => {
                    self.refuse(&error, rest, turn);
                    break;
                }
            };
            consumed += used;
            self.arrival.is_starved = matches!(event, Event::Incomplete);
            match event {
                Event::Request => self.begin(&request, consumed < bytes.len(), turn),
                Event::Data(data) => self.step(turn, |exchange, reply| exchange.receive(data, reply)),
                Event::Trailers(trailers) => {
                    self.step(turn, |exchange, _| exchange.receive_trailers(&trailers));
                }
                Event::EndOfMessage => self.step(turn, |exchange, reply| exchange.receive_end(reply)),
                Event::Incomplete | Event::Paused | Event::Closed => break,
            }
        }
        if self.connection.is_done() { bytes.len() } else { consumed }
    }

    /// A head is complete: its route answers.
    fn begin(&mut self, request: &Request<'_>, more_has_come: bool, turn: &mut Turn<'_>) {
        Card::add(&self.card.requests, 1);
        let has_content = request.framing.has_content();
        if has_content {
            self.form = Form::preferred(&request.fields);
        }
        self.request_line = log::log_enabled!(log::Level::Debug).then(|| request.line().into());
        let answer = self.answer(request, turn.now);
        let form = self.form;
        match answer.unwrap_or_else(|refusal| Answer::Whole(refusal.response(form))) {
            Answer::Prepared(prepared) if !has_content => self.reply(turn).send_prepared(prepared),
            Answer::Prepared(prepared) => {
                self.answer_behind_content(prepared.response().clone(), request, turn)
            }
            Answer::Whole(response) if !has_content => self.reply(turn).send(response),
            Answer::Whole(response) => self.answer_behind_content(response, request, turn),
            Answer::Exchange(exchange) => {
                if request.expects_continue && has_content && !more_has_come {
                    self.connection.send_continue(turn.out);
                }
                self.exchange = Some(exchange);
            }
        }
    }

    /// The response is known, and content that nobody wants stands before the next request.
    fn answer_behind_content(&mut self, response: Response, request: &Request<'_>, turn: &mut Turn<'_>) {
        let is_long = matches!(request.framing, Framing::Length(length) if length > PIECE_BYTES as u64);
        if request.expects_continue || is_long {
            // A client that waits for a 100 need not send the content any more, and may send it all the same: what
            // follows could be read in two ways, so nothing is to follow. And long content is not worth the wait.
            self.connection.close_after_exchange();
            self.reply(turn).send(response);
        } else {
            self.exchange = Some(Box::new(Discard::new(response)));
        }
    }

    fn answer(&mut self, request: &Request<'_>, now: Instant) -> Result<Answer, Refusal> {
        let begun = self.arrival.head_begun.take().unwrap_or(now);
        let reads = mem::take(&mut self.arrival.head_reads).max(1);
        let call = Call {
            lab: &self.lab,
            request,
            captured: &[],
            card: &self.card,
            now,
            begun,
            reads,
            offset: self.connection.offset() - request.head.len() as u64,
        };
        let answer = router::answer(&call);
        if answer.is_err() {
            self.form = call.form();
        }
        answer
    }

    /// Lets the exchange under way, if there is one, take a step.
    fn step(&mut self, turn: &mut Turn<'_>, step: impl FnOnce(&mut dyn Exchange, &mut Reply<'_>)) {
        if let Some(mut exchange) = self.exchange.take() {
            step(&mut *exchange, &mut self.reply(turn));
            if !self.connection.has_answered() {
                self.exchange = Some(exchange);
            }
        }
    }

    fn reply<'r>(&'r mut self, turn: &'r mut Turn<'_>) -> Reply<'r> {
        Reply {
            now: turn.now,
            lab: &self.lab,
            card: &self.card,
            request_line: self.request_line.as_deref(),
            connection: &mut self.connection,
            out: turn.out,
            date: turn.date,
            cut: &mut self.cut,
            peer_has_ended: self.arrival.has_ended,
        }
    }

    /// The peer broke a rule: it is told which, unless an answer has begun, which is then all it gets.
    fn refuse(&mut self, error: &Error, shown: &[u8], turn: &mut Turn<'_>) {
        self.exchange = None;
        if !self.connection.can_answer() {
            log::info!("conn {}: {error}, after its answer had begun", self.card.number);
            self.connection.cut();
            return;
        }
        if !self.connection.owes_answer() {
            let before_fault = error.offset.saturating_sub(self.connection.offset()) as usize;
            let head = &shown[..before_fault.min(shown.len())];
            self.form = Form::preferred(&Fields::before_fault(head));
            // Something has to stand in the log where a request line would.
            self.request_line = log::log_enabled!(log::Level::Debug)
                .then(|| format!("({})", error.rule.lesson().claim).into());
            Card::add(&self.card.requests, 1);
        }
        let response = broken_rule(error, self.form);
        self.reply(turn).send(response);
    }

    /// Ends what the peer has left unfinished, when it has ended itself or has let too much time pass.
    fn conclude(&mut self, turn: &mut Turn<'_>) {
        let pending = mem::take(&mut self.pending);
        let result = match self.arrival {
            Arrival { is_late: true, .. } => self.connection.time_out(pending.bytes()),
            _ => self.connection.receive_eof(pending.bytes()),
        };
        match result {
            Err(error) => self.refuse(&error, pending.bytes(), turn),
            Ok(()) if self.exchange.is_none() && self.connection.is_between_exchanges() => {
                self.state = State::Over(Flow::Closed, "the peer has ended");
            }
            Ok(()) => self.pending = pending,
        }
        self.arrival.is_late = false;
    }

    /// What the calls so far have led to.
    fn settle(&mut self, now: Instant, out: &[u8]) {
        if matches!(self.state, State::Talking | State::TurningAway) && self.connection.is_done() {
            self.pending.clear();
            self.state = match self.cut {
                Some(Cut::Reset) => State::Over(Flow::Reset, "reset on request"),
                _ if self.arrival.has_ended => State::Over(Flow::Closed, "answered and closed"),
                _ => State::Draining { until: now + LINGER },
            };
        }
        if self.state == State::Talking {
            self.note_head(now);
        }
        // Bytes that wait for a slow reader are the driver's to watch; it comes back when they have left.
        self.deadline = if out.is_empty() { self.next_deadline() } else { None };
        self.card.show(self.activity());
    }

    fn note_head(&mut self, now: Instant) {
        let is_receiving_head = self.connection.missing(self.pending.bytes()) == Some(Missing::Head);
        match self.arrival.head_begun {
            Some(_) if is_receiving_head => {}
            None if is_receiving_head => (self.arrival.head_begun, self.arrival.head_reads) = (Some(now), 1),
            _ => (self.arrival.head_begun, self.arrival.head_reads) = (None, 0),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let settings = &self.lab.settings;
        match self.state {
            State::TurningAway | State::Over(..) => None,
            State::Draining { until } => Some(until),
            State::Talking => {
                let exchange = self.exchange.as_ref().and_then(|exchange| exchange.poll_timeout());
                let peer = match self.connection.missing(self.pending.bytes()) {
                    Some(Missing::Head) => self.arrival.head_begun.map(|begun| begun + settings.head_timeout),
                    Some(Missing::Content) => Some(self.arrival.latest + settings.idle_timeout),
                    None if self.exchange.is_none() => Some(self.arrival.latest + settings.idle_timeout),
                    None => None,
                };
                exchange.into_iter().chain(peer).min()
            }
        }
    }

    /// Between requests, which is where a connection is most of the time.
    fn has_nothing_to_say(&self) -> bool {
        self.state == State::Talking
            && self.exchange.is_none()
            && self.arrival.is_starved
            && !self.arrival.is_late
            && !self.arrival.has_ended
    }

    fn turn_away(&mut self, turn: &mut Turn<'_>) {
        self.connection.close_after_exchange();
        let refusal = Refusal::new(
            503,
            format!("{} connections are open, as many as may be", self.lab.settings.max_connections),
            "again in a moment; the server's option --max-connections sets the limit",
        );
        self.reply(turn).send(refusal.response(Form::Text).with("Retry-After", "1"));
    }

    fn activity(&self) -> Activity {
        match (self.state, self.connection.missing(self.pending.bytes())) {
            (State::Draining { .. } | State::Over(..) | State::TurningAway, _) => Activity::Draining,
            (State::Talking, Some(_)) => Activity::Receiving,
            (State::Talking, None) if self.exchange.is_some() => Activity::Answering,
            (State::Talking, None) => Activity::Idle,
        }
    }
}

impl Session for Conversation {
    fn receive(&mut self, now: Instant, bytes: &[u8], out: &mut Vec<u8>) {
        Card::add(&self.card.bytes_in, bytes.len() as u64);
        if self.state != State::Talking {
            return;
        }
        self.arrival.latest = now;
        self.arrival.head_reads += 1;
        self.understand(now, bytes, out);
        self.settle(now, out);
        Card::add(&self.card.bytes_out, out.len() as u64);
    }

    fn receive_eof(&mut self, _now: Instant) {
        self.arrival.has_ended = true;
        if let State::Draining { .. } = self.state {
            self.state = State::Over(Flow::Closed, "answered and closed");
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        let exchange = self.exchange.as_ref().and_then(|exchange| exchange.poll_timeout());
        match self.state {
            State::Draining { .. } => {
                self.state = State::Over(Flow::Closed, "answered, and the peer lingered")
            }
            State::Talking if exchange.is_some_and(|due| due <= now) => {}
            State::Talking if self.connection.missing(self.pending.bytes()).is_some() => {
                self.arrival.is_late = true;
            }
            State::Talking => self.state = State::Over(Flow::Closed, "idle"),
            State::TurningAway | State::Over(..) => {}
        }
    }

    fn handle_shutdown(&mut self, _now: Instant) {
        match self.state {
            State::Talking if self.exchange.is_none() && self.connection.is_between_exchanges() => {
                self.state = State::Over(Flow::Closed, "the server stops");
            }
            State::Talking => {
                self.connection.close_after_exchange();
                if let Some(exchange) = &mut self.exchange {
                    exchange.handle_shutdown();
                }
            }
            State::TurningAway | State::Draining { .. } | State::Over(..) => {}
        }
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        let card = &self.card;
        self.lab.registry.leave(card.number);
        let reason = match (cause, self.state) {
            (Cause::Flow, State::Over(_, reason)) => reason.to_owned(),
            (cause, _) => cause.to_string(),
        };
        log::info!("{}: {reason}", card.farewell(now));
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.deadline.is_none() {
            self.arrival.latest = now; // the peer has taken what waited for it: it is alive
            if let State::Draining { until } = &mut self.state {
                *until = now + LINGER; // and only now can it know that nothing is to follow
            }
        }
        if self.has_nothing_to_say() {
            return self.settle(now, out);
        }
        let date = self.lab.clock.date(now);
        let mut turn = Turn { now, date: &date, out };
        match self.state {
            State::TurningAway => self.turn_away(&mut turn),
            State::Talking => {
                self.step(&mut turn, |exchange, reply| exchange.poll(reply));
                if !self.arrival.is_starved {
                    self.understand(now, &[], turn.out);
                }
                if self.arrival.is_late || (self.arrival.has_ended && self.arrival.is_starved) {
                    self.conclude(&mut turn);
                }
            }
            State::Draining { .. } | State::Over(..) => {}
        }
        self.settle(now, out);
        Card::add(&self.card.bytes_out, out.len() as u64);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn flow(&self) -> Flow {
        match self.state {
            State::Over(flow, _) => flow,
            State::Draining { .. } => Flow::HalfClosed,
            State::Talking if !self.arrival.is_starved && self.pending.len() >= MAX_PENDING_BYTES => {
                Flow::Paused
            }
            State::Talking | State::TurningAway => Flow::Open,
        }
    }
}

/// How long a peer may go on sending after the last answer. nginx's lingering_timeout is 5 s as well.
const LINGER: Duration = Duration::from_secs(5);

/// Pipelined requests that wait behind an answer under way: more of them are not read.
const MAX_PENDING_BYTES: usize = 64 * 1024;
