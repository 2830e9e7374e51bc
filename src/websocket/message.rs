//! A message that does not come in one piece: what is there of it, checked as far as it goes.

use super::deflate::Inflater;
use super::error::{Fault, Rule};
use super::frame::{Header, Opcode};
use super::utf8::Character;

/// What one message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of its payload, on the wire and inflated.
    pub message_bytes: usize,
    /// After how many fragments the next one has to be its last. Empty ones cost no memory, and time for each. Whoever
    /// cuts a message into pieces without knowing its end sends one more, an empty one.
    pub fragments: u32,
}

impl Default for Limits {
    /// 16 MiB, as in tungstenite for one frame; uWebSockets has 16 KiB, `ws` on Node 100 MiB.
    fn default() -> Limits {
        Limits { message_bytes: 16 * 1024 * 1024, fragments: 65_536 }
    }
}

/// What a message is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
}

impl Kind {
    /// The kind of message whose first frame has this opcode.
    pub fn begun_by(opcode: Opcode) -> Option<Kind> {
        match opcode {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => None,
        }
    }

    /// The opcode of the first frame.
    pub fn opcode(self) -> Opcode {
        match self {
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        }
    }
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Message {
    content: Content,
    pub is_compressed: bool,
    /// As the headers announced it.
    wire_bytes: u64,
    fragments: u32,
}

/// The payload so far.
#[derive(Debug)]
pub(super) enum Content {
    Text { text: String, cut: Character },
    Binary(Vec<u8>),
}

impl Message {
    pub fn new(kind: Kind, is_compressed: bool) -> Message {
        let content = match kind {
            Kind::Text => Content::Text { text: String::new(), cut: Character::default() },
            Kind::Binary => Content::Binary(Vec::new()),
        };
        Message { content, is_compressed, wire_bytes: 0, fragments: 0 }
    }

    /// Counts a frame, whose header has come.
    pub fn begin_fragment(&mut self, header: &Header, limits: &Limits) -> Result<(), Rule> {
        self.wire_bytes = self.wire_bytes.saturating_add(header.payload_bytes);
        self.fragments = self.fragments.saturating_add(u32::from(!header.is_final));
        match () {
            () if self.wire_bytes > limits.message_bytes as u64 => Err(Rule::MessageLong),
            () if self.fragments > limits.fragments => Err(Rule::FragmentsMany),
            () => Ok(()),
        }
    }

    /// Takes the next bytes of the payload, unmasked.
    pub fn append(&mut self, payload: &[u8], limits: &Limits) -> Result<(), Fault> {
        self.content.append(payload, limits.message_bytes)
    }

    /// Takes the next bytes of a compressed payload. A fault counts for the whole frame: which of its bytes is to
    /// blame cannot be said.
    pub fn append_compressed(
        &mut self,
        payload: &[u8],
        inflater: &mut Inflater,
        limits: &Limits,
    ) -> Result<(), Rule> {
        if payload.is_empty() {
            return Ok(()); // an empty fragment costs no portion to inflate into
        }
        inflater.inflate(payload, |inflated| self.content.append_inflated(inflated, limits.message_bytes))
    }

    /// Takes what the sender of a compressed message has left away at its end.
    pub fn end_compressed(&mut self, inflater: &mut Inflater, limits: &Limits) -> Result<(), Rule> {
        if self.wire_bytes == 0 {
            // Not even the byte of an empty block (RFC 7692 §7.2.3.6): a zlib that was asked to flush twice gives none.
            return Ok(());
        }
        inflater.end_message(|inflated| self.content.append_inflated(inflated, limits.message_bytes))
    }

    /// The whole payload.
    pub fn into_content(self) -> Result<Content, Rule> {
        match self.content {
            Content::Text { cut, .. } if !cut.is_empty() => Err(Rule::TextCut),
            content => Ok(content),
        }
    }
}

impl Content {
    fn append(&mut self, bytes: &[u8], limit: usize) -> Result<(), Fault> {
        match self {
            Content::Text { text, cut } => {
                let more = cut.len() + bytes.len();
                text.reserve_exact(growth(text.len(), text.capacity(), more, limit));
                cut.append(bytes, text).map_err(|at| Fault::new(Rule::TextByte, at))
            }
            Content::Binary(content) => {
                content.reserve_exact(growth(content.len(), content.capacity(), bytes.len(), limit));
                content.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Whatever fits is checked first, so that the same message breaks the same rule in whatever portions it is
    /// inflated.
    fn append_inflated(&mut self, inflated: &[u8], limit: usize) -> Result<(), Rule> {
        let room = limit - self.len();
        self.append(&inflated[..room.min(inflated.len())], limit).map_err(|fault| fault.rule)?;
        if inflated.len() > room { Err(Rule::InflatedLong) } else { Ok(()) }
    }

    /// How many bytes are there, those of a character that is not complete included.
    fn len(&self) -> usize {
        match self {
            Content::Text { text, cut } => text.len() + cut.len(),
            Content::Binary(content) => content.len(),
        }
    }
}

/// How many bytes to ask for when `more` have to fit: none while there is room, then twice what there is, and never
/// more than a message may have.
fn growth(len: usize, capacity: usize, more: usize, limit: usize) -> usize {
    if capacity - len >= more {
        return 0;
    }
    (2 * capacity).min(limit).max(len + more) - len
}
