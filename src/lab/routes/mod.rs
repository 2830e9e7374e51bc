//! The routes, one file a topic of the course; this is their table.

pub mod discard;
pub mod echo;
pub mod plaintext;

use super::router::{ANY, Route};
use crate::http::Method;

/// Every route of the lab, in the order in which `GET /` shows them.
pub const ROUTES: &[Route] = &[
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
];
