//! The course's first event stream: a number from time to time, for as long as somebody listens.

use std::time::{Duration, Instant};

use crate::http::Response;
use crate::lab::event_stream::{self, Heartbeat};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::Refusal;
use crate::sse;

/// `GET /stream`
pub fn counter(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let every = params.duration("every", LONGEST, Duration::from_secs(1))?.max(SHORTEST);
    let count = params.number_if_given("count", 1..=MAX_COUNT)?;
    let heard = event_stream::last_event_number(call, MAX_COUNT)?.unwrap_or(0);
    if count.is_some_and(|count| count <= heard) {
        // "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting using the
        // HTTP 204 No Content response code" (WHATWG HTML §9.2.1).
        return Ok(Answer::uncached(Response::new(204).with("Access-Control-Allow-Origin", "*")));
    }
    let heartbeat = Heartbeat::read(call)?;
    Ok(Answer::exchange(Counter { every, count, said: heard, due: None, heartbeat, is_stopping: false }))
}

/// What it counts and when it counts on is its own, and is gone with the connection.
struct Counter {
    every: Duration,
    /// The last number, if there is one.
    count: Option<u64>,
    /// The number that was sent last.
    said: u64,
    /// When the next number is due, once the head is sent.
    due: Option<Instant>,
    heartbeat: Heartbeat,
    is_stopping: bool,
}

impl Counter {
    fn count_on(&mut self, due: Instant, reply: &mut Reply<'_>) {
        self.said += 1;
        let mut event = Vec::new();
        let (id, data) = (self.said.to_string(), format!("hello from the server, {}", self.said));
        sse::Event { id: Some(&id), kind: None, data: &data }.encode(&mut event);
        reply.send_data(&event);
        self.heartbeat.note(reply.now);
        // Numbers whose time has passed, because the client did not read, are not made up for.
        let next = due + self.every;
        self.due = Some(if next > reply.now { next } else { reply.now + self.every });
    }

    /// Whoever has finished sending still hears numbers that come to an end.
    fn is_over(&self, reply: &Reply<'_>) -> bool {
        self.count == Some(self.said) || self.is_stopping || (self.count.is_none() && reply.peer_has_ended)
    }
}

impl Exchange for Counter {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        event_stream::begin(event_stream::head(), reply);
        self.due = Some(reply.now);
        if !reply.can_send_content() {
            reply.end(&[]);
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let Some(due) = self.due else { return };
        if due <= reply.now {
            self.count_on(due, reply);
        }
        self.heartbeat.beat(reply);
        if self.is_over(reply) {
            reply.end(&[]);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.heartbeat.due()).min()
    }

    fn handle_shutdown(&mut self) {
        self.is_stopping = true;
    }
}

const LONGEST: Duration = Duration::from_secs(60 * 60);

/// One in every turn would be a flood, and that is what `/firehose` is for.
const SHORTEST: Duration = Duration::from_millis(10);

const MAX_COUNT: u64 = 1_000_000_000_000;
