//! What this end sends. Every frame is appended to the caller's `out`; no message, ping or Close is, once a Close has
//! been sent: the peer may be the one who made it so, and no caller can be in time to know.

use super::{Connection, Role, State};
use crate::websocket::close::{Code, encode_body};
use crate::websocket::deflate::Deflater;
use crate::websocket::frame::{Header, MAX_CONTROL_BYTES, Opcode, push};
use crate::websocket::message::Kind;

impl Connection {
    /// A text message in one frame; compressed, if that was agreed on.
    ///
    /// # Panics
    /// Like [`send_binary`](Connection::send_binary), inside a message that is sent in fragments.
    pub fn send_text(&mut self, text: &str, out: &mut Vec<u8>) {
        self.send_message(Kind::Text, text.as_bytes(), out);
    }

    /// A binary message in one frame; compressed, if that was agreed on.
    ///
    /// # Panics
    /// Inside a message that is sent in fragments: "fragments of one message MUST NOT be interleaved between the
    /// fragments of another message" (§5.4).
    pub fn send_binary(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.send_message(Kind::Binary, content, out);
    }

    /// A message that [`frame::encode`](crate::websocket::frame::encode) has made for all who are to get it.
    ///
    /// # Panics
    /// Inside a message that is sent in fragments; on the client's end, whose frames each have their own key.
    pub fn send_encoded(&mut self, frame: &[u8], out: &mut Vec<u8>) {
        assert!(matches!(self.role, Role::Server), "the frame is not masked");
        if self.begins_message() {
            out.extend_from_slice(frame);
        }
    }

    /// The first fragment of a message. A text may be cut anywhere, even inside of a character.
    ///
    /// # Panics
    /// Inside a message that is sent in fragments.
    pub fn send_first_fragment(&mut self, kind: Kind, fragment: &[u8], out: &mut Vec<u8>) {
        if self.begins_message() {
            self.is_sending_fragments = true;
            self.push(Header { is_final: false, ..Header::whole(kind.opcode(), fragment) }, fragment, out);
        }
    }

    /// The next fragment of the message, not the last one.
    ///
    /// # Panics
    /// When no message has begun.
    pub fn send_fragment(&mut self, fragment: &[u8], out: &mut Vec<u8>) {
        self.send_continuation(false, fragment, out);
    }

    /// The last fragment of the message; it may be empty.
    ///
    /// # Panics
    /// When no message has begun.
    pub fn send_last_fragment(&mut self, fragment: &[u8], out: &mut Vec<u8>) {
        self.send_continuation(true, fragment, out);
    }

    /// # Panics
    /// When the payload has more than 125 bytes.
    pub fn send_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.is_open() {
            self.push_control(Opcode::Ping, payload, out);
        }
    }

    /// A pong that answers no ping: "a unidirectional heartbeat" (§5.5.3). Pings are answered without it.
    ///
    /// # Panics
    /// When the payload has more than 125 bytes.
    pub fn send_pong(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.is_open() {
            self.push_control(Opcode::Pong, payload, out);
        }
    }

    /// Starts the closing handshake. What the peer had sent before it knew is still received, until its own Close.
    /// A reason of more than 123 bytes is cut.
    pub fn send_close(&mut self, code: Code, reason: &str, out: &mut Vec<u8>) {
        if self.is_open() {
            self.push_control(Opcode::Close, &encode_body(code, reason), out);
            self.state = State::Closing;
        }
    }

    /// Gives back what compressing keeps, some hundred kilobytes, at the price of a worse ratio for the next message. A
    /// sender may do so at any time: what refers to nothing that came before is understood by every receiver.
    pub fn forget_context(&mut self) {
        self.deflater = None;
    }

    fn send_message(&mut self, kind: Kind, content: &[u8], out: &mut Vec<u8>) {
        if !self.begins_message() {
            return;
        }
        match self.own_direction() {
            Some(direction) if !content.is_empty() => {
                let deflater =
                    self.deflater.get_or_insert_with(|| Box::new(Deflater::new(direction.window_bits)));
                let compressed = deflater.deflate(content);
                if !direction.takes_context_over {
                    self.deflater = None;
                }
                self.push(
                    Header { is_compressed: true, ..Header::whole(kind.opcode(), &compressed) },
                    &compressed,
                    out,
                );
            }
            _ => self.push(Header::whole(kind.opcode(), content), content, out),
        }
    }

    /// Whether the message reaches the peer.
    fn begins_message(&self) -> bool {
        assert!(!self.is_open() || !self.is_sending_fragments, "a message is under way");
        self.is_open()
    }

    fn send_continuation(&mut self, is_final: bool, fragment: &[u8], out: &mut Vec<u8>) {
        assert!(!self.is_open() || self.is_sending_fragments, "no message has begun");
        if self.is_open() {
            self.is_sending_fragments = !is_final;
            let header = Header { is_final, ..Header::whole(Opcode::Continuation, fragment) };
            self.push(header, fragment, out);
        }
    }

    pub(super) fn push_control(&self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        assert!(payload.len() <= MAX_CONTROL_BYTES, "{} bytes in a control frame", payload.len());
        self.push(Header::whole(opcode, payload), payload, out);
    }

    fn push(&self, header: Header, payload: &[u8], out: &mut Vec<u8>) {
        let key = match self.role {
            Role::Server => None,
            Role::Client(next_key) => Some(next_key()),
        };
        push(&Header { key, ..header }, payload, out);
    }
}
