//! Out of a topic by asking: is there anything new? At once, or when there is (RFC 6202).

use std::time::Instant;

use serde_json::{Value, json};

use super::{deleted, subscribe_to_one};
use crate::http::{Response, condition};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::topics::Subscribed;
use crate::lab::topics::event::{self, Event};
use crate::lab::topics::start::{Gap, Start};
use crate::lab::topics::subscription::{Appetite, News, Subscription};
use crate::lab::wait::{Preference, Wait, Waiting};

/// `GET /topics/{t}`
///
/// Who polls comes and goes all the time, and is not announced: its own coming would be the news that it waits for.
pub fn poll(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (params, wait) = (call.params()?, Wait::read(call)?);
    let limit = params.number("limit", 1..=MAX_EVENTS, USUAL_EVENTS)? as u32;
    let min_bytes = params.number("min_bytes", 0..=MAX_MIN_BYTES, 0)? as u32;
    let Subscribed { subscription, gap } = subscribe_to_one(call, Start::Earliest, None)?;
    let newest = subscription.newest_id();
    let has_all = condition::client_has(&call.request.fields, &tag(newest));
    Ok(Answer::exchange(Poll {
        subscription,
        gap: gap.map(Box::new),
        limit,
        min_bytes,
        representation: call.representation(),
        form: call.form(),
        known: has_all.then_some(newest),
        preference: wait.preference(),
        until: wait.until(call.now),
        is_asked: false,
        held_back: None,
        server_stops: false,
    }))
}

/// A poll, which is answered once there is something to say, or when the client wants to wait no longer.
struct Poll {
    subscription: Subscription,
    gap: Option<Box<Gap>>,
    limit: u32,
    /// Of data: a client that is in no hurry can ask for more at a time, as Kafka's consumers do (`fetch.min.bytes`).
    /// Usually any event will do, also one without data.
    min_bytes: u32,
    representation: Representation,
    form: Form,
    /// The latest event, if the client has said that it has all up to it (RFC 9110 §13.1.2): only another is news.
    known: Option<u64>,
    preference: Preference,
    until: Instant,
    /// Whether the request is complete.
    is_asked: bool,
    /// Counted, once it is.
    held_back: Option<Waiting>,
    server_stops: bool,
}

impl Poll {
    fn has_news(&self) -> bool {
        let waiting = self.subscription.waiting(self.min_bytes as usize);
        let is_enough = waiting.events > 0 && waiting.data_bytes >= self.min_bytes as usize;
        waiting.has_ended || (is_enough && self.known != Some(self.subscription.newest_id()))
    }

    fn answer(&self, reply: &mut Reply<'_>) {
        let waiting = self.subscription.waiting(0);
        if waiting.has_ended && waiting.events == 0 {
            return reply.refuse(&deleted(self.subscription.topic()), self.form);
        }
        let response = match self.known {
            Some(known) if known == self.subscription.newest_id() => with_position(Response::new(304), known),
            _ => self.read(),
        };
        reply.send(self.preference.confirm(response));
    }

    fn read(&self) -> Response {
        let mut events = Events::new(self.representation, self.subscription.topic());
        let (mut gap, mut left) = (self.gap.as_deref().copied(), self.limit);
        self.subscription.read(|news| {
            match news {
                News::Event(event) => {
                    events.push(event);
                    left -= 1;
                }
                News::Gap(more) => gap = Some(more),
                News::End => {}
            }
            if left == 0 || events.is_full() { Appetite::Enough } else { Appetite::More }
        });
        let response = with_position(events.into_response(), self.subscription.last_id());
        gap.into_iter().fold(response, |response, gap| response.with("X-Gap", gap.to_text()))
    }
}

impl Exchange for Poll {
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {
        self.is_asked = true;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if !self.is_asked {
            return;
        }
        let is_over = self.until <= reply.now || reply.peer_has_ended || self.server_stops;
        if !is_over && !self.has_news() && self.held_back.is_none() {
            self.subscription.listen(reply.waker());
            self.held_back = Some(reply.lab.waiters.enter());
        }
        if is_over || self.has_news() {
            self.answer(reply);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.is_asked.then_some(self.until)
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

/// Events on their way into one answer.
struct Events<'t> {
    representation: Representation,
    topic: &'t str,
    text: Vec<u8>,
    values: Vec<Value>,
    bytes: usize,
}

impl Events<'_> {
    fn new(representation: Representation, topic: &str) -> Events<'_> {
        Events { representation, topic, text: Vec::new(), values: Vec::new(), bytes: 0 }
    }

    fn push(&mut self, event: &Event) {
        self.bytes += event.data.len();
        match self.representation {
            Representation::Text => {
                self.text.extend_from_slice(event.encoded(event::Form::NumberedLine, self.topic))
            }
            Representation::Json => self.values.push(event.to_json(self.topic)),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES
    }

    fn into_response(self) -> Response {
        match self.representation {
            _ if self.text.is_empty() && self.values.is_empty() => Response::new(204),
            Representation::Text => Response::text(200, self.text),
            Representation::Json => {
                Response::new(200).with_content("application/json", format!("{:#}\n", json!(self.values)))
            }
        }
    }
}

/// What goes with any answer, a 304 included (RFC 9110 §15.4.5).
fn with_position(response: Response, last_id: u64) -> Response {
    response
        .with("Vary", "Accept")
        .with("ETag", tag(last_id))
        .with("X-Last-Event-ID", last_id.to_string())
        .with("Cache-Control", "no-cache")
        .with("Access-Control-Allow-Origin", "*")
}

/// The topic up to an event. It is a weak tag: lines and JSON share it, and history may have lost its oldest events
/// (RFC 9110 §8.8.1).
fn tag(id: u64) -> String {
    format!("W/\"{id}\"")
}

/// When nobody says how many.
const USUAL_EVENTS: u64 = 1000;

const MAX_EVENTS: u64 = 10_000;

const MAX_MIN_BYTES: u64 = 64 * 1024;

/// Of data; an answer holds about as much, and is made in one piece.
const FULL_BYTES: usize = 256 * 1024;
