//! One connection's conversation: requests as they arrive, each led to its route, and the answers in order.
//!
//! ```text
//! Talking ──an answer that closes, a broken rule──▶ Draining ──the peer ends, or LINGER──▶ Over
//!    └──the peer has ended and has all answers, or was idle too long─────────────────────▶ Over
//! ```

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::Lab;
use super::clock::Date;
use super::exchange::{Answer, Call, Exchange, PIECE_BYTES, Reply};
use super::refusal::{Form, Refusal, broken_rule};
use super::registry::{Activity, Card};
use super::routes::discard::Discard;
use super::router;
use crate::http::connection::Missing;
use crate::http::{Connection, Error, Event, Fields, Request};
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
    deadline: Option<Instant>,
}

/// What has become of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Talking,
    /// Everything has been said; what the peer still sends is read and thrown away.
    Draining {
        until: Instant,
    },
    Over(Flow, &'static str),
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
            arrival: Arrival {
                latest: now,
                head_begun: None,
                head_reads: 0,
                is_starved: true,
                has_ended: false,
                is_late: false,
            },
        }
    }

    /// Understands as much of `bytes` as there is room to answer; tells how much that was.
    fn understand(&mut self, now: Instant, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let date = self.lab.clock.date(now);
        let mut consumed = 0;
        while out.len() < PIECE_BYTES && !self.connection.is_done() {
            let rest = &bytes[consumed..];
            let (used, event) = match self.connection.next_event(rest) {
                Ok(next) => next,
                Err(error) => {
                    self.refuse(now, &error, rest, &date, out);
                    break;
                }
            };
            consumed += used;
            self.arrival.is_starved = matches!(event, Event::Incomplete);
            let mut turn = Turn { now, date: &date, out };
            match event {
                Event::Request(request) => self.begin(&mut turn, &request, consumed < bytes.len()),
                Event::Data(data) => self.with_exchange(&mut turn, |exchange, reply| exchange.receive(data, reply)),
                Event::Trailers(trailers) => {
                    self.with_exchange(&mut turn, |exchange, _| exchange.receive_trailers(&trailers));
                }
                Event::EndOfMessage => self.with_exchange(&mut turn, |exchange, reply| exchange.receive_end(reply)),
                Event::Incomplete | Event::Paused => break,
                Event::Closed => return bytes.len(),
            }
        }
        consumed
    }

    /// A request's head is complete: lets its route answer.
    fn begin(&mut self, turn: &mut Turn<'_>, request: &Request<'_>, more_has_come: bool) {
        Card::add(&self.card.requests, 1);
        let begun = self.arrival.head_begun.take().unwrap_or(turn.now);
        let reads = mem::take(&mut self.arrival.head_reads).max(1);
        self.note_request_line(request);
        let lab = Arc::clone(&self.lab);
        let card = Arc::clone(&self.card);
        let offset = self.connection.offset() - request.head.len() as u64;
        let call =
            Call { lab: &lab, request, captured: &[], card: &card, now: turn.now, begun, reads, offset };
        let has_content = request.framing.has_content();
        if has_content {
            self.form = call.form();
        }
        let answer = router::answer(&call).unwrap_or_else(|refusal| refusal.response(call.form()).into());
        match answer {
            Answer::Unsigned(response) if !has_content => self.reply(turn).send_unsigned(&response),
            Answer::Unsigned(response) | Answer::Whole(response) => match request.expects_continue && has_content {
                // The client has not sent its content yet, and now it need not: what follows on this connection
                // could be either that content or the next request, so nothing is to follow.
                true => {
                    self.connection.close_after_exchange();
                    self.reply(turn).send(response);
                }
                false if has_content => self.exchange = Some(Box::new(Discard::new(response))),
                false => self.reply(turn).send(response),
            },
            Answer::Exchange(exchange) => {
                if request.expects_continue && has_content && exchange.wants_content() && !more_has_come {
                    self.connection.send_continue(turn.out);
                }
                self.exchange = Some(exchange);
            }
        }
    }

    fn with_exchange(&mut self, turn: &mut Turn<'_>, step: impl FnOnce(&mut dyn Exchange, &mut Reply<'_>)) {
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
            reset: &mut self.reset,
        }
    }
}
