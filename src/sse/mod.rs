//! Floor 1: Server-Sent Events by hand, without a socket (WHATWG HTML §9.2).
//!
//! Read on: [`encode`] (events as a server sends them), [`parse`] (what a client makes of the bytes), [`error`] (the
//! limits that can be broken).
//!
//! An event on its way, as bytes that arrive in two pieces:
//!
//! ```
//! use wirelab::sse::{Dispatched, Event, Limits, Parsed, Parser};
//!
//! let mut bytes = Vec::new();
//! Event { id: Some("7"), kind: Some("tick"), data: "one\ntwo" }.encode(&mut bytes);
//! assert_eq!(bytes, b"id: 7\nevent: tick\ndata: one\ndata: two\n\n");
//!
//! let mut parser = Parser::new(Limits::default());
//! let (first, second) = bytes.split_at(20);
//! assert_eq!(parser.next_event(first), Ok((20, Parsed::Incomplete)));
//! let (consumed, event) = parser.next_event(second).unwrap();
//! assert_eq!(consumed, second.len());
//! let (kind, data, last_event_id) = ("tick".to_owned(), "one\ntwo".to_owned(), "7".to_owned());
//! assert_eq!(event, Parsed::Event(Dispatched { kind, data, last_event_id }));
//! ```

pub mod encode;
pub mod error;
mod lines;
pub mod parse;

pub use encode::{Event, encode_comment, encode_id, encode_retry, is_field_value};
pub use error::{Error, Rule};
pub use parse::{Dispatched, Limits, Parsed, Parser};
