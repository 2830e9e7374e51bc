//! Work that takes long, and who waits for it: a file to read, a number to try.

mod account;
mod epoll_file;
mod prime;
mod read;
mod sample;

use crate::http::Method;
use crate::lab::router::Route;

/// What shows what it means to block.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/demo/read",
        methods: &[Method::Get],
        about: "1, file, 2 in the order in which they happened; mode is sync, async, thread or completion",
        example: "curl \"http://{at}/demo/read?mode=async&delay=1s\"",
        answer: read::read,
    },
    Route {
        pattern: "/demo/epoll-file",
        methods: &[Method::Get],
        about: "what epoll says when it is to wait for a file",
        example: "curl http://{at}/demo/epoll-file",
        answer: epoll_file::epoll_file,
    },
    Route {
        pattern: "/prime/{n}",
        methods: &[Method::Get],
        about: "whether n is prime, by trying all numbers below; mode=block keeps others waiting, mode=offload does not",
        example: "time curl \"http://{at}/prime/936868033?mode=offload\"",
        answer: prime::prime,
    },
];
