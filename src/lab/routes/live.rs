//! Event streams that tell what happens while it happens: one that counts, one that is too fast for its reader, and
//! one about everybody else.

mod counter;
mod firehose;
mod wire;

use crate::http::Method;
use crate::lab::router::Route;

/// What goes on as long as somebody listens.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/stream",
        methods: &[Method::Get],
        about: "an answer that never ends: a number every second, or every=; count= ends it, Last-Event-ID goes on",
        example: "curl -N \"http://{at}/stream?every=500ms\"",
        answer: counter::counter,
    },
    Route {
        pattern: "/firehose",
        methods: &[Method::Get],
        about: "more events than you read: policy is block, drop-oldest, coalesce or close; rate, size, count, queue, sndbuf",
        example: "curl -N --limit-rate 100k \"http://{at}/firehose?policy=drop-oldest&count=3000&sndbuf=4096\" | tail -n 4",
        answer: firehose::firehose,
    },
    Route {
        pattern: "/wire",
        methods: &[Method::Get],
        about: "every read and write of all other connections, as it happens",
        example: "curl -N http://{at}/wire",
        answer: wire::live,
    },
];
