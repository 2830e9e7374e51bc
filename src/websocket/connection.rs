//! What the bytes of one connection mean, in both roles (RFC 6455 §5 to §7).
//!
//! [`Connection::next_event`] is shown the bytes that have arrived and answers with one event and how much of them it
//! used up. What the protocol itself asks to be sent, pongs and the answer to a Close, it appends to `out` at once, in
//! its place among what the caller sends.
//!
//! ```text
//!           we send Close             the peer's Close
//!     Open ───────────────▶ Closing ──────────────────▶ Closed
//!      └───── the peer's Close, answered at once ─────────▲
//!
//!     Open, Closing ── a broken rule ──▶ Failed
//! ```
//!
//! A message that lies whole in the arrived bytes, in one frame and not compressed, is unmasked there and handed out
//! from there. Everything else is gathered in memory that is taken as bytes arrive and goes with the event to its
//! reader: a connection between messages owns none.

mod receiving;
mod sending;
mod under_way;

use std::borrow::Cow;

use super::close::Close;
use super::deflate::{Deflater, Inflater};
use super::error::Error;
use super::extension::{Direction, Parameters};
use super::frame::CutHeader;
use super::mask::MaskingKey;
use super::message::Limits;
use under_way::UnderWay;

pub use under_way::{MAX_SEEN_BYTES, Seen};

/// One end of a connection that speaks frames: what follows the opening handshake.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    limits: Limits,
    /// How many bytes of the peer's stream have been consumed.
    offset: u64,
    cut_header: CutHeader,
    under_way: Option<Box<UnderWay>>,
    deflate: Option<Parameters>,
    inflater: Option<Box<Inflater>>,
    deflater: Option<Box<Deflater>>,
    state: State,
    is_sending_fragments: bool,
    watches_frames: bool,
}

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    Server,
    /// With a source of masking keys. "The masking key needs to be unpredictable" (§5.3).
    Client(fn() -> MaskingKey),
}

/// What the next bytes turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    Text(Cow<'b, str>),
    Binary(Cow<'b, [u8]>),
    /// Its pong has been sent.
    Ping(Cow<'b, [u8]>),
    Pong(Cow<'b, [u8]>),
    /// The peer's Close, which has been answered.
    Close(Close<'b>),
    /// A frame that has come whole, ahead of what it leads to; only for who [watches](Connection::watch_frames). One
    /// whose header or data breaks a rule on the way is told of by the failure alone.
    Frame(Box<Seen>),
    /// The peer has broken a rule, and has been told so.
    Failed(Error),
    /// Everything was consumed, and more bytes are needed.
    Incomplete,
    /// Nothing that the peer sends will be understood any more.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closing,
    Closed,
    Failed,
}

impl Connection {
    /// A connection whose handshake is done, with the compression that was agreed on there.
    pub fn new(role: Role, limits: Limits, deflate: Option<Parameters>) -> Connection {
        Connection {
            role,
            limits,
            offset: 0,
            cut_header: CutHeader::default(),
            under_way: None,
            deflate,
            inflater: None,
            deflater: None,
            state: State::Open,
            is_sending_fragments: false,
            watches_frames: false,
        }
    }

    /// The next event in `bytes`, which begin where the calls before left off, and how many of them are consumed.
    /// These were unmasked where they lie; the others have not been touched.
    ///
    /// Call it until it answers [`Event::Incomplete`] or [`Event::Closed`], or until `out` has as much in it as its
    /// reader should be sent at once: who keeps to that owes no more pongs than that, however many pings come.
    /// Messages that were on their way when this end sent its Close are events as any other.
    pub fn next_event<'b>(&mut self, bytes: &'b mut [u8], out: &mut Vec<u8>) -> (usize, Event<'b>) {
        let arrived = bytes.len();
        if self.is_over() {
            return (arrived, Event::Closed);
        }
        match self.receive(bytes, out) {
            Ok(next) => next,
            Err(error) => {
                self.fail(error, out);
                (arrived, Event::Failed(error))
            }
        }
    }

    /// Whether each frame of the peer is to be an event by itself, from the next one on.
    pub fn watch_frames(&mut self, watches: bool) {
        self.watches_frames = watches;
    }

    /// Whether no Close has been sent or received.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether a message may begin: no Close has been sent, and no message is being sent in fragments.
    pub fn may_begin_message(&self) -> bool {
        self.is_open() && !self.is_sending_fragments
    }

    /// Whether both ends have sent all that they will: it remains to end the TCP connection, a server first
    /// (RFC 6455 §7.1.1).
    pub fn is_over(&self) -> bool {
        match self.state {
            State::Open | State::Closing => false,
            State::Closed | State::Failed => true,
        }
    }

    /// Whether the peer broke a rule.
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether nothing has come of a message or frame that is not complete.
    pub fn is_between_messages(&self) -> bool {
        self.under_way.is_none() && self.cut_header.is_empty()
    }

    /// How many bytes of the peer's stream have been consumed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What was agreed on for compression.
    pub fn deflate(&self) -> Option<&Parameters> {
        self.deflate.as_ref()
    }

    fn own_direction(&self) -> Option<Direction> {
        self.deflate.as_ref().map(|parameters| match self.role {
            Role::Server => parameters.server(),
            Role::Client(_) => parameters.client(),
        })
    }

    fn peers_direction(&self) -> Option<Direction> {
        self.deflate.as_ref().map(|parameters| match self.role {
            Role::Server => parameters.client(),
            Role::Client(_) => parameters.server(),
        })
    }
}
