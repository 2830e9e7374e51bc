//! Which byte may come next, in both directions: requests one after another, each with its answer (RFC 9112 §9).
//!
//! The connection owns no bytes. [`Connection::next_event`] is shown what has not been understood yet and answers
//! with one event and how much of it that event used up; what it sends it appends to the caller's `out`.
//!
//! ```text
//! receiving   Head ──▶ Content | Chunked ──▶ End ──▶ Complete ──┐ both done, and the connection persists:
//! sending     Idle ──▶ Owed ──▶ Length | Chunked | UntilClose ──▶ Sent ──┘ back to Head and Idle
//! ```

mod sending;
mod start;

use super::chunked::{Decoder, Piece};
use super::error::{Error, Fault, Rule};
use super::framing::Framing;
use super::head;
use super::message::{Fields, Method, Request, Version};
use super::search::{HeadLimits, Search, Section};
use start::{check_first_byte, skip_empty_lines};

pub use super::search::HeadLimits as Limits;

/// The server's end of one HTTP/1.1 connection.
#[derive(Debug)]
pub struct Connection {
    limits: HeadLimits,
    offset: u64,
    receiving: Receiving,
    sending: Sending,
    version: Version,
    is_head: bool,
    persist: bool,
}

/// What the next bytes turned out to be.
#[derive(Debug)]
pub enum Event<'b> {
    /// A whole head, which was read into the caller's `request`; its answer is owed from now on.
    Request,
    /// Content, or a part of it.
    Data(&'b [u8]),
    /// The trailer section of a chunked message, when it has field lines.
    Trailers(Fields<'b>),
    /// The message is complete.
    EndOfMessage,
    /// More bytes are needed, those not consumed included.
    Incomplete,
    /// What follows belongs to the next request, and the answer to this one is not complete yet.
    Paused,
    /// Nothing that follows will be understood: the connection is about to close, or speaks another protocol now.
    Closed,
}

#[derive(Debug)]
enum Receiving {
    Head { search: Search, empty_lines: u8 },
    Content { left: u64 },
    Chunked(Decoder),
    End,
    Complete,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Idle,
    Owed,
    Length {
        left: u64,
    },
    /// The answer to HEAD, a 204, a 304: what is given as content is not sent.
    Nothing,
    Chunked,
    UntilClose,
    Sent,
}

impl Connection {
    pub fn new(limits: HeadLimits) -> Connection {
        Connection {
            limits,
            offset: 0,
            receiving: FRESH_HEAD,
            sending: Sending::Idle,
            version: Version::Http11,
            is_head: false,
            persist: true,
        }
    }

    /// The next event in `bytes`, which begin where the events before left off, and how many bytes it consumed. A head
    /// is read into `request`: there it is looked at, and moving it would cost as much as reading it.
    ///
    /// # Errors
    /// The rule that the peer broke. After it nothing is received any more; the refusal can still be sent, unless
    /// the answer had already begun.
    pub fn next_event<'b>(
        &mut self,
        bytes: &'b [u8],
        request: &mut Request<'b>,
    ) -> Result<(usize, Event<'b>), Box<Error>> {
        self.begin_next_exchange();
        match self.receiving {
            Receiving::Head { .. } => self.receive_head(bytes, request),
            Receiving::Content { left } => Ok(self.receive_content(left, bytes)),
            Receiving::Chunked(_) => self.receive_chunks(bytes),
            Receiving::End => {
                self.receiving = Receiving::Complete;
                Ok((0, Event::EndOfMessage))
            }
            Receiving::Complete => Ok((0, Event::Paused)),
            Receiving::Closed => Ok((0, Event::Closed)),
        }
    }

    /// The peer has finished sending; `pending` is what was not consumed.
    ///
    /// # Errors
    /// When the stream ends inside a message.
    pub fn receive_eof(&mut self, pending: &[u8]) -> Result<(), Box<Error>> {
        match self.missing(pending) {
            Some(Missing::Head) => Err(self.fail_at_end(Rule::HeadTruncated, pending)),
            Some(Missing::Content) => Err(self.fail_at_end(Rule::ContentTruncated, pending)),
            None => Ok(()),
        }
    }

    /// The peer took too long; `pending` is what was not consumed.
    ///
    /// # Errors
    /// When a message has begun and is not complete.
    pub fn time_out(&mut self, pending: &[u8]) -> Result<(), Box<Error>> {
        match self.missing(pending) {
            Some(Missing::Head) => Err(self.fail_at_end(Rule::HeadSlow, pending)),
            Some(Missing::Content) => Err(self.fail_at_end(Rule::ContentSlow, pending)),
            None => Ok(()),
        }
    }

    /// What would have to come for the message that has begun to be complete.
    pub fn missing(&self, pending: &[u8]) -> Option<Missing> {
        match self.receiving {
            Receiving::Head { .. } => (!matches!(pending, [] | [b'\r'])).then_some(Missing::Head),
            Receiving::Content { .. } | Receiving::Chunked(_) => Some(Missing::Content),
            Receiving::End | Receiving::Complete | Receiving::Closed => None,
        }
    }

    /// Lets the connection end after this exchange; before its head is sent, the response says so.
    pub fn close_after_exchange(&mut self) {
        self.persist = false;
    }

    /// Gives up what is still to come in both directions: the response stays as it is.
    pub fn cut(&mut self) {
        self.persist = false;
        self.receiving = Receiving::Closed;
        self.sending = Sending::Sent;
    }

    /// Whether a response may begin now.
    pub fn can_answer(&self) -> bool {
        matches!(self.sending, Sending::Idle | Sending::Owed)
    }

    /// Whether a request waits for its response to begin.
    pub fn owes_answer(&self) -> bool {
        self.sending == Sending::Owed
    }

    /// Whether a whole request waits for the rest of its response, and the next request with it.
    pub fn is_answering(&self) -> bool {
        matches!(self.receiving, Receiving::Complete) && self.sending != Sending::Sent
    }

    /// Whether the response that was due has been sent whole.
    pub fn has_answered(&self) -> bool {
        self.sending == Sending::Sent
    }

    /// Whether content would reach the client.
    pub fn can_send_content(&self) -> bool {
        matches!(self.sending, Sending::Length { .. } | Sending::Chunked | Sending::UntilClose)
    }

    /// Whether trailers would reach the client.
    pub fn can_send_trailers(&self) -> bool {
        self.sending == Sending::Chunked
    }

    /// Whether the last response has been sent and nothing is to follow.
    pub fn is_done(&self) -> bool {
        self.sending == Sending::Sent && !self.persist
    }

    /// Whether no exchange is under way.
    pub fn is_between_exchanges(&self) -> bool {
        match self.receiving {
            Receiving::Head { .. } => true,
            Receiving::Complete => self.sending == Sending::Sent,
            _ => false,
        }
    }

    /// How many bytes of the peer's stream have been understood.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn begin_next_exchange(&mut self) {
        // A message that was answered before its end was told needs no more telling.
        if self.sending == Sending::Sent && matches!(self.receiving, Receiving::End | Receiving::Complete) {
            if self.persist {
                (self.receiving, self.sending) = (FRESH_HEAD, Sending::Idle);
            } else {
                self.receiving = Receiving::Closed;
            }
        }
    }

    fn receive_head<'b>(
        &mut self,
        bytes: &'b [u8],
        request: &mut Request<'b>,
    ) -> Result<(usize, Event<'b>), Box<Error>> {
        let Receiving::Head { search, empty_lines } = &mut self.receiving else { unreachable!() };
        if bytes.is_empty() {
            return Ok((0, Event::Incomplete)); // as after every batch
        }
        let start = match skip_empty_lines(bytes, empty_lines) {
            Ok(start) => start,
            Err((start, fault)) => return Err(self.fail(fault, bytes, start)),
        };
        if start > 0 {
            *search = Search::NEW; // it has looked at the CR of an empty line, which is no part of the head
        }
        if let Err(fault) = check_first_byte(&bytes[start..]) {
            return Err(self.fail(fault, bytes, start));
        }
        let end = match search.find_end(&bytes[start..], Section::Head, &self.limits) {
            Ok(Some(end)) => start + end,
            Ok(None) => {
                self.offset += start as u64;
                return Ok((start, Event::Incomplete));
            }
            Err(fault) => return Err(self.fail(fault, bytes, start)),
        };
        match head::read_request(&bytes[start..end], search.first_line_bytes(), request) {
            Ok(()) => {
                self.offset += end as u64;
                self.begin_exchange(request);
                Ok((end, Event::Request))
            }
            Err(fault) => Err(self.fail(fault, bytes, start)),
        }
    }

    fn begin_exchange(&mut self, request: &Request<'_>) {
        self.version = request.version;
        self.is_head = request.method == Method::Head;
        self.persist = request.persist;
        self.sending = Sending::Owed;
        self.receiving = match request.framing {
            Framing::None | Framing::Length(0) => Receiving::End,
            Framing::Length(left) => Receiving::Content { left },
            Framing::Chunked => Receiving::Chunked(Decoder::default()),
        };
    }

    fn receive_content<'b>(&mut self, left: u64, bytes: &'b [u8]) -> (usize, Event<'b>) {
        if bytes.is_empty() {
            return (0, Event::Incomplete);
        }
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.offset += taken as u64;
        self.receiving = match left - taken as u64 {
            0 => Receiving::End,
            left => Receiving::Content { left },
        };
        (taken, Event::Data(&bytes[..taken]))
    }

    fn receive_chunks<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Event<'b>), Box<Error>> {
        let Receiving::Chunked(decoder) = &mut self.receiving else { unreachable!() };
        let (consumed, piece) = match decoder.next_piece(bytes, &self.limits) {
            Ok(next) => next,
            Err((start, fault)) => return Err(self.fail(fault, bytes, start)),
        };
        self.offset += consumed as u64;
        let event = match piece {
            Piece::Data(data) => Event::Data(data),
            Piece::Incomplete => Event::Incomplete,
            Piece::Trailers(fields) if fields.is_empty() => {
                self.receiving = Receiving::Complete;
                Event::EndOfMessage
            }
            Piece::Trailers(fields) => {
                self.receiving = Receiving::End;
                Event::Trailers(fields)
            }
        };
        Ok((consumed, event))
    }

    fn fail_at_end(&mut self, rule: Rule, pending: &[u8]) -> Box<Error> {
        self.fail(Fault { rule, at: pending.len() }, pending, 0)
    }

    /// `fault` points into the element that begins at `start` of `bytes`.
    #[cold]
    fn fail(&mut self, fault: Fault, bytes: &[u8], start: usize) -> Box<Error> {
        let element = &bytes[start..];
        if matches!(self.receiving, Receiving::Head { .. }) {
            // "The server MUST NOT send content in the response" to HEAD (RFC 9110 §9.3.2), nor in its refusal.
            self.is_head = element.starts_with(b"HEAD ");
        }
        self.persist = false;
        self.receiving = Receiving::Closed;
        Box::new(Error::new(fault, element, self.offset + start as u64))
    }
}

/// The part of a message that has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Head,
    Content,
}

/// Before the first byte of a head.
const FRESH_HEAD: Receiving = Receiving::Head { search: Search::NEW, empty_lines: 0 };
