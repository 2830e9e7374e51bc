//! Floor 1: WebSocket by hand, without a socket (RFC 6455, and its compression, RFC 7692).
//!
//! Read on: [`handshake`] (out of HTTP), [`frame`] (the header), [`mask`] (the payload), [`message`] (what is gathered,
//! and what it may cost), [`utf8`] (text in pieces), [`close`] (how it ends), [`connection`] (what the bytes mean, in
//! both directions and both roles), [`extension`] and [`deflate`] (compression: what is agreed on, and doing it),
//! [`error`] (every rule that can be broken).
//!
//! A whole conversation behind the handshake, as bytes; those of the client are the RFC's own masked "Hello":
//!
//! ```
//! use wirelab::websocket::{Close, Code, Connection, Event, Limits, Role};
//!
//! let mut connection = Connection::new(Role::Server, Limits::default(), None);
//! let mut out = Vec::new();
//!
//! let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! let (consumed, event) = connection.next_event(&mut bytes, &mut out);
//! assert_eq!((consumed, event), (11, Event::Text("Hello".into())));
//! connection.send_text("Hello", &mut out);
//! assert_eq!(out, b"\x81\x05Hello");
//!
//! connection.send_close(Code::NORMAL, "bye", &mut out);
//! assert_eq!(out[7..], *b"\x88\x05\x03\xe8bye");
//! let mut bytes = *b"\x88\x80\x37\xfa\x21\x3d";
//! let (_, event) = connection.next_event(&mut bytes, &mut out);
//! assert_eq!(event, Event::Close(Close::default()));
//! assert!(connection.is_over());
//! ```

pub mod close;
pub mod connection;
pub mod deflate;
pub mod error;
pub mod extension;
pub mod frame;
pub mod handshake;
pub mod mask;
pub mod message;
pub mod utf8;

pub use close::{Close, Code};
pub use connection::{Connection, Event, Role, Seen};
pub use error::{Error, Rule};
pub use extension::Parameters;
pub use frame::{Header, Opcode};
pub use handshake::{Accepted, Policy, Refusal};
pub use message::{Kind, Limits};
