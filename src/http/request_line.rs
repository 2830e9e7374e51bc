//! The first line of a request, read by hand (RFC 9112 §3).

use super::error::{Fault, Rule};
use super::grammar::is_token_byte;
use super::message::{Method, Request, Version};

/// ```text
/// request-line = method SP request-target SP HTTP-version
/// ```
pub(super) fn read_request_line<'b>(line: &'b [u8], request: &mut Request<'b>) -> Result<(), Fault> {
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
    if bytes == b"HTTP/1.1" {
        return Ok(Version::Http11); // one comparison of a word, where a table of patterns would compare bytes
    }
    match bytes {
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
