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
use crate::lab::topics::subscription::{Appetite, News, Subscription, Waiting};
use crate::lab::wait::Wait;

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
        gap,
        limit,
        min_bytes,
        representation: call.representation(),
        form: call.form(),
        known: has_all.then_some(newest),
        wait,
        until: wait.until(call.now),
        is_listening: false,
        server_stops: false,
    }))
}

/// A poll, which is answered once there is something to say, or when the client wants to wait no longer.
struct Poll {
    subscription: Subscription,
    gap: Option<Gap>,
    limit: u32,
    /// Of data: a client that is in no hurry can ask for more at a time, as Kafka's consumers do (`fetch.min.bytes`).
    /// Usually any event will do, also one without data.
    min_bytes: u32,
    representation: Representation,
    form: Form,
    /// The latest event, if the client has said that it has all up to it (RFC 9110 §13.1.2): only another is news.
    known: Option<u64>,
    wait: Wait,
    until: Instant,
    is_listening: bool,
    server_stops: bool,
}

impl Poll {
    fn has_news(&self, waiting: Waiting) -> bool {
        waiting.events > 0 && waiting.data_bytes >= self.min_bytes as usize && !self.is_unchanged()
    }

    fn is_unchanged(&self) -> bool {
        self.known == Some(self.subscription.newest_id())
    }

    fn answer(&self) -> Response {
        if self.is_unchanged() {
            return with_position(Response::new(304), self.subscription.newest_id());
        }
        let mut events = Events::new(self.representation, self.subscription.topic());
        let (mut gap, mut left) = (self.gap, self.limit);
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
    fn poll(&mut self, reply: &mut Reply<'_>) {
        if !self.is_listening && !self.wait.is_none() {
            self.subscription.listen(reply.waker());
            self.is_listening = true;
        }
        let waiting = self.subscription.waiting(self.min_bytes as usize);
        let is_over = self.until <= reply.now || reply.peer_has_ended || self.server_stops;
        if waiting.has_ended && waiting.events == 0 {
            reply.refuse(&deleted(self.subscription.topic()), self.form);
        } else if is_over || waiting.has_ended || self.has_news(waiting) {
            let response = self.wait.confirm(self.answer());
            reply.send(response);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.until)
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
