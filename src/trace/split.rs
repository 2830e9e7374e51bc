//! Recorded chunks of one connection, cut into heads and data, and sorted by exchange.
//!
//! What is no HTTP/1.1, or what cannot be understood because the tape has lost its beginning, counts as data until
//! a chunk begins like a head again.

use std::collections::VecDeque;

use super::framing::{self, Body};
use super::reader::{Found, Reader, State, may_begin};
use super::tape::Chunk;
use crate::wire::notation::Side;

/// A part of a message, in the order in which parts passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub exchange: usize,
    pub side: Side,
    pub part: Part,
    pub bytes: Vec<u8>,
    /// How many more bytes there were, which the tape did not keep.
    pub missing: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole head, or of a response one of its lines.
    Head,
    /// Bytes of a body, with the framing of its transfer coding, or what is no message.
    Data,
}

/// Chunks, understood as far as they can be.
#[derive(Debug)]
pub(super) struct Split {
    pub pieces: Vec<Piece>,
    /// The exchange whose response ended last.
    pub finished: Option<Finished>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub exchange: usize,
    /// That of the chunk in which it ended.
    pub sequence: u64,
}

impl Split {
    /// Cuts what is left of one connection.
    pub fn new(chunks: &[Chunk]) -> Self {
        let mut splitter = Splitter::default();
        chunks.iter().for_each(|chunk| splitter.take_in(chunk));
        splitter.flush(Side::Client);
        splitter.flush(Side::Server);
        Self { pieces: splitter.pieces, finished: splitter.finished }
    }
}

#[derive(Default)]
struct Splitter {
    pieces: Vec<Piece>,
    requests: Reader,
    responses: Reader,
    /// Exchanges whose final response has not begun.
    unanswered: VecDeque<Request>,
    exchanges: usize,
    finished: Option<Finished>,
}

struct Request {
    exchange: usize,
    is_head: bool,
}

impl Splitter {
    fn take_in(&mut self, chunk: &Chunk) {
        let side = chunk.side;
        if chunk.len == 0 {
            self.flush(side);
            return self.end_of_stream(chunk);
        }
        if self.reader(side).state == State::Lost && may_begin(side, &chunk.bytes) {
            self.reader(side).state = State::Head;
        }
        let mut rest = &chunk.bytes[..];
        while !rest.is_empty() {
            match self.reader(side).next(side, &mut rest) {
                Found::Incomplete => break,
                Found::Head(head) if side == Side::Client => self.request(head),
                Found::Head(head) => self.response(&head, chunk.sequence),
                Found::Data { bytes, ends } => {
                    self.push_data(side, bytes, 0);
                    self.end_body_if(ends, side, chunk.sequence);
                }
            }
        }
        self.skip(chunk);
    }

    fn request(&mut self, head: Vec<u8>) {
        let exchange = self.begin_exchange();
        self.unanswered.push_back(Request { exchange, is_head: head.starts_with(b"HEAD ") });
        self.requests.exchange = exchange;
        self.requests.state = State::after_head(framing::request_body(&head));
        self.push(Side::Client, Part::Head, head);
    }

    fn response(&mut self, head: &[u8], sequence: u64) {
        let is_interim = framing::status(head).is_some_and(|status| status / 100 == 1 && status != 101);
        let request = match self.unanswered.pop_front() {
            Some(request) => request,
            None => self.request_without_head(),
        };
        self.responses.exchange = request.exchange;
        for line in head.split_inclusive(|&byte| byte == b'\n') {
            // curl does not show the empty line that ends an interim response.
            if !(is_interim && line.trim_ascii().is_empty()) {
                self.push(Side::Server, Part::Head, line.to_owned());
            }
        }
        let body = framing::response_body(head, request.is_head);
        self.responses.state = State::after_head(body);
        if is_interim {
            return self.unanswered.push_front(request);
        }
        if framing::status(head) == Some(101) {
            self.flush(Side::Client);
            self.requests.state = State::Body(Body::ToTheEnd);
            self.finish(sequence);
        }
        self.end_body_if(body == Body::Length(0), Side::Server, sequence);
    }

    /// A server may answer bytes that never became a head, and the tape may have lost the request.
    fn request_without_head(&mut self) -> Request {
        let exchange = self.begin_exchange();
        self.requests.exchange = exchange;
        self.flush(Side::Client);
        Request { exchange, is_head: false }
    }

    fn end_of_stream(&mut self, chunk: &Chunk) {
        if chunk.side == Side::Server && self.responses.state == State::Body(Body::ToTheEnd) {
            self.finish(chunk.sequence);
        }
        self.reader(chunk.side).state = State::Lost;
    }

    fn end_body_if(&mut self, ends: bool, side: Side, sequence: u64) {
        if ends && side == Side::Server {
            self.finish(sequence);
        }
    }

    fn finish(&mut self, sequence: u64) {
        self.finished = Some(Finished { exchange: self.responses.exchange, sequence });
    }

    /// Follows the message over bytes of a chunk that were not kept.
    fn skip(&mut self, chunk: &Chunk) {
        let missing = chunk.len - chunk.bytes.len() as u64;
        if missing == 0 {
            return;
        }
        self.flush(chunk.side);
        self.push_data(chunk.side, Vec::new(), missing);
        let reader = self.reader(chunk.side);
        let body = match reader.state {
            State::Body(body) => body.skip(missing),
            State::Head | State::Lost => None,
        };
        reader.state = body.map_or(State::Lost, State::after_head);
        self.end_body_if(body == Some(Body::Length(0)), chunk.side, chunk.sequence);
    }

    /// Gives up what has not become a head.
    fn flush(&mut self, side: Side) {
        let reader = self.reader(side);
        let pending = reader.take_pending();
        if !pending.is_empty() {
            reader.state = State::Lost;
            self.push_data(side, pending, 0);
        }
    }

    fn push_data(&mut self, side: Side, mut bytes: Vec<u8>, missing: u64) {
        let reader = self.reader(side);
        let exchange = reader.exchange;
        // curl sends a body of known length in one piece, however the reads have cut it.
        let joins =
            side == Side::Client && matches!(reader.state, State::Head | State::Body(Body::Length(_)));
        match self.pieces.last_mut() {
            Some(last)
                if (joins || bytes.is_empty())
                    && (last.exchange, last.side, last.part, last.missing)
                        == (exchange, side, Part::Data, 0) =>
            {
                last.bytes.append(&mut bytes);
                last.missing = missing;
            }
            _ => self.pieces.push(Piece { exchange, side, part: Part::Data, bytes, missing }),
        }
    }

    fn push(&mut self, side: Side, part: Part, bytes: Vec<u8>) {
        let exchange = self.reader(side).exchange;
        self.pieces.push(Piece { exchange, side, part, bytes, missing: 0 });
    }

    fn begin_exchange(&mut self) -> usize {
        self.exchanges += 1;
        self.exchanges
    }

    fn reader(&mut self, side: Side) -> &mut Reader {
        match side {
            Side::Client => &mut self.requests,
            Side::Server => &mut self.responses,
        }
    }
}
