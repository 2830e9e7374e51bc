//! Peers that are not out for an answer: what they cost is bounded, in memory and in bytes that are looked at.

mod support {
    pub mod lab;
}

use std::net::{Ipv4Addr, SocketAddr};
use std::task::Waker;
use std::time::Instant;

use support::lab::lab;
use wirelab::http::chunked::{Decoder, MAX_CHUNK_LINE_BYTES, Piece};
use wirelab::http::search::{Search, Section};
use wirelab::http::{Connection, Date, Error, Event, Limits, Request, Response, Rule};
use wirelab::lab::exchange::PIECE_BYTES;
use wirelab::session::{Flow, Service, Session};
use wirelab::wire::receive_buffer::ReceiveBuffer;

/// Bytes that were searched are replaced by LF, which a search finds wherever it looks.
#[test]
fn a_search_looks_at_each_byte_of_a_head_once() {
    let (head, limits) = (b"GET /echo/hi HTTP/1.1\r\nHost: lab\r\n\r\n", Limits::default());
    let mut search = Search::NEW;
    for seen in 1..head.len() {
        let mut bytes = head[..seen].to_vec();
        bytes[..seen.saturating_sub(2)].fill(b'\n');
        assert_eq!(search.find_end(&bytes, Section::Head, &limits), Ok(None), "byte {seen}");
    }
    assert_eq!(search.find_end(head, Section::Head, &limits), Ok(Some(head.len())));
}

#[test]
fn a_connection_remembers_how_far_a_head_was_searched() {
    let mut connection = Connection::new(Limits::default());
    let mut request = Request::NONE;
    assert!(matches!(connection.next_event(b"GET /echo/hi", &mut request), Ok((0, Event::Incomplete))));
    let error =
        connection.next_event(b"\n\n\n\n\n\n\n\n\n\n\n\n HTTP/1.1\r\n\r\n", &mut request).unwrap_err();
    assert_ne!(error.rule, Rule::BareLf);
}

#[test]
fn a_decoder_looks_at_each_byte_of_a_size_line_once() {
    let (line, limits) = (b"00000005;name=\"quoted value\"\r\n", Limits::default());
    let mut decoder = Decoder::default();
    for seen in 1..line.len() {
        let mut bytes = line[..seen].to_vec();
        bytes[..seen - 1].fill(b'\n');
        assert!(matches!(decoder.next_piece(&bytes, &limits), Ok((0, Piece::Incomplete))), "byte {seen}");
    }
    assert!(matches!(decoder.next_piece(line, &limits), Ok((30, Piece::Incomplete))));
}

const TRAILER: &str = "POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
const HEAD: &str = "POST /echo HTTP/1.1\r\nHost: lab\r\n";
const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Whatever has no end is refused before more of it is kept than a limit says.
#[test]
fn what_does_not_end_is_refused_within_the_limits() {
    let head = Limits::default().head_bytes;
    for (start, endless, rule, most) in [
        ("GET /", "a", Rule::RequestLineLong, Limits::default().request_line_bytes),
        ("", "a", Rule::RequestLineLong, Limits::default().request_line_bytes),
        ("", "\r", Rule::RequestLineLong, Limits::default().request_line_bytes),
        ("", "\r\n", Rule::EmptyLines, 2),
        (HEAD, "X: aaaaaaaaaaaaaaaaaaaaaa\r\n", Rule::FieldsMany, head),
        (HEAD, "X", Rule::HeadLong, head),
        (CHUNKED, "0", Rule::ChunkLineLong, MAX_CHUNK_LINE_BYTES as u32),
        (CHUNKED, "5;a", Rule::ChunkLineLong, MAX_CHUNK_LINE_BYTES as u32),
        (TRAILER, "X: aaaaaaaaaaaaaaaaaaaaaa\r\n", Rule::FieldsMany, head),
        (TRAILER, "X", Rule::HeadLong, head),
    ] {
        for piece in [1, 7, 1000] {
            let stream = [start, &endless.repeat(100_000 / endless.len())].concat();
            let (error, kept) = overwhelm(stream.as_bytes(), piece);
            let error = error.unwrap_or_else(|| panic!("{endless:?} is never refused"));
            assert_eq!(error.rule, rule, "{start:?} and then {endless:?} for ever");
            assert!(kept <= most as usize, "{kept} bytes of {endless:?} are kept");
        }
    }
}

/// Feeds a stream in pieces until a rule is broken; the rule, and how many bytes were kept at the most.
fn overwhelm(stream: &[u8], piece: usize) -> (Option<Box<Error>>, usize) {
    let (mut connection, mut pending) = (Connection::new(Limits::default()), ReceiveBuffer::default());
    let (mut broken, mut kept) = (None, 0);
    for bytes in stream.chunks(piece) {
        pending.feed(&mut bytes.to_vec(), |bytes| understand(&mut connection, bytes, &mut broken));
        kept = kept.max(pending.len());
        if broken.is_some() {
            break;
        }
    }
    (broken, kept)
}

fn understand(connection: &mut Connection, bytes: &[u8], broken: &mut Option<Box<Error>>) -> usize {
    let mut consumed = 0;
    let mut request = Request::NONE;
    loop {
        match connection.next_event(&bytes[consumed..], &mut request) {
            Ok((used, Event::Incomplete)) => return consumed + used,
            Ok((used, event)) => {
                consumed += used;
                if let Event::EndOfMessage = event {
                    connection.send(
                        &Response::new(200),
                        &Date::new("Sun, 06 Nov 1994 08:49:37 GMT"),
                        &mut Vec::new(),
                    );
                }
            }
            Err(error) => {
                *broken = Some(error);
                return bytes.len();
            }
        }
    }
}

/// A session, and everything it sends on one call and then on the calls that follow.
struct Flooded {
    session: <std::sync::Arc<wirelab::lab::Lab> as Service>::Session,
    now: Instant,
}

impl Flooded {
    fn new() -> Flooded {
        let (now, peer) = (Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)));
        Flooded { session: lab().open(now, peer), now }
    }

    /// What is sent on these bytes; no call sends much more than a piece.
    fn receive(&mut self, bytes: &[u8]) -> (Flow, String) {
        let (mut all, mut out) = (Vec::new(), Vec::new());
        self.session.receive(self.now, &mut bytes.to_vec(), &mut out);
        let flow = self.session.flow();
        while !out.is_empty() {
            assert!(out.len() < PIECE_BYTES + LARGEST_ANSWER, "{} bytes at once", out.len());
            all.append(&mut out);
            self.session.poll_transmit(self.now, Waker::noop(), &mut out);
        }
        (flow, String::from_utf8(all).expect("answers of ASCII"))
    }
}

const LARGEST_ANSWER: usize = 1024;

#[test]
fn ten_thousand_requests_at_once_are_answered_in_order_a_piece_at_a_time() {
    let flood: String =
        (0..10_000).map(|number| format!("GET /echo/{number}. HTTP/1.1\r\nHost: lab\r\n\r\n")).collect();
    let mut flooded = Flooded::new();
    let (flow, answers) = flooded.receive(flood.as_bytes());
    assert_eq!(flow, Flow::Paused, "more waits than the session wants to hold");
    assert_eq!(flooded.session.flow(), Flow::Open, "nothing waits any more");
    let contents = answers.split("\r\n\r\n").skip(1).map(|content| content.split_once('.').unwrap().0);
    assert!(contents.eq((0..10_000).map(|number| number.to_string())));
}

#[test]
fn content_in_chunks_of_one_byte_passes() {
    let mut flooded = Flooded::new();
    let mut answers = flooded.receive(CHUNKED.as_bytes()).1;
    let piece = "1\r\na\r\n".repeat(1000);
    for _ in 0..100 {
        answers += &flooded.receive(piece.as_bytes()).1;
    }
    answers += &flooded.receive(b"0\r\n\r\n").1;
    let (head, content) = answers.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("Transfer-Encoding: chunked"),
        "{head}"
    );
    assert_eq!(decoded(content.as_bytes()), [b'a'; 100_000]);
}

fn decoded(mut chunks: &[u8]) -> Vec<u8> {
    let (mut decoder, mut data) = (Decoder::default(), Vec::new());
    loop {
        match decoder.next_piece(chunks, &Limits::default()) {
            Ok((used, Piece::Data(piece))) => {
                data.extend_from_slice(piece);
                chunks = &chunks[used..];
            }
            Ok((used, Piece::Trailers(_))) if used == chunks.len() => return data,
            other => panic!("{other:?} in an answer"),
        }
    }
}

/// One byte of content beside forty of extension, for ever: extensions are counted over the whole message.
#[test]
fn extensions_that_outweigh_the_content_are_refused() {
    let chunk = format!("1;{}\r\na\r\n", "b".repeat(40));
    let (error, kept) = overwhelm([CHUNKED, &chunk.repeat(1000)].concat().as_bytes(), 1000);
    assert_eq!(error.map(|error| error.rule), Some(Rule::ChunkExtensionsLong));
    assert!(kept <= MAX_CHUNK_LINE_BYTES);
}

/// Content that nobody wants, in chunks without an end: the answer does not wait for it.
#[test]
fn chunks_that_nobody_wants_are_answered_early() {
    let mut flooded = Flooded::new();
    let head = CHUNKED.replace("/echo", "/status/200");
    assert_eq!(flooded.receive(head.as_bytes()), (Flow::Open, String::new()));
    let chunk = format!("400\r\n{}\r\n", "a".repeat(1024));
    for _ in 0..PIECE_BYTES / 1024 {
        assert_eq!(flooded.receive(chunk.as_bytes()), (Flow::Open, String::new()));
    }
    let (flow, answer) = flooded.receive(chunk.as_bytes());
    assert_eq!(flow, Flow::HalfClosed);
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Connection: close\r\n"),
        "{answer}"
    );
}
