//! One watcher: what it asks, and what it hears of the bytes that come.
//!
//! ```text
//! poll        ask ──▶ answer ──▶ ask …      each answer is content, read when it is whole
//! push        ask ──▶ an answer that goes on: events of a stream, or frames behind a 101
//! ```

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::way::{Feed, Way};
use crate::contrast::client::answers::{Answers, Piece};
use crate::sse::{self, Parsed};
use crate::websocket::mask::MaskingKey;
use crate::websocket::{self, Connection, Event, Role};

/// The client's end of one connection on which news is expected.
pub struct Watcher {
    way: Way,
    /// The latest that it knows of: an event's id, or per cent of a job.
    pub known: u64,
    answers: Answers,
    ear: Ear,
}

/// What a watcher hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'h> {
    /// It will be told from now on.
    Listening,
    News(&'h str),
    /// The server has something to say of what it left out.
    Gap,
    /// The answer is complete: to hear more, it has to ask again.
    Answered,
    /// There is nothing to be told any more.
    Over,
    /// The server has closed the conversation, with this code.
    Closed(u16),
}

/// How it reads what is behind a head.
enum Ear {
    Content(Vec<u8>),
    Stream(Box<sse::Parser>),
    Frames { connection: Box<Connection>, bytes: Vec<u8> },
}

impl Watcher {
    pub fn new(way: Way) -> Watcher {
        let ear = match way {
            Way::ShortPoll(_) | Way::LongPoll => Ear::Content(Vec::new()),
            Way::EventStream => Ear::Stream(Box::new(sse::Parser::new(sse::Limits::default()))),
            Way::WebSocket => {
                let role = Role::Client(masking_key);
                let connection = Box::new(Connection::new(role, websocket::Limits::default(), None));
                Ear::Frames { connection, bytes: Vec::new() }
            }
        };
        Watcher { way, known: 0, answers: Answers::default(), ear }
    }

    /// Asks for what it does not know yet.
    pub fn ask(&self, feed: &Feed, out: &mut Vec<u8>) {
        out.extend_from_slice(request(self.way, &feed.target(self.way, self.known)).as_bytes());
    }

    /// Takes what arrived.
    ///
    /// # Errors
    /// An answer that is none to this question, or no answer at all.
    pub fn receive(
        &mut self,
        arrived: &[u8],
        out: &mut Vec<u8>,
        mut hear: impl FnMut(Heard<'_>),
    ) -> Result<(), String> {
        let (ear, way) = (&mut self.ear, self.way);
        let mut heard = Ok(());
        let read = self.answers.receive(arrived, |piece| {
            if heard.is_ok() {
                heard = ear.take(way, &piece, out, &mut hear);
            }
        });
        read.map_err(|malformed| malformed.to_string()).and(heard)
    }
}

/// The request of one who watches in this way.
pub fn request(way: Way, target: &str) -> String {
    let fields = match way {
        Way::WebSocket => handshake_fields(),
        Way::ShortPoll(_) | Way::LongPoll | Way::EventStream => String::new(),
    };
    format!("GET {target} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n")
}

/// "The value of this header field MUST be a nonce consisting of a randomly selected 16-byte value that has been
/// base64-encoded" (RFC 6455 §4.1).
fn handshake_fields() -> String {
    let nonce = [masking_key(), masking_key(), masking_key(), masking_key()].concat();
    format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n",
        STANDARD.encode(nonce)
    )
}

impl Ear {
    fn take(
        &mut self,
        way: Way,
        piece: &Piece<'_>,
        out: &mut Vec<u8>,
        hear: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), String> {
        match (self, piece) {
            (_, Piece::Head(head)) => match (way, head.status) {
                (Way::ShortPoll(_) | Way::LongPoll, 200 | 204 | 304) => {}
                (Way::EventStream, 200) | (Way::WebSocket, 101) => hear(Heard::Listening),
                (Way::EventStream, 204) => hear(Heard::Over),
                (_, status) => return Err(format!("the server answered {status} to a {way}")),
            },
            (Ear::Content(content), Piece::Content(bytes)) => content.extend_from_slice(bytes),
            (Ear::Content(content), Piece::End) => {
                String::from_utf8_lossy(content).lines().for_each(|line| hear(Heard::News(line)));
                content.clear();
                hear(Heard::Answered);
            }
            (Ear::Stream(parser), Piece::Content(bytes)) => hear_stream(parser, bytes, hear)?,
            (Ear::Frames { connection, bytes }, Piece::Content(arrived)) => {
                bytes.extend_from_slice(arrived);
                hear_frames(connection, bytes, out, hear)?;
                bytes.clear();
            }
            (Ear::Stream(_) | Ear::Frames { .. }, Piece::End) => {}
        }
        Ok(())
    }
}

fn hear_stream(
    parser: &mut sse::Parser,
    mut bytes: &[u8],
    hear: &mut impl FnMut(Heard<'_>),
) -> Result<(), String> {
    loop {
        let (consumed, parsed) = parser.next_event(bytes).map_err(|error| error.to_string())?;
        bytes = &bytes[consumed..];
        match parsed {
            Parsed::Event(event) if event.kind == "gap" => hear(Heard::Gap),
            Parsed::Event(event) => hear(Heard::News(&event.data)),
            Parsed::Retry(_) => {}
            Parsed::Incomplete => return Ok(()),
        }
    }
}

fn hear_frames(
    connection: &mut Connection,
    mut bytes: &mut [u8],
    out: &mut Vec<u8>,
    hear: &mut impl FnMut(Heard<'_>),
) -> Result<(), String> {
    loop {
        let (consumed, event) = connection.next_event(bytes, out);
        match event {
            Event::Text(text) => hear(Heard::News(&text)),
            Event::Close(close) => hear(Heard::Closed(close.code.map_or(NO_CODE, websocket::Code::number))),
            Event::Failed(error) => return Err(format!("the server broke a rule: {error}")),
            Event::Incomplete | Event::Closed => return Ok(()),
            Event::Binary(_) | Event::Ping(_) | Event::Pong(_) | Event::Frame(_) => {}
        }
        bytes = &mut bytes[consumed..];
    }
}

/// Unpredictable enough for whoever measures: no page chooses what is sent.
fn masking_key() -> MaskingKey {
    (RandomState::new().hash_one(0_u8) as u32).to_ne_bytes()
}

/// What stands for a Close without a code (RFC 6455 §7.4.1).
const NO_CODE: u16 = 1005;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::websocket::handshake::accept_key;

    /// What a watcher hears of these bytes, cut into pieces of this length.
    fn heard(way: Way, bytes: &[u8], piece: usize) -> Result<Vec<String>, String> {
        let (mut watcher, mut heard) = (Watcher::new(way), Vec::new());
        for arrived in bytes.chunks(piece) {
            watcher.receive(arrived, &mut Vec::new(), |what| heard.push(format!("{what:?}")))?;
        }
        Ok(heard)
    }

    #[test]
    fn a_poll_hears_lines_and_that_it_was_answered() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1\ta\n2\tb\nHTTP/1.1 204 No Content\r\n\r\n";
        for piece in 1..=bytes.len() {
            let way = Way::ShortPoll(Duration::from_millis(1));
            assert_eq!(
                heard(way, bytes, piece).unwrap(),
                ["News(\"1\\ta\")", "News(\"2\\tb\")", "Answered", "Answered"]
            );
        }
    }

    #[test]
    fn an_event_stream_is_heard_through_its_chunks() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            10\r\nid: 1\ndata: one\n\r\n1\r\n\n\r\n18\r\nevent: gap\ndata: {}\n\nid:\r\n";
        for piece in 1..=bytes.len() {
            assert_eq!(heard(Way::EventStream, bytes, piece).unwrap(), ["Listening", "News(\"one\")", "Gap"]);
        }
    }

    #[test]
    fn who_comes_too_late_hears_that_it_is_over() {
        assert_eq!(heard(Way::EventStream, b"HTTP/1.1 204 No Content\r\n\r\n", 5).unwrap(), ["Over"]);
    }

    #[test]
    fn frames_are_heard_behind_the_handshake() {
        let bytes =
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi\x88\x02\x0b\xc0";
        for piece in 1..=bytes.len() {
            assert_eq!(
                heard(Way::WebSocket, bytes, piece).unwrap(),
                ["Listening", "News(\"hi\")", "Closed(3008)"]
            );
        }
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_an_error() {
        assert!(heard(Way::WebSocket, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 99).is_err());
        assert!(
            heard(Way::LongPoll, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 99)
                .is_err()
        );
        assert!(heard(Way::EventStream, b"220 mail.example.org\r\n\r\n", 99).is_err());
    }

    #[test]
    fn each_handshake_has_a_key_of_its_own_that_is_16_bytes() {
        let keys: Vec<String> = [(); 2]
            .map(|()| request(Way::WebSocket, "/"))
            .map(|request| request.split("Key: ").nth(1).unwrap().trim_end().to_owned())
            .into();
        assert_ne!(keys[0], keys[1]);
        assert_eq!(STANDARD.decode(&keys[0]).unwrap().len(), 16);
        assert_eq!(accept_key(&keys[0]).len(), 28);
    }
}
