//! The routes, one file a topic of the course; this is their table.

pub mod blocking;
pub mod discard;
pub mod echo;
pub mod fault;
pub mod images;
pub mod index;
pub mod jobs;
pub mod live;
pub mod pace;
pub mod pipeline;
pub mod plaintext;
pub mod queues;
pub mod raw;
pub mod request;
pub mod server;
pub mod status;
pub mod stream;
pub mod timeline;
pub mod topics;
pub mod uploads;
pub mod websocket;
pub mod wire;

use super::router::{ANY, Route};
use crate::http::Method;

/// Every route of the lab, in the order in which `GET /` shows them.
pub fn all() -> impl Iterator<Item = &'static Route> {
    GROUPS.iter().copied().flatten()
}

/// A large topic has its table beside its routes.
const GROUPS: &[&[Route]] = &[
    ANATOMY,
    fault::ROUTES,
    blocking::ROUTES,
    websocket::ROUTES,
    jobs::ROUTES,
    topics::ROUTES,
    queues::ROUTES,
    pipeline::ROUTES,
    images::ROUTES,
    uploads::ROUTES,
    uploads::parts::ROUTES,
    live::ROUTES,
    server::ROUTES,
];

/// What HTTP is made of.
const ANATOMY: &[Route] = &[
    Route {
        pattern: "/",
        methods: &[Method::Get],
        about: "this list: for a terminal, a browser, or with Accept: application/json for a program",
        example: "curl -i http://{at}/",
        answer: index::index,
    },
    Route {
        pattern: "/plaintext",
        methods: &[Method::Get],
        about: "Hello, World! and the fewest field lines: the measure of speed",
        example: "curl -i http://{at}/plaintext",
        answer: plaintext::hello,
    },
    Route {
        pattern: "/echo",
        methods: ANY,
        about: "the content of the request, byte for byte",
        example: "curl -d hello http://{at}/echo",
        answer: echo::content,
    },
    Route {
        pattern: "/echo/{text}",
        methods: &[Method::Get],
        about: "the text in the path",
        example: "curl http://{at}/echo/hi",
        answer: echo::text,
    },
    Route {
        pattern: "/raw",
        methods: ANY,
        about: "the request as it arrived, taken apart: what stood where, and how its end was found",
        example: "printf 'POST /raw HTTP/1.1\\r\\nHost: lab\\r\\nContent-Length: 3\\r\\n\\r\\nabc' | nc -N {host} {port}",
        answer: raw::raw,
    },
    Route {
        pattern: "/headers",
        methods: &[Method::Get],
        about: "the field lines of the request",
        example: "curl -H 'X-Hello: world' http://{at}/headers",
        answer: request::headers,
    },
    Route {
        pattern: "/user-agent",
        methods: &[Method::Get],
        about: "what the client calls itself",
        example: "curl http://{at}/user-agent",
        answer: request::user_agent,
    },
    Route {
        pattern: "/whoami",
        methods: &[Method::Get],
        about: "the host you asked for, your address, your connection",
        example: "curl http://{at}/whoami",
        answer: request::whoami,
    },
    Route {
        pattern: "/wire/last",
        methods: &[Method::Get],
        about: "the exchange that ended last, as curl --trace shows it, seen from the client",
        example: "curl --trace - http://{at}/redirect; curl http://{at}/wire/last",
        answer: wire::last,
    },
    Route {
        pattern: "/wire/{conn}",
        methods: &[Method::Get],
        about: "all that is still recorded of a connection, by its number (X-Conn)",
        example: "curl http://{at}/wire/1",
        answer: wire::connection,
    },
    Route {
        pattern: "/status/{code}",
        methods: ANY,
        about: "any status code from 200 to 599, with what its definition asks for",
        example: "curl -i http://{at}/status/503",
        answer: status::status,
    },
    Route {
        pattern: "/redirect",
        methods: &[Method::Get],
        about: "301: what you look for is elsewhere",
        example: "curl -i http://{at}/redirect",
        answer: status::redirect,
    },
    Route {
        pattern: "/bytes/{n}",
        methods: &[Method::Get],
        about: "n bytes, up to 1 GiB, by Content-Length; each row of 16 says where it stands",
        example: "curl http://{at}/bytes/100",
        answer: stream::bytes,
    },
    Route {
        pattern: "/stream/{n}",
        methods: &[Method::Get],
        about: "n lines, a chunk each",
        example: "curl --raw http://{at}/stream/3",
        answer: stream::lines,
    },
    Route {
        pattern: "/trailers",
        methods: &[Method::Get],
        about: "chunks, and field lines behind them",
        example: "curl --raw http://{at}/trailers",
        answer: stream::trailers,
    },
    Route {
        pattern: "/delay/{s}",
        methods: &[Method::Get],
        about: "an answer after s seconds, up to 60; nobody else waits",
        example: "time curl http://{at}/delay/1.5s",
        answer: pace::delay,
    },
    Route {
        pattern: "/drip",
        methods: &[Method::Get],
        about: "numbytes, spread over a duration, after a delay; framing is length, chunked or close",
        example: "curl -iN \"http://{at}/drip?numbytes=5&duration=2&framing=chunked\"",
        answer: pace::drip,
    },
    Route {
        pattern: "/timeline",
        methods: &[Method::Get, Method::Post],
        about: "when a request was complete, decoded, worked on, answered: Server-Timing",
        example: "curl -v \"http://{at}/timeline?work=50ms\"",
        answer: timeline::timeline,
    },
];
