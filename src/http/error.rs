//! Every rule that a peer can break, one variant each, and what to type instead.
//!
//! A [`Fault`] is found by a pure function and points into the bytes it was shown; the connection turns it into an
//! [`Error`], which points into the connection's stream and carries the bytes up to the fault. Only bytes *before*
//! the fault are shown: those behind it may not have arrived yet, and the same bytes get the same answer however
//! they were cut on their way.

use std::fmt;

/// A broken rule and where, counted from the start of the bytes in which it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub rule: Rule,
    pub at: usize,
}

impl Fault {
    pub(super) fn new(rule: Rule, at: usize) -> Fault {
        Fault { rule, at }
    }

    /// The same fault, seen from bytes that begin `by` earlier.
    pub(super) fn moved(self, by: usize) -> Fault {
        Fault { at: self.at + by, ..self }
    }
}

/// A broken rule and where, counted from the first byte that the peer sent on this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub rule: Rule,
    /// The offset of the byte that breaks the rule; the end of what was received, when something is missing.
    pub offset: u64,
    /// The byte that breaks the rule, when one does.
    pub byte: Option<u8>,
    /// The bytes that stood there, ending with the one at `offset`; from the start of the element they belong to.
    pub excerpt: Vec<u8>,
}

impl Error {
    pub(super) fn new(fault: Fault, shown: &[u8], shown_at: u64) -> Error {
        let end = shown.len().min(fault.at + 1);
        let start = end.saturating_sub(EXCERPT_BYTES);
        Error {
            rule: fault.rule,
            offset: shown_at + fault.at as u64,
            byte: shown.get(fault.at).copied(),
            excerpt: shown[start..end].to_vec(),
        }
    }

    /// The status code that answers it.
    pub fn status(&self) -> u16 {
        self.rule.lesson().status
    }

    /// The stream offset at which the excerpt begins.
    pub fn excerpt_offset(&self) -> u64 {
        let behind = self.excerpt.len() as u64 - u64::from(self.byte.is_some());
        self.offset - behind
    }
}

impl fmt::Display for Error {
    /// Status, rule and source: the line that fixtures show behind `!`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lesson { status, claim, source, .. } = self.rule.lesson();
        write!(f, "{status} {claim} ({source})")
    }
}

impl std::error::Error for Error {}

/// What a broken rule has to teach.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The status code of the refusal.
    pub status: u16,
    /// The rule, as a sentence about what was received.
    pub claim: &'static str,
    /// RFC and section.
    pub source: &'static str,
    /// What to type instead.
    pub advice: &'static str,
}

/// The rules, in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    BareLf,
    EmptyLines,
    RequestLineLong,
    HeadLong,
    FieldsMany,
    MethodMissing,
    MethodByte,
    Tls,
    TargetMissing,
    TargetSpace,
    TargetFragment,
    TargetNotAscii,
    TargetByte,
    TargetPercent,
    TargetForm,
    TargetAuthority,
    TargetAsterisk,
    TargetSecured,
    TargetHostEmpty,
    Connect,
    VersionMissing,
    VersionMalformed,
    VersionUnsupported,
    FieldFolded,
    FieldNameMissing,
    FieldColonMissing,
    FieldSpaceBeforeColon,
    FieldNameByte,
    BareCr,
    FieldControl,
    HostMissing,
    HostRepeated,
    HostUserinfo,
    HostByte,
    HostAddress,
    HostPort,
    CodingOn10,
    CodingMalformed,
    CodingParameter,
    ChunkedTwice,
    ChunkedNotLast,
    CodingUnknown,
    LengthWithCoding,
    LengthRepeated,
    LengthNotDigits,
    LengthOverflow,
    ExpectationUnknown,
    ChunkSizeMissing,
    ChunkSizeByte,
    ChunkSizeOverflow,
    ChunkExtension,
    ChunkLineEnd,
    ChunkLineLong,
    ChunkExtensionsLong,
    ChunkEnd,
    HeadTruncated,
    ContentTruncated,
    HeadSlow,
    ContentSlow,
}

impl Rule {
    /// Status, sentence, source and way out of each rule.
    #[rustfmt::skip]
    pub fn lesson(self) -> Lesson {
        let (status, claim, source, advice) = match self {
            Rule::BareLf => (400, "a line ends with LF alone; it has to end with CRLF", "RFC 9112 §2.2",
                "nc -C (sends CRLF for every Enter), telnet, or printf '...\\r\\n' | nc"),
            Rule::EmptyLines => (400, "too many empty lines stand before a request line", "RFC 9112 §2.2",
                "begin with the request line: GET / HTTP/1.1"),
            Rule::RequestLineLong => (414, "the request line is longer than this server reads", "RFC 9112 §3",
                "a shorter target, or content by POST; the server's option --max-request-line sets the limit"),
            Rule::HeadLong => (431, "the head is larger than this server keeps", "RFC 6585 §5",
                "fewer or shorter field lines (cookies?); the server's option --max-head sets the limit"),
            Rule::FieldsMany => (431, "the head has more field lines than this server keeps", "RFC 6585 §5",
                "fewer field lines; the server's option --max-fields sets the limit"),
            Rule::MethodMissing => (400, "the request line begins with a space instead of a method", "RFC 9112 §3",
                "GET / HTTP/1.1, with nothing before the method"),
            Rule::MethodByte => (400, "this byte cannot stand in a method", "RFC 9110 §9.1, §5.6.2",
                "GET / HTTP/1.1; a method is a token: letters, digits and !#$%&'*+-.^_`|~"),
            Rule::Tls => (400, "this byte begins a TLS handshake, and TLS is not spoken here", "RFC 8446 §5.1",
                "http:// where https:// stood"),
            Rule::TargetMissing => (400, "the request line has no target where one is due", "RFC 9112 §3",
                "GET / HTTP/1.1, with exactly one space before and after the target"),
            Rule::TargetSpace => (400, "a space stands inside the request target", "RFC 9112 §3.2",
                "%20 for a space in the target; the request line has two spaces, no more"),
            Rule::TargetFragment => (400, "a fragment is never sent to a server", "RFC 9112 §3.2.1, RFC 3986 §3.5",
                "the target without the part from \"#\" on, or %23 for the character"),
            Rule::TargetNotAscii => (400, "a byte outside ASCII stands in the request target", "RFC 3986 §2.1",
                "each byte of the character as %XX: \u{e4} is %C3%A4"),
            Rule::TargetByte => (400, "this byte cannot stand in a request target", "RFC 3986 §3.3, §3.4",
                "the byte as %XX, its value in hexadecimal"),
            Rule::TargetPercent => (400, "\"%\" has to be followed by two hexadecimal digits", "RFC 3986 §2.1",
                "%25 for the character \"%\" itself"),
            Rule::TargetForm => (400, "the request target has none of the forms that a server answers", "RFC 9112 §3.2",
                "a path that begins with \"/\", or http://host/path"),
            Rule::TargetAuthority => (400, "a target of host and port belongs to CONNECT alone", "RFC 9112 §3.2.3",
                "a path that begins with \"/\", or http://host/path"),
            Rule::TargetAsterisk => (400, "the target \"*\" belongs to OPTIONS alone", "RFC 9112 §3.2.4",
                "OPTIONS * HTTP/1.1, or a path that begins with \"/\""),
            Rule::TargetSecured => (421, "an https resource is not served over a connection without TLS", "RFC 9110 §7.4",
                "http:// instead of https://, or a path that begins with \"/\""),
            Rule::TargetHostEmpty => (400, "an http URI has a host behind its \"//\"", "RFC 9110 §4.2.1",
                "a path that begins with \"/\", or http://host/path"),
            Rule::Connect => (400, "CONNECT asks for a tunnel, and this server is no proxy", "RFC 9110 §9.3.6",
                "GET / HTTP/1.1"),
            Rule::VersionMissing => (400, "the request line has no version (HTTP/0.9 is not spoken here)", "RFC 9112 §3",
                "GET / HTTP/1.1"),
            Rule::VersionMalformed => (400, "the version does not read HTTP/digit.digit", "RFC 9112 §2.3",
                "HTTP/1.1, in capitals, and nothing behind it"),
            Rule::VersionUnsupported => (505, "this major version of HTTP is not spoken here", "RFC 9110 §15.6.6",
                "HTTP/1.1"),
            Rule::FieldFolded => (400, "a field line begins with a blank: folded lines are obsolete", "RFC 9112 §5.2",
                "the whole value on one line"),
            Rule::FieldNameMissing => (400, "a field line begins with its colon: it has no name", "RFC 9112 §5",
                "Name: value"),
            Rule::FieldColonMissing => (400, "a field line has no colon", "RFC 9112 §5",
                "Name: value; an empty line ends the head"),
            Rule::FieldSpaceBeforeColon => (400, "a blank stands between a field name and its colon", "RFC 9112 §5.1",
                "Name: value, the colon right behind the name"),
            Rule::FieldNameByte => (400, "this byte cannot stand in a field name", "RFC 9110 §5.1, §5.6.2",
                "Name: value; a name is a token: letters, digits and !#$%&'*+-.^_`|~"),
            Rule::BareCr => (400, "CR stands without LF", "RFC 9112 §2.2",
                "CRLF at the end of a line, and no CR inside it"),
            Rule::FieldControl => (400, "a control byte stands in a field value", "RFC 9110 §5.5",
                "printable characters, spaces and tabs"),
            Rule::HostMissing => (400, "a request of HTTP/1.1 has to have a Host field line", "RFC 9112 §3.2",
                "Host: localhost, on a line of its own"),
            Rule::HostRepeated => (400, "the head has a second Host field line", "RFC 9112 §3.2",
                "one Host field line"),
            Rule::HostUserinfo => (400, "a host has no user information before it", "RFC 9110 §7.2, §4.2.4",
                "Host: localhost, without the part up to \"@\""),
            Rule::HostByte => (400, "this byte cannot stand in a host", "RFC 9110 §7.2, RFC 3986 §3.2.2",
                "Host: localhost:8000; host and port, without scheme or path"),
            Rule::HostAddress => (400, "the brackets do not hold an IPv6 address", "RFC 3986 §3.2.2",
                "Host: [::1]:8000"),
            Rule::HostPort => (400, "the port is no number from 0 to 65535", "RFC 3986 §3.2.3",
                "Host: localhost:8000"),
            Rule::CodingOn10 => (400, "HTTP/1.0 knows no transfer coding", "RFC 9112 §6.1",
                "HTTP/1.1, or Content-Length"),
            Rule::CodingMalformed => (400, "the transfer coding is no list of tokens", "RFC 9112 §6.1",
                "Transfer-Encoding: chunked"),
            Rule::CodingParameter => (400, "chunked has no parameters", "RFC 9112 §7.1",
                "Transfer-Encoding: chunked"),
            Rule::ChunkedTwice => (400, "chunked is applied twice", "RFC 9112 §6.1",
                "Transfer-Encoding: chunked, once"),
            Rule::ChunkedNotLast => (400, "chunked is not the last transfer coding", "RFC 9112 §6.3",
                "chunked at the end of the list"),
            Rule::CodingUnknown => (501, "this transfer coding is not implemented here", "RFC 9112 §6.1",
                "Transfer-Encoding: chunked"),
            Rule::LengthWithCoding => (400, "Content-Length stands together with Transfer-Encoding", "RFC 9112 §6.3",
                "one of the two: two readers could see two different ends"),
            Rule::LengthRepeated => (400, "the length is given more than once", "RFC 9112 §6.3",
                "one Content-Length with one number"),
            Rule::LengthNotDigits => (400, "the length is not made of decimal digits", "RFC 9110 §8.6",
                "Content-Length: 5; no sign, no blank, no hexadecimal"),
            Rule::LengthOverflow => (400, "the length is beyond 64 bits", "RFC 9110 §8.6",
                "a Content-Length below 18446744073709551616"),
            Rule::ExpectationUnknown => (417, "this expectation cannot be met", "RFC 9110 §10.1.1",
                "Expect: 100-continue, or no Expect"),
            Rule::ChunkSizeMissing => (400, "a chunk begins without its size", "RFC 9112 §7.1",
                "5\\r\\nhello\\r\\n: the size in hexadecimal, CRLF, the data, CRLF"),
            Rule::ChunkSizeByte => (400, "this byte cannot follow a chunk size", "RFC 9112 §7.1",
                "hexadecimal digits without 0x or sign, then CRLF: 1a\\r\\n"),
            Rule::ChunkSizeOverflow => (400, "the chunk size is beyond 64 bits", "RFC 9112 §7.1",
                "smaller chunks"),
            Rule::ChunkExtension => (400, "the chunk extension is malformed", "RFC 9112 §7.1.1",
                "5;name=value or 5;name=\"quoted value\", then CRLF"),
            Rule::ChunkLineEnd => (400, "CR without LF ends the chunk size", "RFC 9112 §7.1",
                "CRLF right behind the size"),
            Rule::ChunkLineLong => (400, "the line of a chunk size is longer than this server reads", "RFC 9112 §7.1.1",
                "shorter chunk extensions"),
            Rule::ChunkExtensionsLong => (400, "the chunk extensions are longer than this server reads in one message",
                "RFC 9112 §7.1.1", "fewer chunk extensions"),
            Rule::ChunkEnd => (400, "the data of a chunk is not followed by CRLF", "RFC 9112 §7.1",
                "a chunk size that counts the data exactly, and CRLF behind the data"),
            Rule::HeadTruncated => (400, "the stream ends inside a head", "RFC 9112 §8",
                "an empty line (CRLF by itself) behind the last field line"),
            Rule::ContentTruncated => (400, "the stream ends inside the content", "RFC 9112 §8",
                "as many bytes as Content-Length says, or the last chunk: 0\\r\\n\\r\\n"),
            Rule::HeadSlow => (408, "the head is not complete in the time that this server waits", "RFC 9110 §15.5.9",
                "the empty line that ends the head, sooner; the server's option --head-timeout sets the time"),
            Rule::ContentSlow => (408, "no byte of the content came in the time that this server waits", "RFC 9110 §15.5.9",
                "the rest of the content, sooner; the server's option --idle-timeout sets the time"),
        };
        Lesson { status, claim, source, advice }
    }
}

/// Two rows of a dump at most: the one with the fault and the one before.
const EXCERPT_BYTES: usize = 32;
