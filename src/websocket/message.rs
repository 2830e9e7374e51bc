//! A message that does not come in one piece: what is there of it, checked as far as it goes.

use super::deflate::Inflater;
use super::error::{Fault, Rule};
use super::frame::Opcode;
use super::utf8::Character;

/// What one message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of its payload, on the wire and inflated.
    pub message_bytes: usize,
    /// In how many frames it may come. Empty ones cost no memory, and time for each.
    pub fragments: u32,
}

impl Default for Limits {
    /// 16 MiB, as in tungstenite for one frame; uWebSockets has 16 KiB, `ws` on Node 100 MiB.
    fn default() -> Limits {
        Limits { message_bytes: 16 * 1024 * 1024, fragments: 65_536 }
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
    /// # Panics
    /// When no message begins with such a frame.
    pub fn new(opcode: Opcode, is_compressed: bool) -> Message {
        let content = match opcode {
            Opcode::Text => Content::Text { text: String::new(), cut: Character::default() },
            Opcode::Binary => Content::Binary(Vec::new()),
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => {
                panic!("{opcode:?} begins no message")
            }
        };
        Message { content, is_compressed, wire_bytes: 0, fragments: 0 }
    }

    /// Counts a frame in whose header was announced.
    pub fn begin_fragment(&mut self, payload_bytes: u64, limits: &Limits) -> Result<(), Rule> {
        self.wire_bytes = self.wire_bytes.saturating_add(payload_bytes);
        self.fragments += 1;
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

    fn len(&self) -> usize {
        match self {
            Content::Text { text, .. } => text.len(),
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
