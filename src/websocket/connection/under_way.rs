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
    pub seen: Option<Box<Seen>>,
}

/// A frame whose payload has not come whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Its key is turned to the byte that comes next.
    pub header: Header,
    /// Where in the stream it begins.
    pub offset: u64,
    /// How many bytes of its payload are still to come.
    pub left: u64,
}

/// What a piece of payload has completed.
#[derive(Debug)]
pub(super) enum Complete {
    Nothing,
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

impl UnderWay {
    /// Looks at bytes of the payload, masked as they are, before they are taken. The frame was seen when this is all
    /// of them.
    pub fn see(&mut self, arrived: &[u8]) -> Option<Box<Seen>> {
        let frame = self.frame.as_ref()?;
        let seen = self.seen.as_mut()?;
        let piece = &arrived[..frame.available(arrived)];
        let room = MAX_SEEN_BYTES - seen.payload.len();
        seen.payload.extend_from_slice(&piece[..room.min(piece.len())]);
        if (piece.len() as u64) < frame.left {
            return None;
        }
        let mut seen = self.seen.take()?;
        if let Some(key) = seen.header.key {
            mask(key, &mut seen.payload);
        }
        Some(seen)
    }
}

impl Frame {
    /// Takes from the start of `bytes` what belongs to the payload, unmasked where it lies.
    pub fn take<'b>(&mut self, bytes: &'b mut [u8]) -> &'b [u8] {
        let available = self.available(bytes);
        let piece = &mut bytes[..available];
        if let Some(key) = &mut self.header.key {
            mask(*key, piece);
            *key = turned(*key, piece.len());
        }
        self.left -= piece.len() as u64;
        piece
    }

    fn available(&self, bytes: &[u8]) -> usize {
        usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()))
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
