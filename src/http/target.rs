//! The request target and its forms, and the host that a request is for (RFC 9112 §3.2, RFC 3986).

use core::net::Ipv6Addr;

use super::error::{Fault, Rule};
use super::grammar::{hex_digit, is_name_byte, is_target_byte};
use super::message::Method;

/// A checked request target. Paths and queries are as they were typed, percent-encoding included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'b> {
    /// `/path?query` (RFC 9112 §3.2.1).
    Origin { path: &'b str, query: Option<&'b str> },
    /// `http://authority/path?query` (RFC 9112 §3.2.2). Its authority wins over the Host field.
    Absolute { authority: &'b str, path: &'b str, query: Option<&'b str> },
    /// `*`, about the server as a whole (RFC 9112 §3.2.4).
    Asterisk,
}

impl<'b> Target<'b> {
    /// Reads a target that stands in a request line with this method.
    ///
    /// ```text
    /// request-target = origin-form / absolute-form / authority-form / asterisk-form
    /// ```
    pub fn parse(method: Method, bytes: &'b [u8]) -> Result<Target<'b>, Fault> {
        match bytes {
            _ if method == Method::Connect => Err(Fault::new(Rule::Connect, 0)),
            [b'/', ..] => {
                let (path, query) = path_and_query(bytes)?;
                Ok(Target::Origin { path, query })
            }
            b"*" if method == Method::Options => Ok(Target::Asterisk),
            b"*" => Err(Fault::new(Rule::TargetAsterisk, 0)),
            _ => absolute_form(bytes),
        }
    }

    /// The path; `*` for the asterisk form.
    pub fn path(&self) -> &'b str {
        match *self {
            Target::Origin { path, .. } | Target::Absolute { path, .. } => path,
            Target::Asterisk => "*",
        }
    }

    pub fn query(&self) -> Option<&'b str> {
        match *self {
            Target::Origin { query, .. } | Target::Absolute { query, .. } => query,
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
    let authority = check_host(&bytes[start..end]).map_err(|fault| fault.moved(start))?;
    let (path, query) = path_and_query(&bytes[end..]).map_err(|fault| fault.moved(end))?;
    let path = if path.is_empty() { "/" } else { path };
    Ok(Target::Absolute { authority, path, query })
}

fn neither_path_nor_uri(bytes: &[u8]) -> Fault {
    if let Err(fault) = path_and_query(bytes) {
        return fault;
    }
    let port = bytes.iter().rposition(|byte| *byte == b':').map(|colon| &bytes[colon + 1..]);
    match port {
        Some([_, ..]) if check_host(bytes).is_ok() => Fault::new(Rule::TargetAuthority, 0),
        _ => Fault::new(Rule::TargetForm, 0),
    }
}

/// Checks every byte once and splits at the first `?`.
fn path_and_query(bytes: &[u8]) -> Result<(&str, Option<&str>), Fault> {
    let mut question = None;
    for (at, byte) in bytes.iter().copied().enumerate() {
        if !is_target_byte(byte) {
            return Err(Fault::new(broken_target_rule(byte), at));
        }
        if byte == b'?' && question.is_none() {
            question = Some(at);
        }
        if byte == b'%' {
            check_percent(bytes, at)?;
        }
    }
    let text = ascii(bytes);
    Ok(match question {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    })
}

fn broken_target_rule(byte: u8) -> Rule {
    match byte {
        b'#' => Rule::TargetFragment,
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
pub fn check_host(bytes: &[u8]) -> Result<&str, Fault> {
    if let Some(at) = memchr::memchr(b'@', bytes) {
        return Err(Fault::new(Rule::HostUserinfo, at));
    }
    let name_end = match bytes {
        [b'[', ..] => address_end(bytes)?,
        _ => bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()),
    };
    if bytes.first() != Some(&b'[') {
        for (at, byte) in bytes[..name_end].iter().copied().enumerate() {
            if !is_name_byte(byte) {
                return Err(Fault::new(Rule::HostByte, at));
            }
            if byte == b'%' {
                check_percent(bytes, at)?;
            }
        }
    }
    check_port(bytes, name_end)?;
    Ok(ascii(bytes))
}

/// Where `"[" IPv6address "]"` ends.
fn address_end(bytes: &[u8]) -> Result<usize, Fault> {
    let end = bytes.iter().position(|byte| *byte == b']');
    let address = end.and_then(|end| str::from_utf8(&bytes[1..end]).ok());
    match (end, address.map(str::parse::<Ipv6Addr>)) {
        (Some(end), Some(Ok(_))) => Ok(end + 1),
        _ => Err(Fault::new(Rule::HostAddress, 0)),
    }
}

/// `[ ":" *DIGIT ]` behind the host; a number above 65535 is no port.
fn check_port(bytes: &[u8], colon: usize) -> Result<(), Fault> {
    let Some((first, digits)) = bytes[colon..].split_first() else {
        return Ok(());
    };
    if *first != b':' {
        return Err(Fault::new(Rule::HostByte, colon));
    }
    let mut port = 0u32;
    for (at, digit) in digits.iter().copied().enumerate() {
        port = port.saturating_mul(10) + u32::from(digit.wrapping_sub(b'0'));
        match digit {
            b'0'..=b'9' if port <= u32::from(u16::MAX) => {}
            b'/' | b'?' | b'#' => return Err(Fault::new(Rule::HostByte, colon + 1 + at)),
            _ => return Err(Fault::new(Rule::HostPort, colon + 1 + at)),
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
