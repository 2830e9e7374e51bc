//! What a connection holds while a frame or a message has come in part.

use crate::websocket::frame::{Header, Opcode};
use crate::websocket::mask::{mask, turned};
use crate::websocket::message::{Content, Message};

/// The frame and the message that have begun, at least one of them.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    pub frame: Option<Frame>,
    pub message: Option<Message>,
    /// The payload of a control frame; it may stand between the fragments of the message.
    pub control: Vec<u8>,
}

/// A frame whose payload is to be gathered.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its key is turned to the byte that comes next.
    pub header: Header,
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes of its payload are still to come.
    pub left: u64,
    /// For who watches, until it is shown.
    pub seen: Option<Box<Seen>>,
}

/// What a piece of payload has completed.
#[derive(Debug)]
pub(super) enum Complete {
    Nothing,
    /// The frame, which ends when it was shown.
    Seen(Box<Seen>),
    Fragment,
    Control(Opcode, Vec<u8>),
    Message(Content),
}

/// A frame as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub header: Header,
    /// Where in the peer's stream its header begins; the first byte behind the handshake has offset 0.
    pub offset: u64,
    /// The payload, unmasked and still compressed; of a long one the first [`MAX_SEEN_BYTES`].
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(header: Header, offset: u64, is_watched: bool) -> Frame {
        let seen = is_watched.then(|| Box::new(Seen { header, offset, payload: Vec::new() }));
        Frame { header, offset, left: header.payload_bytes, seen }
    }

    /// Takes from the start of `bytes` what belongs to the payload, unmasked where it lies.
    pub fn take<'b>(&mut self, bytes: &'b mut [u8]) -> &'b [u8] {
        let available = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let piece = &mut bytes[..available];
        if let Some(key) = &mut self.header.key {
            mask(*key, piece);
            *key = turned(*key, piece.len());
        }
        self.left -= piece.len() as u64;
        if let Some(seen) = &mut self.seen {
            let room = MAX_SEEN_BYTES - seen.payload.len();
            seen.payload.extend_from_slice(&piece[..room.min(piece.len())]);
        }
        piece
    }
}

impl Seen {
    /// The bytes of the payload as they came.
    pub fn masked(&self) -> Vec<u8> {
        let mut payload = self.payload.clone();
        if let Some(key) = self.header.key {
            mask(key, &mut payload);
        }
        payload
    }
}

/// How much of a payload is kept for showing it.
pub const MAX_SEEN_BYTES: usize = 256;
