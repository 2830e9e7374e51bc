//! Queues by HTTP: messages that wait for somebody, and are worked on at least once.

mod account;
mod events;
mod next;
mod settling;
mod ws;

use std::sync::Arc;

use serde_json::json;

use crate::http::Method;
use crate::lab::content::Content;
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::queues::{Consumer, DEAD_LETTERS, Full, NotPosted, Parcel};
use crate::lab::receipt::{Acknowledged, not_kept};
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;

/// What can be done with a queue.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/queues",
        methods: &[Method::Get],
        about: "all queues, and how many messages wait in each",
        example: "curl http://{at}/queues",
        answer: account::list,
    },
    Route {
        pattern: "/queues/{q}",
        methods: &[Method::Get, Method::Post, Method::Delete],
        about: "POST leaves a message, whether anybody takes it or not; GET counts them, DELETE throws them away",
        example: "curl -d hello http://{at}/queues/jobs; curl http://{at}/queues/jobs",
        answer: queue,
    },
    Route {
        pattern: "/queues/{q}/next",
        methods: &[Method::Get],
        about: "the oldest message, leased to you: without an ack in time it comes again; wait=20 waits for one",
        example: "curl -i \"http://{at}/queues/jobs/next?consumer=ann&wait=20&lease=10\"",
        answer: next::next,
    },
    Route {
        pattern: "/queues/{q}/ack/{tag}",
        methods: &[Method::Post],
        about: "the message of this delivery is done with",
        example: "curl -i -X POST http://{at}/queues/jobs/ack/1.1",
        answer: settling::ack,
    },
    Route {
        pattern: "/queues/{q}/nack/{tag}",
        methods: &[Method::Post],
        about: "the message of this delivery is not done with, and goes back to its place",
        example: "curl -i -X POST http://{at}/queues/jobs/nack/1.1",
        answer: settling::nack,
    },
    Route {
        pattern: "/queues/{q}/events",
        methods: &[Method::Get],
        about: "messages as an event stream, never more than prefetch of them without an ack; the id is the tag",
        example: "curl -N \"http://{at}/queues/jobs/events?prefetch=1\"",
        answer: events::events,
    },
    Route {
        pattern: "/queues/{q}/ws",
        methods: &[Method::Get],
        about: "WebSocket: the same, and \"ack 1.1\" or \"nack 1.1\" said on the spot",
        example: "websocat \"ws://{at}/queues/jobs/ws?prefetch=1\"",
        answer: ws::open,
    },
];

/// `/queues/{q}`
pub fn queue(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        Method::Post => post(call),
        Method::Delete => account::delete(call),
        _ => account::show(call),
    }
}

fn post(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (queue, ack) = (queue_name(call)?, Ack::read(call)?);
    let max_deliveries = call.params()?.number_if_given("max_deliveries", 1..=MOST_DELIVERIES)?;
    let content_type =
        call.request.fields.text("content-type").filter(|text| !text.is_empty()).map(Arc::from);
    let (representation, form) = (call.representation(), call.form());
    Content::gather(call, move |content, reply| {
        let parcel = Parcel {
            content: content.into_boxed_slice().into(),
            content_type,
            max_deliveries: max_deliveries.map(|count| count as u32),
        };
        let posted = reply.lab.queues.post(reply.now, &queue, parcel, ack);
        let (id, receipt) = posted.map_err(|reason| not_posted(&reason, &queue))?;
        let response = representation.respond(|| format!("{id}\n"), || json!({ "queue": &*queue, "id": id }));
        let response = response.with_status(201).with("X-Message-Id", id.to_string());
        Ok(Acknowledged::answer(receipt, response, form))
    })
}

/// The queue that the path names. Whatever may be called so has dead letters, which are called after it.
fn queue_name(call: &Call<'_>) -> Result<Arc<str>, Refusal> {
    let name = &*call.captured[0];
    let base = name.strip_suffix(DEAD_LETTERS).unwrap_or(name);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (1..=MAX_NAME_BYTES).contains(&base.len()) && base.bytes().all(is_plain) {
        return Ok(name.into());
    }
    let due = format!("1 to {MAX_NAME_BYTES} letters, digits, or characters of -._~");
    Err(Refusal::new(400, format!("a queue is called {name:?}, and has to be {due}"), "/queues/jobs"))
}

/// Somebody who takes messages, under the name that it gives itself.
fn consumer(call: &Call<'_>) -> Result<Consumer, Refusal> {
    let (queue, name) = (queue_name(call)?, call.params()?.name("consumer")?);
    call.lab.queues.consumer(&queue, name.map(Arc::from)).map_err(|full| no_room(full, &queue))
}

/// How many messages a connection may have without an ack. In AMQP, 0 would stand for any number; here there is a limit
/// to everything.
fn prefetch(call: &Call<'_>) -> Result<usize, Refusal> {
    Ok(call.params()?.number("prefetch", 1..=LARGEST_WINDOW, 1)? as usize)
}

/// The refusal of a message.
pub(super) fn not_posted(reason: &NotPosted, queue: &str) -> Refusal {
    match reason {
        NotPosted::Full(full) => no_room(*full, queue),
        NotPosted::NotKept(failure) => not_kept(failure),
    }
}

/// A queue that is full has consumers that are too slow: time helps (RFC 6585 §4). Against too many queues, and too many
/// bytes in all of them, only somebody helps who takes something away (RFC 4918 §11.5).
fn no_room(full: Full, queue: &str) -> Refusal {
    let slower = |what: &str, advice: &str| {
        Refusal::new(429, format!("{queue} is full: it has as many {what} as it may have"), advice)
            .with("Retry-After", "1")
    };
    let take = format!("again when somebody has taken messages, by GET /queues/{queue}/next and an ack");
    match full {
        Full::Messages => {
            slower("messages", &format!("{take}; the server's option --max-messages sets the limit"))
        }
        Full::Bytes => slower("bytes", &take),
        Full::Queues => {
            Refusal::new(507, "there are as many queues as there may be", "DELETE one of GET /queues")
        }
        Full::Memory => Refusal::new(507, "all queues together have as many bytes as they may have", take),
    }
}

/// More deliveries than anybody waits for.
const MOST_DELIVERIES: u64 = 1000;

const LARGEST_WINDOW: u64 = 1000;

/// What a queue is called stands in paths, in field values and in lines, and means itself in all of them (RFC 3986 §2.3).
const MAX_NAME_BYTES: usize = 64;
