//! The nouns of a request: method, version, field lines (RFC 9110 §6, §9; RFC 9112 §2, §3).

use super::framing::Framing;
use super::grammar::trim;
use super::target::Target;

/// A request method (RFC 9110 §9; PATCH: RFC 5789).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Trace,
    Connect,
    /// A well-formed token that names no method known here: 501.
    Unknown,
}

impl Method {
    /// The method that a token names; methods are case-sensitive (RFC 9110 §9.1).
    pub fn from_token(token: &[u8]) -> Method {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"PATCH" => Method::Patch,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Unknown,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Patch => "PATCH",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Unknown => "(unknown)",
        }
    }
}

/// The minor version of HTTP/1 that decides how an exchange goes. A request of 1.x with x > 1 is answered as 1.1
/// (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
}

/// The head of a request, its bytes borrowed from where they arrived. Everything in it has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'b> {
    pub method: Method,
    pub target: Target<'b>,
    pub version: Version,
    pub fields: Fields<'b>,
    pub framing: Framing,
    /// Whether the connection may stay open after this exchange (RFC 9112 §9.3).
    pub persist: bool,
    /// Whether the client waits for a 100 (Continue) before it sends the content (RFC 9110 §10.1.1).
    pub expects_continue: bool,
    /// The whole head as it arrived, from the method to the empty line.
    pub head: &'b [u8],
}

impl<'b> Request<'b> {
    /// No request yet: where the first one is to be read into.
    pub const NONE: Request<'static> = Request {
        method: Method::Unknown,
        target: Target::Asterisk,
        version: Version::Http11,
        fields: Fields { section: b"" },
        framing: Framing::None,
        persist: false,
        expects_continue: false,
        head: b"",
    };

    /// The request line as it was typed.
    pub fn line(&self) -> &'b str {
        let end = memchr::memchr(b'\r', self.head).unwrap_or(self.head.len());
        str::from_utf8(&self.head[..end]).unwrap_or_default()
    }

    /// The host and port that the request is for: "the host information from the request-target" of an absolute
    /// form, whatever the Host field says (RFC 9112 §3.2.2). Empty or absent when nobody was named.
    pub fn authority(&self) -> Option<&'b str> {
        match self.target {
            Target::Absolute { authority, .. } => Some(authority),
            Target::Origin { .. } | Target::Asterisk => self.fields.text("host"),
        }
    }
}

/// The field lines of a head or a trailer section, as they arrived and already checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'b> {
    section: &'b [u8],
}

impl<'b> Fields<'b> {
    /// Of a section whose every line is `name ":" OWS value OWS CRLF`, up to and without the empty line.
    pub(super) fn checked(section: &'b [u8]) -> Fields<'b> {
        Fields { section }
    }

    /// The whole lines of a head that breaks a rule later on; empty lines may stand before it.
    pub fn before_fault(mut head: &'b [u8]) -> Fields<'b> {
        while let [b'\r', b'\n', behind @ ..] = head {
            head = behind;
        }
        let start = memchr::memchr(b'\n', head).map_or(head.len(), |lf| lf + 1);
        let end = memchr::memrchr(b'\n', head).map_or(start, |lf| lf + 1);
        Fields { section: &head[start..end] }
    }

    pub fn is_empty(&self) -> bool {
        self.section.is_empty()
    }

    /// Name and value of each field line, in order; names as they were typed, values without the blanks around them.
    pub fn iter(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.lines().map(|(_, name, value)| (name, value))
    }

    /// The same with each line's offset from the start of the section.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &'b str, &'b [u8])> + use<'b> {
        let (section, mut start) = (self.section, 0);
        std::iter::from_fn(move || {
            let line = &section[start..];
            let end = memchr::memchr(b'\n', line)?;
            let colon = memchr::memchr(b':', &line[..end])?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            // A line that was never checked may be too short for its CR.
            let item = (start, name, trim(line.get(colon + 1..end - 1)?));
            start += end + 1;
            Some(item)
        })
    }

    /// The values of every field line with this name, compared without case (RFC 9110 §5.1).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        self.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first field line with this name.
    pub fn first(&self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    /// The first value with this name, if it is text.
    pub fn text(&self, name: &str) -> Option<&'b str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_before_a_fault_end_where_they_cannot_be_read() {
        let fields = Fields::before_fault(b"\r\nGET / HTTP/1.1\r\na: 1\r\nb:\nc: 3\r\nd");
        assert!(fields.iter().eq([("a", &b"1"[..])]));
    }
}
