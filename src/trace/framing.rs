//! Where recorded messages end, read with an indulgent eye.
//!
//! The servers answer for strictness in their own core. This is for pictures of what has passed, refused requests
//! among it: it takes a bare LF for the end of a line, believes the first length it sees, and never fails.

/// How long a message goes on after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many more bytes.
    Length(u64),
    /// Chunks and a trailer section.
    Chunked(Chunked),
    /// To the end of the connection; and no other message follows.
    ToTheEnd,
}

/// Could these bytes begin a request: line breaks, a word in capitals, a space?
pub(super) fn may_begin_request(bytes: &[u8]) -> bool {
    let line = &bytes[bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..];
    let word = line.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    match line.get(word) {
        None => word <= MAX_METHOD_BYTES,
        Some(after) => word > 0 && *after == b' ',
    }
}

/// Could these bytes begin a response?
pub(super) fn may_begin_response(bytes: &[u8]) -> bool {
    let version = b"HTTP/1.";
    bytes.starts_with(version) || version.starts_with(bytes)
}

/// The body that follows the head of a request.
pub(super) fn request_body(head: &[u8]) -> Body {
    declared_body(head).unwrap_or(Body::Length(0))
}

/// The body that follows the head of a response (RFC 9112 §6.3).
pub(super) fn response_body(head: &[u8], answers_head: bool) -> Body {
    match status(head) {
        Some(101) => Body::ToTheEnd,
        Some(100..=199 | 204 | 304) => Body::Length(0),
        _ if answers_head => Body::Length(0),
        _ => declared_body(head).unwrap_or(Body::ToTheEnd),
    }
}

/// The status code of a response.
pub(super) fn status(head: &[u8]) -> Option<u16> {
    let digits = head.get("HTTP/1.1 ".len().."HTTP/1.1 200".len())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn declared_body(head: &[u8]) -> Option<Body> {
    let mut length = None;
    for line in head.split(|&byte| byte == b'\n') {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let value = value.trim_ascii().to_ascii_lowercase();
        if name.eq_ignore_ascii_case(b"transfer-encoding") && value.ends_with(b"chunked") {
            return Some(Body::Chunked(Chunked::Size(0)));
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            length = length.or(std::str::from_utf8(&value).ok().and_then(|value| value.parse().ok()));
        }
    }
    length.map(Body::Length)
}

/// Which byte of a chunked body comes next (RFC 9112 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// A digit of the chunk size, or what follows the digits so far.
    Size(u64),
    /// Something up to the end of the line with the chunk size.
    Extension(u64),
    /// One of so many bytes.
    Data(u64),
    /// The line break after the data of a chunk.
    DataEnd,
    /// The first byte of a line after the last chunk.
    TrailerLine,
    /// A later byte of such a line.
    TrailerRest,
    /// One of the next message.
    Done,
}

/// Where a piece of a body leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All of it belongs to the body, and there is more.
    More(Body),
    /// The body ends after so many bytes of it.
    Ends(usize),
    /// This is no body of that kind.
    Broken,
}

impl Body {
    /// Follows the body through `bytes`.
    pub fn advance(self, bytes: &[u8]) -> Progress {
        match self {
            Body::ToTheEnd => Progress::More(self),
            Body::Length(left) => match left.checked_sub(bytes.len() as u64) {
                None | Some(0) => Progress::Ends(left as usize),
                Some(left) => Progress::More(Body::Length(left)),
            },
            Body::Chunked(mut state) => {
                for (index, &byte) in bytes.iter().enumerate() {
                    state = match state.advance(byte) {
                        Some(Chunked::Done) => return Progress::Ends(index + 1),
                        Some(state) => state,
                        None => return Progress::Broken,
                    };
                }
                Progress::More(Body::Chunked(state))
            }
        }
    }

    /// Follows the body over bytes that nobody kept; `None` when it is lost.
    pub fn skip(self, missing: u64) -> Option<Body> {
        match self {
            Body::ToTheEnd => Some(self),
            Body::Length(left) => left.checked_sub(missing).map(Body::Length),
            Body::Chunked(_) => None,
        }
    }
}

impl Chunked {
    fn advance(self, byte: u8) -> Option<Self> {
        use Chunked::{Data, DataEnd, Done, Extension, Size, TrailerLine, TrailerRest};

        let digit = char::from(byte).to_digit(16);
        match (self, byte) {
            (Size(0) | Extension(0), b'\n') => Some(TrailerLine),
            (Size(size) | Extension(size), b'\n') => Some(Data(size)),
            (Size(size), b';' | b' ' | b'\t' | b'\r') => Some(Extension(size)),
            (Size(size), _) => Some(Size(size.checked_mul(16)? + u64::from(digit?))),
            (Extension(size), _) => Some(Extension(size)),
            (Data(1), _) => Some(DataEnd),
            (Data(left), _) => Some(Data(left - 1)),
            (DataEnd, b'\n') => Some(Size(0)),
            (DataEnd | TrailerLine, b'\r') => Some(self),
            (DataEnd, _) => None,
            (TrailerLine, b'\n') => Some(Done),
            (TrailerRest, b'\n') => Some(TrailerLine),
            (TrailerLine | TrailerRest, _) => Some(TrailerRest),
            (Done, _) => None,
        }
    }
}

const MAX_METHOD_BYTES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_ends_after_its_trailer_section() {
        let body = Body::Chunked(Chunked::Size(0));
        let whole = b"5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(body.advance(&[&whole[..], b"GET"].concat()), Progress::Ends(whole.len()));
        assert_eq!(body.advance(b"0\r\n\r\n"), Progress::Ends(5));
        assert_eq!(body.advance(b"5\r\nhellox"), Progress::Broken);
        assert_eq!(body.advance(b"ffffffffffffffffff"), Progress::Broken);
    }

    #[test]
    fn some_responses_have_no_body() {
        let response =
            |status: &str| format!("HTTP/1.1 {status} x\r\nContent-Length: 5\r\n\r\n").into_bytes();
        assert_eq!(response_body(&response("200"), false), Body::Length(5));
        assert_eq!(response_body(&response("200"), true), Body::Length(0));
        assert_eq!(response_body(&response("204"), false), Body::Length(0));
        assert_eq!(response_body(&response("101"), false), Body::ToTheEnd);
        assert_eq!(response_body(b"HTTP/1.1 200 OK\r\n\r\n", false), Body::ToTheEnd);
    }
}
