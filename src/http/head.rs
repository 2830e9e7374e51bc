//! Where a head ends, and what it says (RFC 9112 §2.1, §3, §5).
//!
//! The end is found by hand, each byte looked at once however the bytes trickle in ([`Search`]). A whole head is
//! then read in one pass: the request line by hand, the field lines split by `httparse`, and the fields that decide
//! about the exchange by the checks of this file and of [`framing`]. When the split fails, a slow
//! reader goes over the lines again and finds the byte to blame.

use httparse::{EMPTY_HEADER, Header, Status, parse_headers};

use super::error::{Fault, Rule};
use super::framing;
use super::grammar::{is_blank, is_token_byte, is_value_byte, list};
use super::line_feeds::LineFeeds;
use super::message::{Fields, Method, Request, Version};
use super::target::check_host;

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
    searched: usize,
    first_line: usize,
    line_start: usize,
    lines: usize,
}

impl Search {
    /// A search that has looked at nothing yet.
    pub const NEW: Search = Search { searched: 0, first_line: 0, line_start: 0, lines: 0 };

    /// The length of the section, its empty line included, once it is there; `None` as long as it is not.
    ///
    /// `bytes` begin where the section begins and may only have grown since the call before.
    pub fn find_end(
        &mut self,
        bytes: &[u8],
        section: Section,
        limits: &HeadLimits,
    ) -> Result<Option<usize>, Fault> {
        // Bytes beyond the limit are not looked at, so that a limit breaks at the same byte however they were cut.
        let within = &bytes[..bytes.len().min(limits.head_bytes)];
        let line_limit = limits.request_line_bytes.min(limits.head_bytes);
        let most_lines = limits.fields + usize::from(section == Section::Head);
        let Search { searched, mut first_line, mut line_start, mut lines } = *self;
        for lf in LineFeeds::new(&within[searched..]).map(|found| searched + found) {
            if lines == 0 && section == Section::Head && lf >= line_limit {
                return Err(Fault::new(Rule::RequestLineLong, line_limit));
            }
            if lf == 0 || within[lf - 1] != b'\r' {
                return Err(Fault::new(Rule::BareLf, lf));
            }
            if lf == line_start + 1 {
                self.first_line = first_line;
                return Ok(Some(lf + 1));
            }
            line_start = lf + 1;
            lines += 1;
            if lines == 1 {
                first_line = line_start;
            }
            if lines > most_lines {
                return Err(Fault::new(Rule::FieldsMany, lf));
            }
        }
        if lines == 0 && section == Section::Head && bytes.len() > line_limit {
            return Err(Fault::new(Rule::RequestLineLong, line_limit));
        }
        if bytes.len() > limits.head_bytes {
            return Err(Fault::new(Rule::HeadLong, limits.head_bytes));
        }
        *self = Search { searched: within.len(), first_line, line_start, lines };
        Ok(None)
    }

    /// The length of the first line, its CRLF included, once the end was found.
    pub fn first_line_bytes(&self) -> usize {
        self.first_line
    }
}

/// Reads a whole head, from the method to the empty line.
///
/// ```text
/// HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
/// ```
pub fn parse_request(head: &[u8]) -> Result<Request<'_>, Fault> {
    let mut request = Request::NONE;
    match LineFeeds::new(head).next() {
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

/// ```text
/// request-line = method SP request-target SP HTTP-version
/// ```
fn read_request_line<'b>(line: &'b [u8], request: &mut Request<'b>) -> Result<(), Fault> {
    let space = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    request.method = parse_method(&line[..space])?;
    let start = (space + 1).min(line.len());
    let (target, version) = split_version(&line[start..]);
    if target.is_empty() || target.starts_with(b" ") || (version.is_none() && target.starts_with(b"HTTP/")) {
        return Err(Fault::new(Rule::TargetMissing, start));
    }
    let version = version.map(parse_version);
    let version_start = start + target.len() + 1;
    if let Some(Err(fault @ Fault { rule: Rule::VersionUnsupported, .. })) = version {
        return Err(fault.moved(version_start)); // what a target is there is for that version to say
    }
    request.target.read(request.method, target).map_err(|fault| behind_version(line, fault.moved(start)))?;
    match version {
        Some(version) => request.version = version.map_err(|fault| fault.moved(version_start))?,
        None => return Err(Fault::new(Rule::VersionMissing, line.len())),
    }
    Ok(())
}

/// The last space is not the one before the version when something stands behind the version: that is to blame.
#[cold]
fn behind_version(line: &[u8], fault: Fault) -> Fault {
    let behind = line.get(fault.at + 1..).filter(|behind| behind.starts_with(b"HTTP/"));
    match (fault.rule, behind.map(parse_version)) {
        (Rule::TargetSpace, Some(Err(version))) => version.moved(fault.at + 1),
        _ => fault,
    }
}

/// What stands before and behind the last space. Nearly always it is the version that is behind, and looking there
/// is quicker than searching for the space.
fn split_version(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    let usual = rest.len().saturating_sub(b" HTTP/1.1".len());
    let space = match rest[usual..] {
        [b' ', b'H', ..] => Some(usual),
        _ => memchr::memrchr(b' ', rest),
    };
    match space {
        Some(space) => (&rest[..space], Some(&rest[space + 1..])),
        None => (rest, None),
    }
}

fn parse_method(token: &[u8]) -> Result<Method, Fault> {
    let method = Method::from_token(token);
    if method == Method::Unknown {
        if token.is_empty() {
            return Err(Fault::new(Rule::MethodMissing, 0));
        }
        if let Some(at) = token.iter().position(|byte| !is_token_byte(*byte)) {
            let rule = if token[at] == b'\r' { Rule::BareCr } else { Rule::MethodByte };
            return Err(Fault::new(rule, at));
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
            let rule = if bytes.get(agreed) == Some(&b'\r') { Rule::BareCr } else { Rule::VersionMalformed };
            Err(Fault::new(rule, agreed))
        }
    }
}

/// Splits the field lines of a section and shows each to `visit`.
fn parse_fields<'b>(section: &'b [u8], visit: impl FnMut(&Header<'b>)) -> Result<Fields<'b>, Fault> {
    let mut few = [EMPTY_HEADER; USUAL_FIELDS];
    match parse_headers(section, &mut few) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(Fields::checked(&section[..section.len() - CRLF.len()]))
        }
        Err(httparse::Error::TooManyHeaders) => parse_many_fields(section, visit),
        _ => Err(explain(section)),
    }
}

/// The rare head with many fields pays for its own table; their count has been checked by [`Search`].
#[cold]
fn parse_many_fields<'b>(section: &'b [u8], visit: impl FnMut(&Header<'b>)) -> Result<Fields<'b>, Fault> {
    let mut many = vec![EMPTY_HEADER; memchr::memchr_iter(b'\n', section).count()];
    match parse_headers(section, &mut many) {
        Ok(Status::Complete((end, fields))) if end == section.len() => {
            fields.iter().for_each(visit);
            Ok(Fields::checked(&section[..section.len() - CRLF.len()]))
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
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        match field.name.len() {
            4 if is("host") => match self.host {
                None => self.host = Some(field.value),
                Some(_) => self.note_broken(Rule::HostRepeated, field.name.as_bytes()),
            },
            6 if is("expect") => self.note_expectation(field.value),
            10 if is("connection") => self.note_connection_options(field.value),
            14 if is("content-length") => match self.framing.length {
                None => self.framing.length = Some(field.value),
                Some(_) => self.note_broken(Rule::LengthRepeated, field.name.as_bytes()),
            },
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

/// Where `part`, a piece of `whole`, begins in it. The split gives empty values that are pieces of nothing: these
/// count as the whole's start.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    let distance = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if distance < whole.len() { distance } else { 0 }
}

/// Field lines that are split without asking the allocator for a table.
const USUAL_FIELDS: usize = 16;

const CRLF: &[u8] = b"\r\n";
