//! Content in chunks (RFC 9112 §7.1), as a machine that looks at each byte of a size line once.
//!
//! ```text
//! chunked-body   = *chunk last-chunk trailer-section CRLF
//! chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//! chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//! chunk-ext-val  = token / quoted-string
//!
//!           ┌────────────────────────────────────────────┐
//!           ▼                                            │
//!      ┌─ SizeLine ──size──▶ Data ──all of it──▶ DataEnd ┘
//!      └──────────0───────▶ Trailer ──empty line──▶ Done
//! ```

use super::error::{Fault, Rule};
use super::grammar::{hex_digit, is_blank, is_token_byte, is_value_byte};
use super::head::parse_trailers;
use super::message::Fields;
use super::search::{HeadLimits, Search, Section};

/// Where in the chunks the next byte belongs.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    state: State,
    extension_bytes: u32,
}

/// What a piece of chunked content turned out to be.
#[derive(Debug)]
pub enum Piece<'b> {
    /// Bytes of content.
    Data(&'b [u8]),
    /// The end: nothing of the message follows.
    Trailers(Fields<'b>),
    /// More bytes are needed, those not consumed included.
    Incomplete,
}

#[derive(Clone, Copy, Debug)]
enum State {
    SizeLine(SizeLine),
    Data { left: u64 },
    DataEnd,
    Trailer(Search),
    Done,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { state: State::SizeLine(SizeLine::default()), extension_bytes: 0 }
    }
}

impl Decoder {
    /// Reads the next piece from the bytes that follow what was consumed so far; answers how many it consumed.
    /// Lines are consumed whole, so that a fault can be shown with the line it stands in.
    pub fn next_piece<'b>(
        &mut self,
        bytes: &'b [u8],
        limits: &HeadLimits,
    ) -> Result<(usize, Piece<'b>), (usize, Fault)> {
        let mut consumed = 0;
        loop {
            let rest = &bytes[consumed..];
            match &mut self.state {
                State::SizeLine(line) => match line.read(rest).map_err(|fault| (consumed, fault))? {
                    None => return Ok((consumed, Piece::Incomplete)),
                    Some(end) => {
                        let (size, extension) = (line.size, end - 2 - line.digits as usize);
                        self.count_extension(extension).map_err(|fault| (consumed, fault))?;
                        consumed += end;
                        self.state = match size {
                            0 => State::Trailer(Search::NEW),
                            left => State::Data { left },
                        };
                    }
                },
                State::Data { .. } if rest.is_empty() => return Ok((consumed, Piece::Incomplete)),
                State::Data { left } => {
                    let taken = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok((consumed + taken, Piece::Data(&rest[..taken])));
                }
                State::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        consumed += 2;
                        self.state = State::SizeLine(SizeLine::default());
                    }
                    [] | [b'\r'] => return Ok((consumed, Piece::Incomplete)),
                    [first, ..] => {
                        let at = usize::from(*first == b'\r');
                        return Err((consumed, Fault::new(Rule::ChunkEnd, at)));
                    }
                },
                State::Trailer(search) => {
                    let end =
                        search.find_end(rest, Section::Trailer, limits).map_err(|fault| (consumed, fault))?;
                    let Some(end) = end else { return Ok((consumed, Piece::Incomplete)) };
                    let trailers = parse_trailers(&rest[..end]).map_err(|fault| (consumed, fault))?;
                    self.state = State::Done;
                    return Ok((consumed + end, Piece::Trailers(trailers)));
                }
                State::Done => panic!("chunks were read on behind their end"),
            }
        }
    }

    /// Extensions mean nothing here, and a peer could send them for ever beside one byte of data a chunk.
    fn count_extension(&mut self, bytes: usize) -> Result<(), Fault> {
        self.extension_bytes = self.extension_bytes.saturating_add(bytes as u32);
        if self.extension_bytes as usize > MAX_CHUNK_EXTENSION_BYTES {
            return Err(Fault::new(Rule::ChunkExtensionsLong, 0));
        }
        Ok(())
    }
}

/// A size line that is being read, byte by byte: `chunk-size [ chunk-ext ] CRLF`.
#[derive(Clone, Copy, Debug, Default)]
struct SizeLine {
    size: u64,
    digits: u16,
    read: u16,
    at: SizeLineAt,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SizeLineAt {
    #[default]
    Size,
    BlankBeforeSemicolon,
    NameStart,
    Name,
    BlankAfterName,
    ValueStart,
    Token,
    Quoted,
    QuotedPair,
    QuotedEnd,
    Lf,
}

impl SizeLine {
    /// Where the line ends, once it is whole.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        for (at, byte) in bytes.iter().copied().enumerate().skip(self.read as usize) {
            if self.at == SizeLineAt::Lf {
                return match byte {
                    b'\n' => Ok(Some(at + 1)),
                    _ => Err(Fault::new(Rule::ChunkLineEnd, at)),
                };
            }
            self.at = self.step(byte).map_err(|rule| Fault::new(rule, at))?;
            if at >= MAX_CHUNK_LINE_BYTES {
                return Err(Fault::new(Rule::ChunkLineLong, at));
            }
            self.read = at as u16 + 1;
        }
        Ok(None)
    }

    fn step(&mut self, byte: u8) -> Result<SizeLineAt, Rule> {
        use SizeLineAt::*;
        if byte == b'\n' {
            return Err(Rule::BareLf);
        }
        Ok(match (self.at, byte) {
            (Size, _) if hex_digit(byte).is_some() => self.add_digit(byte)?,
            (Size, _) if self.digits == 0 => return Err(Rule::ChunkSizeMissing),
            (Size | Name | Token | QuotedEnd, b'\r') => Lf,
            (Size | Name | Token | QuotedEnd | BlankBeforeSemicolon | BlankAfterName, b';') => NameStart,
            (Size | Token | QuotedEnd | BlankBeforeSemicolon, _) if is_blank(byte) => BlankBeforeSemicolon,
            (NameStart, _) if is_blank(byte) => NameStart,
            (NameStart | Name, _) if is_token_byte(byte) => Name,
            (Name | BlankAfterName, b'=') => ValueStart,
            (Name | BlankAfterName, _) if is_blank(byte) => BlankAfterName,
            (ValueStart, b'"') => Quoted,
            (ValueStart, _) if is_blank(byte) => ValueStart,
            (ValueStart | Token, _) if is_token_byte(byte) => Token,
            (Quoted, b'"') => QuotedEnd,
            (Quoted, b'\\') => QuotedPair,
            (Quoted | QuotedPair, _) if is_value_byte(byte) => Quoted,
            (Size, _) => return Err(Rule::ChunkSizeByte),
            _ => return Err(Rule::ChunkExtension),
        })
    }

    fn add_digit(&mut self, byte: u8) -> Result<SizeLineAt, Rule> {
        if self.size >> 60 != 0 {
            return Err(Rule::ChunkSizeOverflow);
        }
        self.size = self.size << 4 | u64::from(hex_digit(byte).unwrap_or_default());
        self.digits += 1;
        Ok(SizeLineAt::Size)
    }
}

/// Appends one chunk; an empty one would be read as the last, so it is left out.
pub fn encode_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    push_hex(data.len(), out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk and the trailer section.
pub fn encode_end(trailers: &[(&str, &str)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn push_hex(number: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[number >> (4 * place) & 0xf]);
    }
}

/// A size of 16 digits and its CRLF need 18; the rest is for extensions (hyper and Apache read 8 KiB and less).
pub const MAX_CHUNK_LINE_BYTES: usize = 4 * 1024;

/// Of one message together, so that extensions cannot outweigh the data for ever; hyper has the same limit.
pub const MAX_CHUNK_EXTENSION_BYTES: usize = 16 * 1024;
