//! The request target and its forms, and the host that a request is for (RFC 9112 §3.2, RFC 3986).

use core::net::Ipv6Addr;

use super::error::{Fault, Rule};
use super::grammar::{hex_digit, is_name_byte, is_plain_path_byte};
use super::message::Method;

/// A checked request target. Paths and queries are as they were typed, percent-encoding included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'b> {
    /// `/path?query` (RFC 9112 §3.2.1).
    Origin(Path<'b>),
    /// `http://authority/path?query` (RFC 9112 §3.2.2). Its authority wins over the Host field.
    Absolute { authority: &'b str, path: Path<'b> },
    /// `*`, about the server as a whole (RFC 9112 §3.2.4).
    Asterisk,
}

/// A path and perhaps a query, every byte of them found in a table of ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'b> {
    bytes: &'b [u8],
    question: Option<usize>,
}

impl<'b> Path<'b> {
    /// The path, as bytes: comparing them costs no check that they are text.
    pub fn bytes(&self) -> &'b [u8] {
        match self.bytes {
            [] | [b'?', ..] => b"/",
            bytes => &bytes[..self.question.unwrap_or(bytes.len())],
        }
    }

    /// Whether an absolute form ends with its authority. The path counts as `/` then, but not to OPTIONS
    /// (RFC 9110 §4.2.3).
    pub fn is_absent(&self) -> bool {
        self.bytes.is_empty()
    }

    fn query(&self) -> Option<&'b [u8]> {
        self.question.map(|at| &self.bytes[at + 1..])
    }
}

impl<'b> Target<'b> {
    /// Reads a target that stands in a request line with this method.
    ///
    /// ```text
    /// request-target = origin-form / absolute-form / authority-form / asterisk-form
    /// ```
    pub(super) fn read(&mut self, method: Method, bytes: &'b [u8]) -> Result<(), Fault> {
        *self = match bytes {
            _ if method == Method::Connect => return Err(Fault::new(Rule::Connect, 0)),
            [b'/', ..] => Target::Origin(Path { bytes, question: check_path(bytes)? }),
            b"*" if method == Method::Options => Target::Asterisk,
            b"*" => return Err(Fault::new(Rule::TargetAsterisk, 0)),
            _ => absolute_form(bytes)?,
        };
        Ok(())
    }

    /// The path; `*` for the asterisk form.
    pub fn path(&self) -> &'b str {
        match self {
            Target::Origin(path) | Target::Absolute { path, .. } => ascii(path.bytes()),
            Target::Asterisk => "*",
        }
    }

    pub fn query(&self) -> Option<&'b str> {
        match self {
            Target::Origin(path) | Target::Absolute { path, .. } => path.query().map(ascii),
            Target::Asterisk => None,
        }
    }
}

/// ```text
/// absolute-form = scheme ":" "//" authority path-abempty [ "?" query ]
/// ```
fn absolute_form(bytes: &[u8]) -> Result<Target<'_>, Fault> {
    let Some(colon) = memchr::memmem::find(bytes, b"://") else {
        return Err(neither_path_nor_uri(bytes));
    };
    let scheme = &bytes[..colon];
    if scheme.eq_ignore_ascii_case(b"https") {
        return Err(Fault::new(Rule::TargetSecured, 0));
    }
    if !scheme.eq_ignore_ascii_case(b"http") {
        return Err(Fault::new(Rule::TargetForm, 0));
    }
    let start = colon + 3;
    let end = bytes[start..]
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .map_or(bytes.len(), |at| start + at);
    if matches!(bytes[start..end], [] | [b':', ..]) {
        return Err(Fault::new(Rule::TargetHostEmpty, start));
    }
    check_host(&bytes[start..end]).map_err(|fault| fault.moved(start))?;
    let bytes_of_path = &bytes[end..];
    let question = check_path(bytes_of_path).map_err(|fault| fault.moved(end))?;
    let path = Path { bytes: bytes_of_path, question };
    Ok(Target::Absolute { authority: ascii(&bytes[start..end]), path })
}

fn neither_path_nor_uri(bytes: &[u8]) -> Fault {
    if let Err(fault) = check_path(bytes) {
        return fault;
    }
    let port = bytes.iter().rposition(|byte| *byte == b':').map(|colon| &bytes[colon + 1..]);
    match port {
        Some([_, ..]) if check_host(bytes).is_ok() => Fault::new(Rule::TargetAuthority, 0),
        _ => Fault::new(Rule::TargetForm, 0),
    }
}

/// Checks every byte once; answers where the first `?` is.
fn check_path(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let mut question = None;
    let mut at = 0;
    loop {
        at += plain_bytes(&bytes[at..], is_plain_path_byte);
        match bytes.get(at) {
            None => return Ok(question),
            Some(b'?') => question = question.or(Some(at)),
            Some(b'%') => check_percent(bytes, at)?,
            Some(byte) => return Err(Fault::new(broken_target_rule(*byte), at)),
        }
        at += 1;
    }
}

/// How many bytes at the start are of a class.
fn plain_bytes(bytes: &[u8], is_plain: fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_plain(*byte)).unwrap_or(bytes.len())
}

fn broken_target_rule(byte: u8) -> Rule {
    match byte {
        b'#' => Rule::TargetFragment,
        b' ' => Rule::TargetSpace,
        b'\r' => Rule::BareCr,
        0x80.. => Rule::TargetNotAscii,
        _ => Rule::TargetByte,
    }
}

/// `pct-encoded = "%" HEXDIG HEXDIG` (RFC 3986 §2.1).
fn check_percent(bytes: &[u8], at: usize) -> Result<(), Fault> {
    for digit in [at + 1, at + 2] {
        if bytes.get(digit).copied().and_then(hex_digit).is_none() {
            return Err(Fault::new(Rule::TargetPercent, at));
        }
    }
    Ok(())
}

/// Checks a host and an optional port; the faults point into `bytes`.
///
/// ```text
/// Host = uri-host [ ":" port ]        uri-host = IP-literal / IPv4address / reg-name
/// ```
/// An empty host is well-formed: it stands for the server's own name (RFC 9112 §3.3).
pub fn check_host(bytes: &[u8]) -> Result<(), Fault> {
    let end = if bytes.first() == Some(&b'[') { address_end(bytes)? } else { name_end(bytes)? };
    match bytes.get(end) {
        None => Ok(()),
        Some(b':') => check_port(bytes, end + 1),
        Some(_) => Err(broken_host(bytes, end)),
    }
}

/// Where `reg-name = *( unreserved / pct-encoded / sub-delims )` ends.
fn name_end(bytes: &[u8]) -> Result<usize, Fault> {
    let mut at = plain_bytes(bytes, is_name_byte);
    while bytes.get(at) == Some(&b'%') {
        check_percent(bytes, at)?;
        at += 1 + plain_bytes(&bytes[at + 1..], is_name_byte);
    }
    Ok(at)
}

/// What precedes an `@` is user information, whatever it holds.
#[cold]
fn broken_host(bytes: &[u8], at: usize) -> Fault {
    match bytes.iter().position(|byte| *byte == b'@') {
        Some(at) => Fault::new(Rule::HostUserinfo, at),
        None => Fault::new(Rule::HostByte, at),
    }
}

/// Where `"[" IPv6address "]"` ends. RFC 3986 §3.2.2 has a place for addresses of a later version (`IPvFuture`);
/// there are none.
fn address_end(bytes: &[u8]) -> Result<usize, Fault> {
    let end = bytes.iter().position(|byte| *byte == b']');
    let address = end.and_then(|end| str::from_utf8(&bytes[1..end]).ok());
    match (end, address.map(str::parse::<Ipv6Addr>)) {
        (Some(end), Some(Ok(_))) => Ok(end + 1),
        _ => Err(Fault::new(Rule::HostAddress, 0)),
    }
}

/// `port = *DIGIT`; a number above 65535 is no port.
fn check_port(bytes: &[u8], start: usize) -> Result<(), Fault> {
    let mut port = 0u32;
    for (at, digit) in bytes.iter().copied().enumerate().skip(start) {
        port = port.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0')));
        match digit {
            b'0'..=b'9' if port <= u32::from(u16::MAX) => {}
            b'0'..=b'9' => return Err(Fault::new(Rule::HostPort, at)),
            b'/' | b'?' | b'#' | b'@' => return Err(broken_host(bytes, at)),
            _ => return Err(Fault::new(Rule::HostPort, at)),
        }
    }
    Ok(())
}

/// Text of bytes that were all found to be ASCII.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("every byte was found in a table of ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports_and_addresses_are_well_formed() {
        for host in ["", "lab", "lab:", "lab:8000", "127.0.0.1:65535", "[::1]", "[::1]:80", "a%20b"] {
            assert!(check_host(host.as_bytes()).is_ok(), "{host}");
        }
    }

    #[test]
    fn each_malformed_host_breaks_its_rule_at_its_byte() {
        for (host, rule, at) in [
            ("user@lab", Rule::HostUserinfo, 4),
            ("lab/path", Rule::HostByte, 3),
            ("lab:80/path", Rule::HostByte, 6),
            ("lab:x", Rule::HostPort, 4),
            ("lab:65536", Rule::HostPort, 8),
            ("a b", Rule::HostByte, 1),
            ("[::1", Rule::HostAddress, 0),
            ("[::1]x", Rule::HostByte, 5),
            ("::1", Rule::HostPort, 1),
        ] {
            assert_eq!(check_host(host.as_bytes()), Err(Fault::new(rule, at)), "{host}");
        }
    }
}
