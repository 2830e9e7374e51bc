//! A lab for the bytes between a client and a server: HTTP/1.1 and WebSocket by hand on raw TCP, once, and different
//! ways to wait for the network, side by side.
//!
//! The crate is a library only so that binaries, tests and you can look into it. Read in this order:
//!
//! 1. [`session`]: the seam. One end of a connection, with no socket in it.
//! 2. [`wire`]: bytes and how they are shown, without a protocol.
//! 3. [`http`]: where a message ends, what it says, which byte may come next, and every rule that can be broken.
//! 4. [`websocket`]: what the bytes mean once a connection has left HTTP.
//! 5. [`sse`]: what the bytes mean when an answer is a stream of events.
//! 6. [`lab`]: what the servers answer; one file a topic.
//! 7. [`trace`]: a session around a session, which shows what passes.
//! 8. [`drivers`]: bytes to and from the kernel. One contract, and a module for each way to wait.
//! 9. [`store`]: what outlives the process, on a disk.
//! 10. [`launch`]: from a command line to a running server.
//! 11. [`contrast`]: outside, where a client stands: what each way to wait costs, measured and drawn.
//!
//! Imports point down, and `tests/layers.rs` holds them to it:
//!
//! ```text
//!             launch
//!       ┌───────┴───────┬─────────┐
//!    drivers           lab ◀── store
//!       │             trace
//!    session ◀──────────┤
//!                websocket  sse
//!                     http
//!                     wire
//! ```
//!
//! `lab` and `drivers` never name each other, and neither names `store`, which knows nothing of the lab but
//! [`lab::journal`]. No system call is known outside of `drivers`, `store`, `launch` and
//! `contrast`; time is an argument. No word of HTTP or WebSocket is known inside of `drivers`. `contrast` stands outside,
//! and knows `websocket`, `sse` and what is below them.
//!
//! Left out: TLS, HTTP/2, content codings, caching; and any leniency that RFC 9112 and RFC 6455 do
//! not ask for.

pub mod session;

pub mod wire;

pub mod http;

pub mod websocket;

pub mod sse;

pub mod lab;

pub mod trace;

pub mod drivers;

pub mod store;

pub mod launch;

pub mod contrast;
