//! A response before it is bytes: status, field lines, content (RFC 9110 §15, RFC 9112 §4).

use std::borrow::Cow;

use bytes::Bytes;

use super::message::Version;

/// A final response. Date, framing and persistence are not its business: the connection adds them.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<Cow<'static, str>>,
    pub content: Bytes,
    fields: Vec<(&'static str, Cow<'static, str>)>,
}

/// A response that never changes, encoded once: each answer adds the date, and whether the connection persists.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) response: Response,
    /// What follows the Date field: the field lines, Content-Length included, the empty line, and the content.
    pub(super) rest: Vec<u8>,
    /// How much of `rest` is field lines.
    pub(super) fields_bytes: usize,
}

impl Prepared {
    /// # Panics
    /// When a response with this status has no content: then there is nothing to prepare.
    pub fn new(response: Response) -> Prepared {
        assert!(!is_without_content(response.status), "{} has no content", response.status);
        let mut rest = Vec::new();
        response.encode_fields(&mut rest);
        push_field("Content-Length", itoa::Buffer::new().format(response.content.len()), &mut rest);
        let fields_bytes = rest.len();
        rest.extend_from_slice(b"\r\n");
        rest.extend_from_slice(&response.content);
        Prepared { response, rest, fields_bytes }
    }

    /// The response that was prepared.
    pub fn response(&self) -> &Response {
        &self.response
    }
}

/// The text of a Date field: an IMF-fixdate (RFC 9110 §5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date([u8; IMF_FIXDATE_BYTES]);

impl Date {
    /// # Panics
    /// When the text does not have the length of an IMF-fixdate, or is not ASCII.
    pub fn new(text: &str) -> Date {
        assert!(text.is_ascii(), "{text:?} is no date");
        Date(text.as_bytes().try_into().expect("an IMF-fixdate has 29 characters"))
    }
}

/// How a client learns where the content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes: Content-Length.
    Known(u64),
    /// Chunked where the client understands it, else the end of the connection.
    Unknown,
    /// The end of the connection, whatever the client understands.
    UntilClose,
}

impl Response {
    /// A response without content.
    pub fn new(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    pub fn text(status: u16, content: impl Into<Bytes>) -> Response {
        Response::new(status).with_content("text/plain; charset=utf-8", content)
    }

    pub fn with_status(mut self, status: u16) -> Response {
        self.status = status;
        self
    }

    pub fn with_content(
        mut self,
        content_type: impl Into<Cow<'static, str>>,
        content: impl Into<Bytes>,
    ) -> Response {
        self.content_type = Some(content_type.into());
        self.content = content.into();
        self
    }

    /// Adds a field line.
    ///
    /// # Panics
    /// When the value holds a control byte: it would become a line of its own in the head (response splitting).
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Response {
        let value = value.into();
        assert!(
            !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'),
            "a control byte in {name}"
        );
        self.fields.push((name, value));
        self
    }

    pub(super) fn encode_fields(&self, out: &mut Vec<u8>) {
        if let Some(content_type) = &self.content_type {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(content_type.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        for (name, value) in &self.fields {
            push_field(name, value, out);
        }
    }
}

/// Appends a status line and the Date field. The version is the server's own, whatever the request's was
/// (RFC 9110 §2.5).
pub(super) fn push_start(status: u16, date: &Date, out: &mut Vec<u8>) {
    out.reserve(USUAL_HEAD_BYTES);
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\nDate: ");
    } else {
        push_status(status, out);
        out.extend_from_slice(b"Date: ");
    }
    out.extend_from_slice(&date.0);
    out.extend_from_slice(b"\r\n");
}

/// Appends a status line.
pub(super) fn push_status(status: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub(super) fn push_field(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Whether a response with this status has no content whatever its fields say (RFC 9110 §6.4.1).
pub fn is_without_content(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// What a connection does with a length, given the version that the client speaks.
pub(super) fn is_chunked(length: Length, version: Version) -> bool {
    length == Length::Unknown && version == Version::Http11
}

/// The reason phrase of a status code, as its registry names it; empty for a code that has none.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        104 => "Upload Resumption Supported",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        // Not registered: tus has made it up.
        460 => "Checksum Mismatch",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

/// Room for the heads that most responses have, asked for once instead of field by field.
const USUAL_HEAD_BYTES: usize = 256;

const IMF_FIXDATE_BYTES: usize = 29;
