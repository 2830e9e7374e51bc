//! More events than the reader takes: what becomes of the rest, and who decides that.
//!
//! Nothing here pushes. The exchange is polled when everything before has left, which is when the reader has taken it,
//! or the system holds it; then the [`Producer`] says what was made meanwhile.

mod producer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::lab::event_stream;
use crate::lab::exchange::{Answer, Call, Exchange, PIECE_BYTES, Reply};
use crate::lab::params::Params;
use crate::lab::refusal::Refusal;
use crate::lab::registry::Backlog;
use crate::sse;

use producer::{Figures, Plan, Policy, Producer};

/// `GET /firehose`
pub fn firehose(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let event_bytes = params.number("size", MIN_EVENT_BYTES..=MAX_EVENT_BYTES, 1024)? as usize;
    let plan = Plan {
        policy: policy(&params)?,
        rate: params.number("rate", 1..=MAX_RATE, 1000)?,
        count: params.number_if_given("count", 1..=MAX_COUNT)?,
        queue: params.number("queue", 1..=MAX_QUEUE, 64)?,
        burst: (PIECE_BYTES / event_bytes) as u64,
    };
    let send_buffer = params.number_if_given("sndbuf", SEND_BUFFER_BYTES)?.map(|bytes| bytes as usize);
    Ok(Answer::exchange(Firehose { plan, event_bytes, send_buffer, hose: None, is_stopping: false }))
}

fn policy(params: &Params) -> Result<Policy, Refusal> {
    Ok(match params.choice("policy", &["block", "drop-oldest", "coalesce", "close"])? {
        "block" => Policy::Block,
        "drop-oldest" => Policy::DropOldest,
        "coalesce" => Policy::Coalesce,
        _ => Policy::Close,
    })
}

struct Firehose {
    plan: Plan,
    event_bytes: usize,
    /// What the system may hold, until it was told.
    send_buffer: Option<usize>,
    /// Shared with those who count what waits; from the head on.
    hose: Option<Arc<Hose>>,
    is_stopping: bool,
}

struct Hose {
    producer: Mutex<Producer>,
    event_bytes: u64,
}

impl Firehose {
    /// Why nothing follows, if nothing does. Whoever has finished sending still hears events that come to an end.
    fn ending(&self, producer: &Producer, reply: &Reply<'_>) -> Option<&'static str> {
        match () {
            () if producer.is_done() => Some("that was all"),
            () if self.is_stopping => Some("the server stops"),
            () if self.plan.count.is_none() && reply.peer_has_ended => Some("you have finished sending"),
            () => None,
        }
    }
}

impl Exchange for Firehose {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        event_stream::begin(event_stream::head(), reply);
        if !reply.can_send_content() {
            return reply.end(&[]);
        }
        let producer = Mutex::new(Producer::new(self.plan, reply.now));
        let hose = Arc::new(Hose { producer, event_bytes: self.event_bytes as u64 });
        reply.lab.registry.count_backlog(reply.card.number, &hose);
        self.hose = Some(hose);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let Some(hose) = &self.hose else { return };
        let mut producer = hose.producer();
        producer.step(reply.now, |figures| reply.send_data(&event(figures, self.event_bytes)));
        if producer.is_overrun() {
            let why = format!("too slow: more than {} events waited", self.plan.queue);
            reply.send_data(&last_word("close", &why, &producer.figures()));
            reply.close_after_exchange();
            reply.end(&[]);
        } else if let Some(why) = self.ending(&producer, reply) {
            reply.send_data(&last_word("end", why, &producer.figures()));
            reply.end(&[]);
        }
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.send_buffer.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.hose.as_ref()?.producer().next_due()
    }

    fn handle_shutdown(&mut self) {
        self.is_stopping = true;
    }
}

impl Hose {
    fn producer(&self) -> MutexGuard<'_, Producer> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backlog for Hose {
    fn bytes(&self, now: Instant) -> u64 {
        self.producer().waiting(now) * self.event_bytes
    }
}

/// An event of exactly so many bytes: how far the producer has come, and a second line to fill them.
fn event(figures: &Figures, bytes: usize) -> Vec<u8> {
    let mut event = Vec::with_capacity(bytes);
    let (id, first) = (figures.last_id.to_string(), figures.to_string());
    let fixed = "id: \ndata: \ndata: \n\n".len() + id.len() + first.len();
    let data = format!("{first}\n{}", ".".repeat(bytes - fixed));
    sse::Event { id: Some(&id), kind: None, data: &data }.encode(&mut event);
    event
}

fn last_word(kind: &str, why: &str, figures: &Figures) -> Vec<u8> {
    let mut event = Vec::new();
    let data = format!("{why}\n{figures}, last id {}", figures.last_id);
    sse::Event { id: None, kind: Some(kind), data: &data }.encode(&mut event);
    event
}

/// Enough for the figures, however large they grow.
const MIN_EVENT_BYTES: u64 = 256;

const MAX_EVENT_BYTES: u64 = PIECE_BYTES as u64;

const MAX_COUNT: u64 = 1_000_000_000;

const MAX_RATE: u64 = 1_000_000;

const MAX_QUEUE: u64 = 10_000;

/// What a system makes of it is its own affair: Linux doubles it, for what it needs itself, and takes no less than
/// 4,608 bytes and no more than `net.core.wmem_max` (socket(7)).
const SEND_BUFFER_BYTES: std::ops::RangeInclusive<u64> = 1024..=16 * 1024 * 1024;
