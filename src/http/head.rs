//! What a whole head says (RFC 9112 §3, §5).
//!
//! It is read in one pass: the request line by hand, the field lines split by `httparse`, and the fields that decide
//! about the exchange by the checks of this file and of [`framing`].

use httparse::Header;

use super::error::{Fault, Rule};
use super::field_lines::parse_fields;
use super::framing;
use super::grammar::list;
use super::message::{Fields, Request, Version};
use super::request_line::read_request_line;
use super::target::check_host;

/// Reads a whole head, from the method to the empty line.
///
/// ```text
/// HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
/// ```
pub fn parse_request(head: &[u8]) -> Result<Request<'_>, Fault> {
    let mut request = Request::NONE;
    match memchr::memchr(b'\n', head) {
        Some(lf) if lf > 0 && head.ends_with(b"\r\n\r\n") => read_request(head, lf + 1, &mut request)?,
        _ => return Err(Fault::new(Rule::HeadTruncated, head.len())),
    }
    Ok(request)
}

/// Reads a head into `request`; its first line is known to have `request_line_bytes`, CRLF included.
pub(super) fn read_request<'b>(
    head: &'b [u8],
    request_line_bytes: usize,
    request: &mut Request<'b>,
) -> Result<(), Fault> {
    let start = request_line_bytes;
    read_request_line(&head[..start - CRLF.len()], request)?;
    let section = &head[start..];
    let mut deciding = Deciding::new(request.version);
    request.fields =
        parse_fields(section, |field| deciding.note(field)).map_err(|fault| fault.moved(start))?;
    deciding.check(section).map_err(|fault| fault.moved(start))?;
    request.framing = framing::of_request(request.version, &deciding.framing, &request.fields)
        .map_err(|(fault, value)| fault.moved(start + offset_in(section, value)))?;
    request.persist = deciding.persists();
    request.expects_continue = deciding.expects_continue;
    request.head = head;
    Ok(())
}

/// Reads a whole trailer section, its empty line included.
pub fn parse_trailers(section: &[u8]) -> Result<Fields<'_>, Fault> {
    parse_fields(section, |_| {})
}

/// What the field lines that decide how the exchange goes have said, noted while the section is split.
struct Deciding<'b> {
    version: Version,
    host: Option<&'b [u8]>,
    framing: framing::FramingFields<'b>,
    expects_continue: bool,
    close: bool,
    keep_alive: bool,
    /// The first rule that a field line broke by being there, and the part of it that did.
    broken: Option<(Rule, &'b [u8])>,
}

impl<'b> Deciding<'b> {
    fn new(version: Version) -> Deciding<'b> {
        Deciding {
            version,
            host: None,
            framing: framing::FramingFields::default(),
            expects_continue: false,
            close: false,
            keep_alive: false,
            broken: None,
        }
    }

    /// The length tells most names apart before a byte is compared.
    fn note(&mut self, field: &Header<'b>) {
        let name = field.name.as_bytes();
        match name.len() {
            4 if is_named(name, b"host") => match self.host {
                None => self.host = Some(field.value),
                Some(_) => self.note_broken(Rule::HostRepeated, name),
            },
            6 if is_named(name, b"expect") => self.note_expectation(field.value),
            10 if is_named(name, b"connection") => self.note_connection_options(field.value),
            14 if is_named(name, b"content-length") => match self.framing.length {
                None => self.framing.length = Some(field.value),
                Some(_) => self.note_broken(Rule::LengthRepeated, name),
            },
            17 if is_named(name, b"transfer-encoding") => self.framing.has_transfer_encoding = true,
            _ => {}
        }
    }

    /// `Connection = #connection-option`, compared without case (RFC 9110 §7.6.1).
    fn note_connection_options(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// An expectation from HTTP/1.0 is not heard (RFC 9110 §10.1.1).
    fn note_expectation(&mut self, value: &'b [u8]) {
        if self.version == Version::Http10 {
            return;
        }
        for expectation in list(value) {
            match expectation.eq_ignore_ascii_case(b"100-continue") {
                true => self.expects_continue = true,
                false => self.note_broken(Rule::ExpectationUnknown, expectation),
            }
        }
    }

    #[cold]
    fn note_broken(&mut self, rule: Rule, part: &'b [u8]) {
        self.broken = self.broken.or(Some((rule, part)));
    }

    /// What only the whole section can show.
    fn check(&self, section: &[u8]) -> Result<(), Fault> {
        if let Some((rule, part)) = self.broken {
            return Err(Fault::new(rule, offset_in(section, part)));
        }
        match self.host {
            Some(host) => check_host(host).map_err(|fault| fault.moved(offset_in(section, host))),
            // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks
            // a Host header field and to any request message that contains more than one Host header field line or a
            // Host header field with an invalid field value" (RFC 9112 §3.2).
            None if self.version == Version::Http11 => {
                Err(Fault::new(Rule::HostMissing, section.len() - CRLF.len()))
            }
            None => Ok(()),
        }
    }

    /// RFC 9112 §9.3, in its order.
    fn persists(&self) -> bool {
        !self.close && (self.version == Version::Http11 || self.keep_alive)
    }
}

/// Whether a field name, which is a token, is this one, given in small letters. Of all the bytes that a token may hold,
/// setting the bit of small letters makes only a capital letter equal to a small one, and `-` only to itself.
fn is_named<const BYTES: usize>(given: &[u8], name: &[u8; BYTES]) -> bool {
    <&[u8; BYTES]>::try_from(given).is_ok_and(|given| given.map(|byte| byte | 0x20) == *name)
}

/// Where `part`, a piece of `whole`, begins in it. The split gives empty values that are pieces of nothing: these
/// count as the whole's start.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    let distance = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if distance < whole.len() { distance } else { 0 }
}

pub(super) const CRLF: &[u8] = b"\r\n";
