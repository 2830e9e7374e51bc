//! Floor 1: Server-Sent Events by hand, without a socket (WHATWG HTML §9.2).
//!
//! Read on: [`encode`] (events as the server sends them).

pub mod encode;

pub use encode::{Event, encode_comment, encode_retry};
