//! Frames taken apart: what each bit of the header says, and what the payload is behind its mask.

use std::fmt::Write;

use crate::lab::dialogue::{Dialogue, Line, Message, open};
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::websocket::{Header, Opcode, Seen};
use crate::wire::notation;

/// `/ws/frames`
pub fn frames(call: &Call<'_>) -> Result<Answer, Refusal> {
    open(call, |_| Frames)
}

struct Frames;

impl Dialogue for Frames {
    fn receive(&mut self, _message: Message<'_>, _line: &mut Line<'_>) {}

    fn receive_frame(&mut self, frame: &Seen, line: &mut Line<'_>) {
        let explained = explain(frame);
        line.lab.tracer.remark(line.card.number, line.now, &explained);
        line.send_text(&explained);
    }

    fn watches_frames(&self) -> bool {
        true
    }
}

/// Five lines: the bytes, and what they mean in the order in which they stand. The last one ends as well: for whoever
/// listens with `nc`, the next frame begins right behind it.
fn explain(frame: &Seen) -> String {
    let header = &frame.header;
    let mut text = format!("a frame of {} bytes at byte {}: ", wire_bytes(header), frame.offset);
    push_hex(frame, &mut text);
    let (fin, rsv1) = (u8::from(header.is_final), u8::from(header.is_compressed));
    let _ = write!(
        text,
        "\nFIN {fin}, RSV {rsv1}00, opcode {:#x}: {}\nMASK {}, payload length {} in {} bits",
        header.opcode.number(),
        meaning(header),
        u8::from(header.key.is_some()),
        header.payload_bytes,
        header.length_bits(),
    );
    if let Some(key) = header.key {
        let _ = write!(text, "\nmasking key {}", hex(&key));
    }
    text.push_str("\npayload \"");
    notation::encode(&frame.payload, &mut text);
    let is_cut = (frame.payload.len() as u64) < header.payload_bytes;
    text.push_str(if is_cut { "\" and so on\n" } else { "\"\n" });
    text
}

fn wire_bytes(header: &Header) -> u64 {
    header.encoded_bytes() as u64 + header.payload_bytes
}

/// The first bytes as they stood on the wire.
fn push_hex(frame: &Seen, text: &mut String) {
    let mut bytes = Vec::new();
    frame.header.encode(&mut bytes);
    bytes.extend(frame.masked());
    text.push_str(&hex(&bytes[..bytes.len().min(SHOWN_BYTES)]));
    if wire_bytes(&frame.header) > SHOWN_BYTES as u64 {
        text.push_str(" ...");
    }
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

fn meaning(header: &Header) -> &'static str {
    match (header.opcode, header.is_final, header.is_compressed) {
        (Opcode::Text, true, false) => "text, a whole message",
        (Opcode::Text, true, true) => "text, a whole message, compressed",
        (Opcode::Text, false, false) => "text, the first fragment of a message",
        (Opcode::Text, false, true) => "text, the first fragment of a compressed message",
        (Opcode::Binary, true, false) => "binary, a whole message",
        (Opcode::Binary, true, true) => "binary, a whole message, compressed",
        (Opcode::Binary, false, false) => "binary, the first fragment of a message",
        (Opcode::Binary, false, true) => "binary, the first fragment of a compressed message",
        (Opcode::Continuation, false, _) => "continuation, a fragment with more to come",
        (Opcode::Continuation, true, _) => "continuation, the last fragment",
        (Opcode::Close, ..) => "close: it is answered by a Close, and nothing follows",
        (Opcode::Ping, ..) => "ping: it is answered by a pong with the same payload",
        (Opcode::Pong, ..) => "pong: it asks for nothing",
    }
}

/// Bytes shown in hexadecimal: the longest header, and a line of payload.
const SHOWN_BYTES: usize = 32;
