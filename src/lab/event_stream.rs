//! What all event streams of the lab have in common: the head, the first bytes, and signs of life.

use std::time::{Duration, Instant};

use super::exchange::{Call, Reply};
use super::params;
use super::refusal::Refusal;
use crate::http::{Length, Response};
use crate::sse;

/// The head of an event stream.
pub fn head() -> Response {
    head_of("text/event-stream")
}

/// The head of an answer that is worth reading before it ends, if it ever does. No cache keeps it, no proxy holds it
/// back (`X-Accel-Buffering` is what nginx listens to), and any page may read it.
pub fn head_of(content_type: &'static str) -> Response {
    Response::new(200)
        .with_content(content_type, "")
        .with("Cache-Control", "no-store")
        .with("X-Accel-Buffering", "no")
        .with("Access-Control-Allow-Origin", "*")
}

/// Begins an event stream. Its first bytes leave at once, so that the client knows that it is connected.
pub fn begin(response: Response, reply: &mut Reply<'_>) {
    reply.begin(response, Length::Unknown);
    reply.send_data(&first_bytes(None));
}

/// The first bytes of an event stream, with the id to come again with for who hears nothing before it is cut off. Without
/// one there is no blank line among them: the first event ends what they begin.
pub fn first_bytes(position: Option<&str>) -> Vec<u8> {
    let mut first = Vec::new();
    sse::encode_retry(RETRY, &mut first);
    sse::encode_comment("ok", &mut first);
    if let Some(id) = position {
        sse::encode_id(id, &mut first);
    }
    first
}

/// The number of the last event that the client has seen before it came again, if it names one: by the field of an
/// EventSource, or else by the query, for who cannot set a field.
///
/// # Errors
/// What it names is no number up to `max`, and so none of ours.
pub fn last_event_number(call: &Call<'_>, max: u64) -> Result<Option<u64>, Refusal> {
    last_event_id(call)?.map(|id| params::number("the last event id", &id, 0..=max)).transpose()
}

/// The id of the last event that the client has got, if it has been here before: an EventSource says so in a field,
/// which wins, others in the query. An empty one is none: an EventSource would leave the field out (WHATWG HTML §9.2.4).
pub fn last_event_id(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let field = call.request.fields.first("Last-Event-ID");
    let field = field.map(|id| String::from_utf8_lossy(id).into_owned());
    let given = [field, call.params()?.text("last_event_id")?];
    Ok(given.into_iter().flatten().find(|id| !id.is_empty()))
}

/// How often there is a sign of life while there is nothing to say: a proxy forgets a silent connection, and whoever
/// writes to a peer that has gone finds out.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Zero for none. Thousands of connections carry one, so it is half the size of a duration.
    every_millis: u32,
}

impl Rhythm {
    /// As the query says, or else the server's option.
    pub fn read(call: &Call<'_>) -> Result<Rhythm, Refusal> {
        let usual = call.lab.settings.heartbeat;
        let every = call.params()?.duration("heartbeat", LONGEST_HEARTBEAT, usual)?;
        let every = if every.is_zero() { every } else { every.max(SHORTEST_HEARTBEAT) };
        Ok(Rhythm { every_millis: u32::try_from(every.as_millis()).unwrap_or(u32::MAX) })
    }

    /// When the next sign of life is due, if something is sent now.
    pub fn next(self, now: Instant) -> Option<Instant> {
        let every = Duration::from_millis(self.every_millis.into());
        (!every.is_zero()).then(|| now + every)
    }
}

/// A comment in a [`Rhythm`].
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    rhythm: Rhythm,
    due: Option<Instant>,
}

impl Heartbeat {
    /// As the query says, or else the server's option.
    pub fn read(call: &Call<'_>) -> Result<Heartbeat, Refusal> {
        Ok(Heartbeat { rhythm: Rhythm::read(call)?, due: None })
    }

    /// Sends a sign of life if it is time for one.
    pub fn beat(&mut self, reply: &mut Reply<'_>) {
        if self.is_due(reply.now) {
            let mut comment = Vec::new();
            sse::encode_comment("", &mut comment);
            reply.send_data(&comment);
            self.note(reply.now);
        }
    }

    /// Something was sent, so the next sign of life is not due before its time.
    pub fn note(&mut self, now: Instant) {
        self.due = self.rhythm.next(now);
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
