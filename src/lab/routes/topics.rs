//! Topics: what one publishes, others read, each in the way that suits them.

mod poll;
mod presence;
mod publish;
mod socket;
mod stream;

use crate::http::Method;
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;
use crate::lab::topics::Subscribed;
use crate::lab::topics::start::Start;

/// One feed, and the ways in and out.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/topics",
        methods: &[Method::Get],
        about: "all topics: how far they have come, what they keep, how many listen",
        example: "curl http://{at}/topics",
        answer: presence::topics,
    },
    Route {
        pattern: "/topics/{t}",
        methods: &[Method::Get, Method::Post, Method::Delete],
        about: "POST publishes an event, GET polls: since=, limit=, wait= for a long poll, min_bytes=",
        example: "curl -d hello http://{at}/topics/news; curl \"http://{at}/topics/news?since=0\"",
        answer: topic,
    },
    Route {
        pattern: "/topics/{t}/events",
        methods: &[Method::Get],
        about: "Server-Sent Events, for several topics by comma; Last-Event-ID resumes; heartbeat= as you like it",
        example: "curl -N http://{at}/topics/news/events",
        answer: stream::events,
    },
    Route {
        pattern: "/topics/{t}/raw",
        methods: &[Method::Get],
        about: "a line an event, an empty one as a sign of life",
        example: "curl -N http://{at}/topics/news/raw",
        answer: stream::raw,
    },
    Route {
        pattern: "/topics/{t}/json",
        methods: &[Method::Get],
        about: "a line of JSON an event (ndjson)",
        example: "curl -N http://{at}/topics/news/json",
        answer: stream::json,
    },
    Route {
        pattern: "/topics/{t}/ws",
        methods: &[Method::Get],
        about: "WebSocket: a message an event; what you send is published",
        example: "websocat ws://{at}/topics/news/ws",
        answer: socket::socket,
    },
    Route {
        pattern: "/topics/{t}/presence",
        methods: &[Method::Get],
        about: "who listens; those who have said name= are announced by events join and leave",
        example: "curl http://{at}/topics/news/presence",
        answer: presence::presence,
    },
];

/// `/topics/{t}`
fn topic(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        Method::Post => publish::publish(call),
        Method::Delete => publish::delete(call),
        _ => poll::poll(call),
    }
}

/// The topic that the path names.
fn named<'c>(call: &Call<'c>) -> Result<&'c str, Refusal> {
    check(&call.captured[0])
}

fn check(name: &str) -> Result<&str, Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(name);
    }
    let due = format!("1 to {MAX_NAME_BYTES} letters, digits, or characters of -._~");
    Err(Refusal::new(400, format!("a topic is called {name:?}, and has to be {due}"), "/topics/news"))
}

/// Begins to listen to the topics that the path names, those that were deleted left out.
fn subscribe(call: &Call<'_>, otherwise: Start, called: Option<&str>) -> Result<Vec<Subscribed>, Refusal> {
    let given = Start::read(call, &call.params()?)?;
    let names: Vec<&str> = call.captured[0].split(',').map(check).collect::<Result<_, _>>()?;
    if names.len() > MAX_TOPICS || (1..names.len()).any(|at| names[..at].contains(&names[at])) {
        let why =
            format!("{} topics are asked for, and it has to be up to {MAX_TOPICS}, each once", names.len());
        return Err(Refusal::new(400, why, "/topics/a,b/events"));
    }
    let mut subscribed = Vec::with_capacity(names.len());
    for name in names {
        let start = given.as_deref().map_or(Ok(otherwise), |given| Start::parse_for(given, name))?;
        subscribed.extend(call.lab.topics.subscribe(name, start, call.card.number, called)?);
    }
    Ok(subscribed)
}

/// The same for one topic.
fn subscribe_to_one(call: &Call<'_>, otherwise: Start, called: Option<&str>) -> Result<Subscribed, Refusal> {
    let topic = named(call)?;
    subscribe(call, otherwise, called)?.pop().ok_or_else(|| deleted(topic))
}

/// How somebody who comes to listen wants to be announced. HEAD only asks what GET would be told.
fn called(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let name = call.params()?.name("name")?;
    Ok(name.filter(|_| call.request.method != Method::Head))
}

/// A cache could keep a 410 without being told to (RFC 9110 §15.5.11), and this one may not last.
fn deleted(topic: &str) -> Refusal {
    let why = format!("the topic {topic} was deleted");
    Refusal::new(410, why, "POST to it, and it begins anew").with("Cache-Control", "no-store")
}

/// What a topic is called stands in URLs and in composed event ids, where a colon or a comma would mislead.
const MAX_NAME_BYTES: usize = 64;

/// A subscriber that lags has at least sixteen of them waiting before it loses one.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// The most topics that one stream carries.
const MAX_TOPICS: usize = 16;
