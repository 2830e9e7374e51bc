//! What all event streams of the lab have in common: the head, the first bytes, and signs of life.

use std::time::{Duration, Instant};

use super::exchange::{Call, Reply};
use super::refusal::Refusal;
use crate::http::{Length, Response};
use crate::sse;

/// The head of an event stream. No cache keeps it, no proxy holds it back until it ends (`X-Accel-Buffering` is what
/// nginx listens to), and any page may read it.
pub fn head() -> Response {
    Response::new(200)
        .with_content("text/event-stream", "")
        .with("Cache-Control", "no-store")
        .with("X-Accel-Buffering", "no")
        .with("Access-Control-Allow-Origin", "*")
}

/// Begins an event stream. Its first bytes leave at once, so that the client knows that it is connected.
pub fn begin(response: Response, reply: &mut Reply<'_>) {
    reply.begin(response, Length::Unknown);
    let mut first = Vec::new();
    sse::encode_retry(RETRY, &mut first);
    sse::encode_comment("ok", &mut first);
    reply.send_data(&first);
}

/// The id of the last event that the client has got, if it has been here before: an EventSource says so in a field,
/// which wins, others in the query.
pub fn last_event_id(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    match call.request.fields.text("Last-Event-ID") {
        Some(id) => Ok(Some(id.to_owned())),
        None => call.params()?.text("last_event_id"),
    }
}

/// A comment from time to time while there is nothing to say: a proxy forgets a silent connection, and whoever writes
/// to a peer that has gone finds out.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    /// Zero for none.
    every: Duration,
    due: Option<Instant>,
}

impl Heartbeat {
    /// As the query says, or else the server's option.
    pub fn read(call: &Call<'_>) -> Result<Heartbeat, Refusal> {
        let usual = call.lab.settings.heartbeat;
        let every = call.params()?.duration("heartbeat", LONGEST_HEARTBEAT, usual)?;
        Ok(Heartbeat {
            every: if every.is_zero() { every } else { every.max(SHORTEST_HEARTBEAT) },
            due: None,
        })
    }

    /// Something was sent, so the next sign of life is not due before its time.
    pub fn note(&mut self, now: Instant) {
        self.due = (!self.every.is_zero()).then(|| now + self.every);
    }

    /// Whether it is time for one.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// How long a client waits before it comes again.
const RETRY: Duration = Duration::from_secs(2);

const LONGEST_HEARTBEAT: Duration = Duration::from_secs(60 * 60);

/// One in every turn would be a flood.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(10);
