//! How long the content of a request is: RFC 9112 §6.3, clause by clause, here and nowhere else.

use super::error::{Fault, Rule};
use super::grammar::{is_token, list, trim};
use super::message::{Fields, Version};

/// How the end of a message's content is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no content.
    None,
    /// Content of so many bytes.
    Length(u64),
    /// Chunks until the last chunk and the trailer section.
    Chunked,
}

impl Framing {
    /// Whether bytes of this message follow its head.
    pub fn has_content(self) -> bool {
        !matches!(self, Framing::None | Framing::Length(0))
    }

    /// How many bytes of content will follow, if the head can tell.
    pub fn content_length(self) -> Option<u64> {
        match self {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }
}

/// The field lines that framing is decided by.
#[derive(Clone, Copy, Debug, Default)]
pub struct FramingFields<'b> {
    pub has_transfer_encoding: bool,
    /// The value of the only Content-Length: a list of equal lengths may be taken as one or refused (§6.3), and two
    /// readers that choose differently see two different ends, so a second one was refused before.
    pub length: Option<&'b [u8]>,
}

/// The framing of a request; a fault comes with the field value that it is counted from.
pub fn of_request<'b>(
    version: Version,
    given: &FramingFields<'b>,
    fields: &Fields<'b>,
) -> Result<Framing, (Fault, &'b [u8])> {
    if given.has_transfer_encoding {
        return of_transfer_coding(version, given, fields);
    }
    match given.length {
        // "If a valid Content-Length header field is present without Transfer-Encoding, its decimal value defines
        // the expected message body length in octets."
        Some(value) => parse_length(value).map(Framing::Length).map_err(|fault| (fault, value)),
        // "If this is a request message and none of the above are true, then the message body length is zero."
        None => Ok(Framing::None),
    }
}

/// In a message of HTTP/1.0 a coding is faulty framing (§6.1), and together with a length it is an error (§6.3). A
/// request whose last coding is not chunked has no end that could be found: 400, and that is a MUST (§6.3), while the
/// 501 for a coding that is not understood is a SHOULD (§6.1).
fn of_transfer_coding<'b>(
    version: Version,
    given: &FramingFields<'b>,
    fields: &Fields<'b>,
) -> Result<Framing, (Fault, &'b [u8])> {
    let first = fields.first("transfer-encoding").unwrap_or_default();
    if version == Version::Http10 {
        return Err((Fault::new(Rule::CodingOn10, 0), first));
    }
    if let Some(length) = given.length {
        return Err((Fault::new(Rule::LengthWithCoding, 0), length));
    }
    let mut codings = Codings::default();
    for value in fields.all("transfer-encoding") {
        list(value)
            .try_for_each(|coding| codings.note(coding))
            .map_err(|rule| (Fault::new(rule, 0), value))?;
    }
    match codings {
        Codings { chunked: true, unknown: false } => Ok(Framing::Chunked),
        Codings { chunked: true, unknown: true } => Err((Fault::new(Rule::CodingUnknown, 0), first)),
        Codings { chunked: false, unknown: true } => Err((Fault::new(Rule::ChunkedNotLast, 0), first)),
        Codings { chunked: false, unknown: false } => Err((Fault::new(Rule::CodingMalformed, 0), first)),
    }
}

#[derive(Default)]
struct Codings {
    chunked: bool,
    unknown: bool,
}

impl Codings {
    /// ```text
    /// transfer-coding = token *( OWS ";" OWS transfer-parameter )
    /// ```
    fn note(&mut self, coding: &[u8]) -> Result<(), Rule> {
        let mut parts = coding.split(|byte| *byte == b';');
        let name = trim(parts.next().unwrap_or_default());
        let is_chunked = name.eq_ignore_ascii_case(b"chunked");
        match () {
            () if !is_token(name) => Err(Rule::CodingMalformed),
            () if is_chunked && parts.next().is_some() => Err(Rule::CodingParameter),
            () if is_chunked && self.chunked => Err(Rule::ChunkedTwice),
            () if self.chunked => Err(Rule::ChunkedNotLast),
            () if is_chunked => {
                self.chunked = true;
                Ok(())
            }
            () => {
                self.unknown = true;
                Ok(())
            }
        }
    }
}

/// `Content-Length = 1*DIGIT` (RFC 9110 §8.6).
fn parse_length(value: &[u8]) -> Result<u64, Fault> {
    if value.is_empty() {
        return Err(Fault::new(Rule::LengthNotDigits, 0));
    }
    let mut length = 0u64;
    for (at, byte) in value.iter().enumerate() {
        if !byte.is_ascii_digit() {
            let rule = if *byte == b',' { Rule::LengthRepeated } else { Rule::LengthNotDigits };
            return Err(Fault::new(rule, at));
        }
        length = length
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
            .ok_or(Fault::new(Rule::LengthOverflow, at))?;
    }
    Ok(length)
}
