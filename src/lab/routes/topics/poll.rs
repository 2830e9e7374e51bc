//! Out of a topic by asking: is there anything new? At once, or when there is (RFC 6202).

use std::time::Instant;

use serde_json::{Value, json};

use super::{named, subscribe};
use crate::http::{Response, condition};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::lab::topics::event::{Event, Form};
use crate::lab::topics::start::{Gap, Start};
use crate::lab::topics::subscription::{Appetite, News, Subscription};
use crate::lab::wait::{Preference, Wait, Waiting};

/// `GET /topics/{t}`
pub fn poll(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (topic, params, wait) = (named(call)?, call.params()?, Wait::read(call)?);
    let Some(subscribed) = subscribe(call, &call.lab.topics, Start::Earliest)?.pop() else {
        return Err(Refusal::new(
            410,
            format!("the topic {topic} was deleted"),
            "POST to it, and it begins anew",
        ));
    };
    let mut poll = Poll {
        subscription: subscribed.subscription,
        gap: subscribed.gap.map(Box::new),
        limit: params.number("limit", 1..=MAX_EVENTS, USUAL_EVENTS)? as u32,
        min_bytes: params.number("min_bytes", 1..=MAX_MIN_BYTES, 1)? as u32,
        representation: call.representation(),
        known: None,
        preference: wait.preference(),
        until: wait.until(call.now),
        waiting: None,
        server_stops: false,
    };
    let newest = poll.subscription.newest();
    poll.known = condition::client_has(&call.request.fields, &tag(newest)).then_some(newest);
    Ok(Answer::exchange(poll))
}

/// A poll, which is answered once there is something to say, or when the client wants to wait no longer.
struct Poll {
    subscription: Subscription,
    gap: Option<Box<Gap>>,
    limit: u32,
    /// Of data: a client that is in no hurry can ask for more at a time, as Kafka's consumers do (`fetch.min.bytes`).
    min_bytes: u32,
    representation: Representation,
    /// The latest event, if the client has said that it has all up to it (RFC 9110 §13.1.2): only another is news.
    known: Option<u64>,
    preference: Preference,
    until: Instant,
    /// Counted from when it was held back.
    waiting: Option<Waiting>,
    server_stops: bool,
}

impl Poll {
    fn has_news(&self) -> bool {
        let waiting = self.subscription.waiting(self.min_bytes as usize);
        let is_enough = waiting.events > 0 && waiting.data_bytes >= self.min_bytes as usize;
        waiting.has_ended || (is_enough && !self.is_unchanged())
    }

    fn is_unchanged(&self) -> bool {
        self.known == Some(self.subscription.newest())
    }

    fn answer(&self) -> Response {
        if self.is_unchanged() {
            return with_position(Response::new(304), self.subscription.newest());
        }
        let mut events = Events::new(self.representation, self.subscription.topic());
        let (mut gap, mut left) = (self.gap.as_deref().copied(), self.limit);
        self.subscription.read(|news| {
            match news {
                News::Event(event) => {
                    events.push(event);
                    left -= 1;
                }
                News::Gap(more) => gap = Some(more),
                News::End => return Appetite::Enough,
            }
            if left == 0 || events.is_full() { Appetite::Enough } else { Appetite::More }
        });
        let last_id = self.subscription.last_id();
        let response = match events.is_empty() {
            true => Response::new(204),
            false => events.into_response(),
        };
        let response = with_position(response, last_id);
        gap.into_iter().fold(response, |response, gap| response.with("X-Gap", gap.to_text()))
    }
}

impl Exchange for Poll {
    fn poll(&mut self, reply: &mut Reply<'_>) {
        let is_over = self.until <= reply.now || reply.peer_has_ended || self.server_stops;
        if !is_over && self.waiting.is_none() {
            self.subscription.listen(reply.waker());
            self.waiting = Some(reply.lab.waiters.enter());
        }
        if is_over || self.has_news() {
            let response = self.preference.confirm(self.answer());
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
                self.text.extend_from_slice(event.encoded(Form::NumberedLine, self.topic))
            }
            Representation::Json => self.values.push(event.to_json(self.topic)),
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.values.is_empty()
    }

    fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES
    }

    fn into_response(self) -> Response {
        match self.representation {
            Representation::Text => Response::text(200, self.text),
            Representation::Json => {
                Response::new(200).with_content("application/json", format!("{:#}\n", json!(self.values)))
            }
        }
        .with("Vary", "Accept")
    }
}

fn with_position(response: Response, last_id: u64) -> Response {
    response
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
