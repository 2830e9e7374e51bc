//! The opening handshake (RFC 6455 §4): from a request to the response that changes the protocol, or to a refusal.
//!
//! ```text
//! GET /ws/echo HTTP/1.1                          HTTP/1.1 101 Switching Protocols
//! Host: lab                                      Upgrade: websocket
//! Upgrade: websocket                             Connection: Upgrade
//! Connection: Upgrade                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//! Sec-WebSocket-Version: 13
//! Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//! ```

mod origin;
mod refusal;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};

use super::extension::Parameters;
use crate::http::grammar::{is_token, list};
use crate::http::{Fields, Method, Request, Version};
use origin::is_allowed;
pub use refusal::Refusal;

/// What a server agrees to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'p> {
    /// Origins that may open a connection besides those that always may, as browsers write them:
    /// `https://example.org`, with a port that is not the usual one.
    pub origins: &'p [String],
    /// The subprotocols that are spoken.
    pub protocols: &'p [&'static str],
    /// Whether messages are compressed for clients that offer it.
    pub deflate: bool,
}

/// An opening handshake that is answered by 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The value of Sec-WebSocket-Accept.
    pub accept: String,
    /// The subprotocol, when the client asked for one that is spoken.
    pub protocol: Option<&'static str>,
    /// What was agreed on for compression.
    pub deflate: Option<Parameters>,
}

/// Reads an opening handshake.
///
/// An origin may open a connection when there is none (no page of a browser is behind it), when it is on this
/// machine, when it is the host that the request is for, and when the policy lists it. A browser sends cookies along
/// with any page's handshake and reads the answer to it, so that everything else would be cross-site hijacking
/// (§10.2).
///
/// # Errors
/// The first thing that is wrong.
pub fn accept(request: &Request<'_>, policy: &Policy<'_>) -> Result<Accepted, Refusal> {
    check_request(request)?;
    let fields = &request.fields;
    if !is_only(fields, "sec-websocket-version", b"13") {
        return Err(Refusal::ProtocolVersion);
    }
    let key = key(fields)?;
    let host = request.authority().unwrap_or_default();
    if !is_allowed(fields.all("origin"), host, policy.origins) {
        return Err(Refusal::Origin);
    }
    let offers = fields.all("sec-websocket-extensions");
    let deflate = Parameters::negotiate(offers).map_err(|_| Refusal::ExtensionsMalformed)?;
    Ok(Accepted {
        accept: accept_key(key),
        protocol: preferred(fields, policy.protocols),
        deflate: deflate.filter(|_| policy.deflate),
    })
}

impl Accepted {
    /// The field lines of the response, in order.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            ("Sec-WebSocket-Accept", self.accept.clone()),
        ];
        fields.extend(self.protocol.map(|protocol| ("Sec-WebSocket-Protocol", protocol.to_owned())));
        fields.extend(self.deflate.map(|deflate| ("Sec-WebSocket-Extensions", deflate.encode())));
        fields
    }

    /// Appends the whole response; what follows it are frames.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        for (name, value) in self.fields() {
            for part in [name, ": ", &value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// What a server has to answer to a key: proof that it has read a handshake and not something else.
///
/// The server has to take the key as it is written and "concatenate this with the Globally Unique Identifier"; the
/// hash of both goes back (§1.3).
///
/// ```
/// use wirelab::websocket::handshake::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let hash = Sha1::new_with_prefix(key).chain_update(GUID).finalize();
    BASE64.encode(hash)
}

fn check_request(request: &Request<'_>) -> Result<(), Refusal> {
    match () {
        () if request.method != Method::Get => Err(Refusal::Method),
        // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request" (RFC 9110 §7.8).
        () if request.version == Version::Http10 => Err(Refusal::Version),
        () if !lists(&request.fields, "upgrade", "websocket") => Err(Refusal::UpgradeMissing),
        () if !lists(&request.fields, "connection", "upgrade") => Err(Refusal::ConnectionMissing),
        () if request.framing.has_content() => Err(Refusal::Content),
        () => Ok(()),
    }
}

/// Whether a list has this element, compared without case.
fn lists(fields: &Fields<'_>, name: &str, element: &str) -> bool {
    fields.all(name).flat_map(list).any(|given| given.eq_ignore_ascii_case(element.as_bytes()))
}

/// Whether there is one field line with this name and it has this value.
fn is_only(fields: &Fields<'_>, name: &str, value: &[u8]) -> bool {
    fields.all(name).eq([value])
}

/// The key, "a randomly selected 16-byte value that has been base64-encoded" (§4.1).
fn key<'b>(fields: &Fields<'b>) -> Result<&'b str, Refusal> {
    let mut keys = fields.all("sec-websocket-key");
    let key = keys.next().ok_or(Refusal::KeyMissing)?;
    if keys.next().is_some() {
        return Err(Refusal::KeyRepeated);
    }
    match (str::from_utf8(key), BASE64.decode(key)) {
        (Ok(key), Ok(nonce)) if nonce.len() == NONCE_BYTES => Ok(key),
        _ => Err(Refusal::KeyMalformed),
    }
}

/// The subprotocol that stands first among the client's, "ordered by preference", and is spoken here. When there is
/// none the connection opens without: "it MUST NOT send back a |Sec-WebSocket-Protocol| header field" (§4.2.2).
fn preferred(fields: &Fields<'_>, spoken: &[&'static str]) -> Option<&'static str> {
    let mut asked_for = fields.all("sec-websocket-protocol").flat_map(list).filter(|name| is_token(name));
    asked_for.find_map(|name| spoken.iter().copied().find(|spoken| spoken.as_bytes() == name))
}

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const NONCE_BYTES: usize = 16;

/// The bits behind the last whole byte may be anything: the example of a key in §4.1, `AQIDBAUGBwgJCgsMDQ4PEC==`, has
/// one of them set.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
