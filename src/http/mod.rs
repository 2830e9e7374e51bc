//! Floor 1: HTTP/1.1 by hand, without a socket (RFC 9110, RFC 9112).
//!
//! Read on: [`message`] (the nouns), [`search`] (where a head ends), [`head`] (what it says), [`framing`] (how long the
//! content is), [`chunked`] (the one transfer coding), [`connection`] (which byte may come next, in both
//! directions), [`error`] (every rule that can be broken, and what to type instead).
//!
//! A whole exchange, as bytes:
//!
//! ```
//! use wirelab::http::{Connection, Date, Event, Limits, Request, Response};
//!
//! let mut connection = Connection::new(Limits::default());
//! let bytes = b"GET /echo/hi HTTP/1.1\r\nHost: lab\r\n\r\n";
//! let mut request = Request::NONE;
//! let (consumed, event) = connection.next_event(bytes, &mut request).unwrap();
//! assert!(matches!(event, Event::Request));
//! assert_eq!(consumed, bytes.len());
//! assert_eq!(request.target.path(), "/echo/hi");
//! assert!(matches!(connection.next_event(b"", &mut request).unwrap(), (0, Event::EndOfMessage)));
//!
//! let mut out = Vec::new();
//! let date = Date::new("Sun, 06 Nov 1994 08:49:37 GMT");
//! connection.send(&Response::text(200, "hi\n"), &date, &mut out);
//! assert_eq!(
//!     String::from_utf8(out).unwrap(),
//!     "HTTP/1.1 200 OK\r\n\
//!      Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
//!      Content-Type: text/plain; charset=utf-8\r\n\
//!      Content-Length: 3\r\n\
//!      \r\n\
//!      hi\n"
//! );
//! ```

pub mod accept;
pub mod chunked;
pub mod condition;
pub mod connection;
pub mod error;
mod field_lines;
pub mod framing;
pub mod grammar;
pub mod head;
pub mod media_type;
pub mod message;
pub mod range;
mod request_line;
pub mod response;
pub mod search;
pub mod structured;
pub mod target;

pub use connection::{Connection, Event, Limits};
pub use error::{Error, Rule};
pub use framing::Framing;
pub use message::{Fields, Method, Request, Version};
pub use response::{Date, Length, Prepared, Response};
pub use target::Target;
