//! Where a head ends, and what it says (RFC 9112 §2.1, §3, §5).
//!
//! The end is found by hand, each byte looked at once however the bytes trickle in ([`Search`]). A whole head is
//! then read in one pass: the request line by hand, the field lines split by `httparse`, and the fields that decide
//! about the exchange by the checks of this file and of [`framing`](super::framing). When the split fails, a slow
//! reader goes over the lines again and finds the byte to blame.

use httparse::{EMPTY_HEADER, Header, Status, parse_headers};

use super::error::{Fault, Rule};
use super::framing;
use super::grammar::{is_blank, is_token_byte, is_value_byte, list};
use super::message::{Fields, Method, Request, Version};
use super::target::{Target, check_host};

/// How much of a head is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request line, its CRLF included: 414 (RFC 9112 §3 asks for 8,000 at least; nginx and Apache
    /// read 8 KiB).
    pub request_line_bytes: usize,
    /// Bytes of the whole head: 431 (nginx keeps 4 buffers of 8 KiB).
    pub head_bytes: usize,
    /// Field lines: 431 (Apache's LimitRequestFields is 100).
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits { request_line_bytes: 8 * 1024, head_bytes: 32 * 1024, fields: 100 }
    }
}

/// Which section is searched: a head has a request line before its field lines, a trailer section has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Head,
    Trailer,
}

/// Looks for the empty line that ends a section, and remembers how far it has looked.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    searched: u32,
    line_start: u32,
    lines: u32,
}

impl Search {
    /// A search that has looked at nothing yet.
    pub const NEW: Search = Search { searched: 0, line_start: 0, lines: 0 };

    /// The length of the section, its empty line included, once it is there; `None` as long as it is not.
    ///
    /// `bytes` begin where the section begins and may only have grown since the call before.
    pub fn find_end(
        &mut self,
        bytes: &[u8],
        section: Section,
        limits: &HeadLimits,
    ) -> Result<Option<usize>, Fault> {
        let searched = self.searched as usize;
        for lf in memchr::memchr_iter(b'\n', &bytes[searched..]).map(|found| searched + found) {
            self.check_limits(lf + 1, section, limits)?;
            if lf == 0 || bytes[lf - 1] != b'\r' {
                return Err(Fault::new(Rule::BareLf, lf));
            }
            if lf == self.line_start as usize + 1 {
                return Ok(Some(lf + 1));
            }
            self.lines += 1;
            self.line_start = lf as u32 + 1;
        }
        self.check_limits(bytes.len(), section, limits)?;
        self.searched = bytes.len() as u32;
        Ok(None)
    }

    /// `end` is how far the line that begins at `line_start` has come. The checks run where a line ends and where
    /// the bytes end: whichever comes first, the same limit breaks at the same byte. So the limits that earlier
    /// bytes can break stand first.
    fn check_limits(&self, end: usize, section: Section, limits: &HeadLimits) -> Result<(), Fault> {
        let before_fields = u32::from(section == Section::Head);
        if self.lines as usize > limits.fields + before_fields as usize {
            return Err(Fault::new(Rule::FieldsMany, self.line_start as usize - 1));
        }
        let line_bytes = limits.request_line_bytes.min(limits.head_bytes);
        if section == Section::Head && self.lines == 0 && end > line_bytes {
            return Err(Fault::new(Rule::RequestLineLong, line_bytes));
        }
        if end > limits.head_bytes {
            return Err(Fault::new(Rule::HeadLong, limits.head_bytes));
        }
        Ok(())
    }
}

/// Reads a whole head, from the method to the empty line.
///
/// ```text
/// HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
/// ```
pub fn parse_request(head: &[u8]) -> Result<Request<'_>, Fault> {
    let cr = memchr::memchr(b'\r', head).unwrap_or(head.len());
    if head.get(cr + 1) != Some(&b'\n') {
        return Err(Fault::new(Rule::BareCr, cr));
    }
    let line = parse_request_line(&head[..cr])?;
    let start = cr + 2;
    let section = &head[start..];
    let mut deciding = Deciding::default();
    parse_fields(section, |field| deciding.note(field)).map_err(|fault| fault.moved(start))?;
    deciding.check_host(section, line.version).map_err(|fault| fault.moved(start))?;
    let fields = Fields::checked(&section[..section.len() - 2]);
    let framing = framing::of_request(line.version, &deciding.framing, &fields)
        .map_err(|(fault, value)| fault.moved(start + offset_in(section, value)))?;
    let expects_continue =
        deciding.check_expect(line.version, section).map_err(|fault| fault.moved(start))?;
    Ok(Request {
        method: line.method,
        target: line.target,
        version: line.version,
        fields,
        framing,
        persist: deciding.persists(line.version),
        expects_continue,
        head,
    })
}

/// Reads a whole trailer section, its empty line included.
pub fn parse_trailers(section: &[u8]) -> Result<Fields<'_>, Fault> {
    parse_fields(section, |_| {})?;
    Ok(Fields::checked(&section[..section.len() - 2]))
}

struct RequestLine<'b> {
    method: Method,
    target: Target<'b>,
    version: Version,
}

/// ```text
/// request-line = method SP request-target SP HTTP-version
/// ```
fn parse_request_line(line: &[u8]) -> Result<RequestLine<'_>, Fault> {
    let space = memchr::memchr(b' ', line).unwrap_or(line.len());
    let method = parse_method(&line[..space])?;
    let rest = line.get(space + 1..).unwrap_or_default();
    let target_end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let target = &rest[..target_end];
    if target.is_empty() || target.starts_with(b"HTTP/") {
        return Err(Fault::new(Rule::TargetMissing, (space + 1).min(line.len())));
    }
    let version_start = space + 1 + target_end + 1;
    let version = line.get(version_start..);
    if version.is_some_and(|text| !text.starts_with(b"HTTP/") && text.contains(&b' ')) {
        return Err(Fault::new(Rule::TargetSpace, version_start - 1));
    }
    let version = version.map(parse_version);
    if let Some(Err(fault @ Fault { rule: Rule::VersionUnsupported, .. })) = version {
        return Err(fault.moved(version_start)); // what a target is there is for that version to say
    }
    let target = Target::parse(method, target).map_err(|fault| fault.moved(space + 1))?;
    match version {
        Some(version) => {
            let version = version.map_err(|fault| fault.moved(version_start))?;
            Ok(RequestLine { method, target, version })
        }
        None => Err(Fault::new(Rule::VersionMissing, line.len())),
    }
}

fn parse_method(token: &[u8]) -> Result<Method, Fault> {
    let method = Method::from_token(token);
    if method == Method::Unknown {
        if token.is_empty() {
            return Err(Fault::new(Rule::MethodMissing, 0));
        }
        if let Some(at) = token.iter().position(|byte| !is_token_byte(*byte)) {
            return Err(Fault::new(Rule::MethodByte, at));
        }
    }
    Ok(method)
}

/// `HTTP-version = "HTTP" "/" DIGIT "." DIGIT`, in capitals (RFC 9112 §2.3).
fn parse_version(bytes: &[u8]) -> Result<Version, Fault> {
    match bytes {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', b'0'..=b'9'] => match major {
            b'1' => Ok(Version::Http11),
            _ => Err(Fault::new(Rule::VersionUnsupported, 5)),
        },
        _ => {
            let agreed = bytes.iter().zip(b"HTTP/1.1").take_while(|(given, due)| given == due).count();
            Err(Fault::new(Rule::VersionMalformed, agreed))
        }
    }
}

/// Splits the field lines of a section and shows each to `visit`.
fn parse_fields<'b>(section: &'b [u8], visit: impl FnMut(&Header<'b>)) -> Result<(), Fault> {
    let mut few = [EMPTY_HEADER; USUAL_FIELDS];
    match parse_headers(section, &mut few) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(())
        }
        Err(httparse::Error::TooManyHeaders) => parse_many_fields(section, visit),
        _ => Err(explain(section)),
    }
}

/// The rare head with many fields pays for its own table; their count has been checked by [`Search`].
#[cold]
fn parse_many_fields<'b>(section: &'b [u8], visit: impl FnMut(&Header<'b>)) -> Result<(), Fault> {
    let mut many = vec![EMPTY_HEADER; memchr::memchr_iter(b'\n', section).count()];
    match parse_headers(section, &mut many) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(())
        }
        _ => Err(explain(section)),
    }
}

/// Finds the first byte that breaks a rule in a section that could not be split.
///
/// ```text
/// field-line  = field-name ":" OWS field-value OWS
/// ```
#[cold]
fn explain(section: &[u8]) -> Fault {
    let mut start = 0;
    for lf in memchr::memchr_iter(b'\n', section) {
        let line = &section[start..lf.saturating_sub(1).max(start)];
        if let Some(fault) = explain_line(line) {
            return fault.moved(start);
        }
        start = lf + 1;
    }
    // Not reached: `httparse` refuses no line that the rules below let pass, and a test holds it to that.
    Fault::new(Rule::FieldControl, 0)
}

fn explain_line(line: &[u8]) -> Option<Fault> {
    if line.first().is_some_and(|first| is_blank(*first)) {
        return Some(Fault::new(Rule::FieldFolded, 0));
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return (!line.is_empty()).then(|| Fault::new(Rule::FieldColonMissing, line.len()));
    };
    if colon == 0 {
        return Some(Fault::new(Rule::FieldNameMissing, 0));
    }
    let name = &line[..colon];
    if let Some(at) = name.iter().position(|byte| !is_token_byte(*byte)) {
        let rule = match name[at] {
            b'\r' => Rule::BareCr,
            _ if name[at..].iter().all(|byte| is_blank(*byte)) => Rule::FieldSpaceBeforeColon,
            _ => Rule::FieldNameByte,
        };
        return Some(Fault::new(rule, at));
    }
    let at = line.iter().skip(colon + 1).position(|byte| !is_value_byte(*byte))? + colon + 1;
    let rule = if line[at] == b'\r' { Rule::BareCr } else { Rule::FieldControl };
    Some(Fault::new(rule, at))
}

/// The field lines that decide how the exchange goes, noted while the section is split.
#[derive(Default)]
struct Deciding<'b> {
    host: Option<&'b [u8]>,
    second_host: Option<&'b [u8]>,
    framing: framing::FramingFields<'b>,
    expect: Option<&'b [u8]>,
    unmet_expectation: Option<&'b [u8]>,
    close: bool,
    keep_alive: bool,
}

impl<'b> Deciding<'b> {
    /// The length tells most names apart before a byte is compared.
    fn note(&mut self, field: &Header<'b>) {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.len() {
            4 if is("host") => match self.host {
                None => self.host = Some(field.value),
                Some(_) => self.second_host = self.second_host.or(Some(field.name.as_bytes())),
            },
            6 if is("expect") => self.note_expectation(field.value),
            10 if is("connection") => self.note_connection_options(field.value),
            14 if is("content-length") => self.framing.note_length(field.value),
            17 if is("transfer-encoding") => self.framing.has_transfer_encoding = true,
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

    fn note_expectation(&mut self, value: &'b [u8]) {
        self.expect = Some(value);
        if !list(value).all(|expectation| expectation.eq_ignore_ascii_case(b"100-continue")) {
            self.unmet_expectation = self.unmet_expectation.or(Some(value));
        }
    }

    /// "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
    /// header field and to any request message that contains more than one Host header field line or a Host header
    /// field with an invalid field value" (RFC 9112 §3.2).
    fn check_host(&self, section: &[u8], version: Version) -> Result<(), Fault> {
        if let Some(second) = self.second_host {
            return Err(Fault::new(Rule::HostRepeated, offset_in(section, second)));
        }
        match self.host {
            Some(host) => match check_host(host) {
                Ok(_) => Ok(()),
                Err(fault) => Err(fault.moved(offset_in(section, host))),
            },
            None if version == Version::Http11 => {
                Err(Fault::new(Rule::HostMissing, section.len() - EMPTY_LINE.len()))
            }
            None => Ok(()),
        }
    }

    /// An expectation from HTTP/1.0 is not heard (RFC 9110 §10.1.1).
    fn check_expect(&self, version: Version, section: &[u8]) -> Result<bool, Fault> {
        match (version, self.unmet_expectation) {
            (Version::Http10, _) => Ok(false),
            (Version::Http11, Some(value)) => {
                Err(Fault::new(Rule::ExpectationUnknown, offset_in(section, value)))
            }
            (Version::Http11, None) => Ok(self.expect.is_some_and(|value| !value.is_empty())),
        }
    }

    /// RFC 9112 §9.3, in its order.
    fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Where `part`, a piece of `whole`, begins in it. The split gives empty values that are pieces of nothing: these
/// count as the whole's start.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    let distance = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if distance < whole.len() { distance } else { 0 }
}

/// Field lines that are split without asking the allocator for a table.
const USUAL_FIELDS: usize = 16;

const EMPTY_LINE: &[u8] = b"\r\n";
