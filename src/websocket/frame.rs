//! The header of a frame (RFC 6455 §5.2).
//!
//! ```text
//!  0                   1                   2                   3
//!  7 6 5 4 3 2 1 0 7 6 5 4 3 2 1 0
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| 0 to 125    |                               |
//! |I|S|S|S|       |A| 126 ────────┼▶ length in 16 bits            |
//! |N|V|V|V|       |S| 127 ────────┼▶ length in 64 bits            |
//! | |1|2|3|       |K|             |   then the masking key, if M  |
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! ```

use super::error::{Fault, Rule};
use super::mask::{MaskingKey, mask};
use super::message::Kind;

/// A frame's header. Its encoding is unique, as "the minimal number of bytes MUST be used to encode the length".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// FIN: no fragment of this message follows.
    pub is_final: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692 §6).
    pub is_compressed: bool,
    pub opcode: Opcode,
    pub key: Option<MaskingKey>,
    pub payload_bytes: u64,
}

/// What a frame is for; the numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

/// What a header is judged by besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether its sender has to mask: clients have to, servers must not.
    pub is_masked: bool,
    /// Whether compression was agreed on.
    pub is_compression_agreed: bool,
    /// Whether a fragmented message is under way.
    pub is_inside_message: bool,
}

impl Opcode {
    /// The opcode with this number; the others "are reserved for further" frames.
    pub fn from_number(number: u8) -> Option<Opcode> {
        match number {
            0x0 => Some(Opcode::Continuation),
            0x1 => Some(Opcode::Text),
            0x2 => Some(Opcode::Binary),
            0x8 => Some(Opcode::Close),
            0x9 => Some(Opcode::Ping),
            0xa => Some(Opcode::Pong),
            _ => None,
        }
    }

    pub fn number(self) -> u8 {
        self as u8
    }

    /// "Control frames are identified by opcodes where the most significant bit of the opcode is 1" (§5.5).
    pub fn is_control(self) -> bool {
        self.number() & 0b1000 != 0
    }
}

impl Header {
    /// Of a frame that is a whole message, or a control frame; neither masked nor compressed.
    pub fn whole(opcode: Opcode, payload: &[u8]) -> Header {
        let payload_bytes = payload.len() as u64;
        Header { is_final: true, is_compressed: false, opcode, key: None, payload_bytes }
    }

    /// The header at the start of `bytes` and how many of them it takes; `None` while it is not complete.
    ///
    /// # Errors
    /// The first byte that breaks a rule, as soon as it is there.
    pub fn parse(bytes: &[u8], terms: &Terms) -> Result<Option<(Header, usize)>, Fault> {
        let Some(first) = bytes.first() else { return Ok(None) };
        let opcode = check_first_byte(*first, terms).map_err(|rule| Fault::new(rule, 0))?;
        let Some(second) = bytes.get(1) else { return Ok(None) };
        check_second_byte(*second, opcode, terms).map_err(|rule| Fault::new(rule, 1))?;
        let Some((payload_bytes, end)) = parse_length(*second, bytes)? else { return Ok(None) };
        let (key, end) = if second & MASK == 0 {
            (None, end)
        } else {
            let Some(key) = bytes[end..].first_chunk() else { return Ok(None) };
            (Some(*key), end + key.len())
        };
        let (is_final, is_compressed) = (first & FIN != 0, first & RSV1 != 0);
        Ok(Some((Header { is_final, is_compressed, opcode, key, payload_bytes }, end)))
    }

    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fin = if self.is_final { FIN } else { 0 };
        let rsv1 = if self.is_compressed { RSV1 } else { 0 };
        let mask = if self.key.is_some() { MASK } else { 0 };
        out.push(fin | rsv1 | self.opcode.number());
        match self.payload_bytes {
            length @ 0..=125 => out.push(mask | length as u8),
            length @ 126..=0xffff => {
                out.push(mask | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(mask | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        out.extend_from_slice(self.key.as_ref().map_or(&[], |key| &key[..]));
    }

    /// How many bytes it takes.
    pub fn encoded_bytes(&self) -> usize {
        let length_bytes = match self.length_bits() {
            7 => 0,
            bits => usize::from(bits) / 8,
        };
        2 + length_bytes + self.key.map_or(0, |key| key.len())
    }

    /// In how many bits the length is written: 7, 16 or 64.
    pub fn length_bits(&self) -> u8 {
        match self.payload_bytes {
            0..=125 => 7,
            126..=0xffff => 16,
            _ => 64,
        }
    }
}

/// Appends a whole frame: the header of this payload, and the payload, masked when the header has a key.
pub(super) fn push(header: &Header, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(MAX_HEADER_BYTES + payload.len());
    header.encode(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = header.key {
        mask(key, &mut out[start..]);
    }
}

/// A message in one frame of a server: encoded once, it can be sent on any number of connections.
pub fn encode(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    push(&Header::whole(kind.opcode(), payload), payload, &mut frame);
    frame
}

/// The beginning of a header that has not come whole, with room for the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CutHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    len: u8,
}

impl CutHeader {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Takes as many bytes as there is room for: a header is whole then.
    pub fn append(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        let taken = bytes.len().min(MAX_HEADER_BYTES - start);
        self.bytes[start..start + taken].copy_from_slice(&bytes[..taken]);
        self.len += taken as u8;
    }
}

fn check_first_byte(byte: u8, terms: &Terms) -> Result<Opcode, Rule> {
    if byte & (RSV2 | RSV3) != 0 || (byte & RSV1 != 0 && !terms.is_compression_agreed) {
        return Err(Rule::ReservedBits);
    }
    let opcode = Opcode::from_number(byte & 0b0000_1111).ok_or(Rule::OpcodeReserved)?;
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong => match byte & (FIN | RSV1) {
            FIN => Ok(opcode),
            bits if bits & RSV1 != 0 => Err(Rule::CompressedControl),
            _ => Err(Rule::ControlFragmented),
        },
        Opcode::Continuation if byte & RSV1 != 0 => Err(Rule::CompressedContinuation),
        Opcode::Continuation if !terms.is_inside_message => Err(Rule::ContinuationAlone),
        Opcode::Text | Opcode::Binary if terms.is_inside_message => Err(Rule::MessageInterrupted),
        Opcode::Continuation | Opcode::Text | Opcode::Binary => Ok(opcode),
    }
}

fn check_second_byte(byte: u8, opcode: Opcode, terms: &Terms) -> Result<(), Rule> {
    match (byte & MASK != 0, terms.is_masked) {
        (false, true) => Err(Rule::MaskMissing),
        (true, false) => Err(Rule::MaskForbidden),
        _ if opcode.is_control() && byte & !MASK >= 126 => Err(Rule::ControlLong),
        _ => Ok(()),
    }
}

/// The length, and where in `bytes` it ends.
fn parse_length(second: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    match (second & !MASK, &bytes[2..]) {
        (126, [high, low, ..]) => match u16::from_be_bytes([*high, *low]).into() {
            0..=125 => Err(Fault::new(Rule::LengthNotMinimal, 3)),
            length => Ok(Some((length, 4))),
        },
        (126, _) => Ok(None),
        // "the most significant bit MUST be 0"
        (127, [first, ..]) if first & 0b1000_0000 != 0 => Err(Fault::new(Rule::LengthOverflow, 2)),
        (127, [0, 0, 0, 0, 0, 0, ..]) => Err(Fault::new(Rule::LengthNotMinimal, 7)),
        (127, behind) => Ok(behind.first_chunk().map(|length| (u64::from_be_bytes(*length), 10))),
        (length, _) => Ok(Some((length.into(), 2))),
    }
}

pub(super) const MAX_CONTROL_BYTES: usize = 125;

const MAX_HEADER_BYTES: usize = 14;

const FIN: u8 = 0b1000_0000;
const RSV1: u8 = 0b0100_0000;
const RSV2: u8 = 0b0010_0000;
const RSV3: u8 = 0b0001_0000;
const MASK: u8 = 0b1000_0000;
