//! The opening handshake (RFC 6455 §4), on requests as they arrive.

use wirelab::http::head::parse_request;
use wirelab::websocket::handshake::accept;
use wirelab::websocket::{Accepted, Policy, Refusal};

/// The handshake of the RFC (§1.3), a line a row, so that tests can change one.
const HANDSHAKE: [&str; 7] = [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Origin: http://server.example.com",
];

const POLICY: Policy<'_> = Policy { origins: &[], protocols: &["lab.text.v1", "lab.json.v1"], deflate: true };

/// What comes of the handshake when the line that begins like this one is replaced by it; an empty value takes the
/// line away, and a line that begins like no other comes at the end.
fn changed(changes: &[&str]) -> Result<Accepted, Refusal> {
    let mut lines: Vec<_> = HANDSHAKE.iter().map(ToString::to_string).collect();
    for change in changes {
        let (name, value) = change.split_once([':', ' ']).expect("a line has a name and a value");
        match lines.iter().position(|line| line.starts_with(name)) {
            Some(at) if value.is_empty() => drop(lines.remove(at)),
            Some(at) => lines[at] = change.to_string(),
            None => lines.push(change.to_string()),
        }
    }
    accepted(&lines)
}

fn added(line: &str) -> Result<Accepted, Refusal> {
    let lines: Vec<_> = HANDSHAKE.iter().copied().chain([line]).map(str::to_owned).collect();
    accepted(&lines)
}

fn accepted(lines: &[String]) -> Result<Accepted, Refusal> {
    let head = lines.join("\r\n") + "\r\n\r\n";
    accept(&parse_request(head.as_bytes()).expect("a well-formed request"), &POLICY)
}

#[test]
fn the_handshake_of_the_rfc() {
    let accepted = changed(&["Sec-WebSocket-Protocol: chat, lab.json.v1, lab.text.v1"]).unwrap();
    let mut out = Vec::new();
    accepted.encode(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: lab.json.v1\r\n\
         \r\n"
    );
}

#[test]
fn what_a_handshake_may_look_like() {
    for change in [
        "Upgrade: h2c, WebSocket",
        "Connection: keep-alive, uPgRaDe",
        "Origin: http://localhost:3000",
        "Content-Length: 0",
        "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==",
        "Sec-WebSocket-Protocol: unknown",
    ] {
        let accepted = changed(&[change]).unwrap_or_else(|refusal| panic!("{change}: {refusal:?}"));
        assert_eq!((accepted.protocol, accepted.deflate), (None, None));
    }
    assert!(added("Connection: keep-alive").is_ok() && added("Upgrade: h2c").is_ok());
    assert!(changed(&["Origin:"]).is_ok());
}

#[test]
fn each_thing_that_can_be_wrong_is_refused() {
    for (change, refusal, status) in [
        ("GET", Refusal::UpgradeMissing, 426),
        ("Upgrade:", Refusal::UpgradeMissing, 426),
        ("Upgrade: h2c", Refusal::UpgradeMissing, 426),
        ("Upgrade: websockets", Refusal::UpgradeMissing, 426),
        ("Connection:", Refusal::ConnectionMissing, 400),
        ("Connection: keep-alive", Refusal::ConnectionMissing, 400),
        ("Content-Length: 5", Refusal::Content, 400),
        ("Transfer-Encoding: chunked", Refusal::Content, 400),
        ("Sec-WebSocket-Version:", Refusal::ProtocolVersion, 426),
        ("Sec-WebSocket-Version: 8", Refusal::ProtocolVersion, 426),
        ("Sec-WebSocket-Version: 13, 8", Refusal::ProtocolVersion, 426),
        ("Sec-WebSocket-Key:", Refusal::KeyMissing, 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", Refusal::KeyMalformed, 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=", Refusal::KeyMalformed, 400),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub24=", Refusal::KeyMalformed, 400),
        ("Sec-WebSocket-Key: not base64 at all", Refusal::KeyMalformed, 400),
        ("Origin: http://elsewhere.example", Refusal::Origin, 403),
        ("Origin: null", Refusal::Origin, 403),
        ("Sec-WebSocket-Extensions: permessage-deflate;", Refusal::ExtensionsMalformed, 400),
    ] {
        let result = if change == "GET" {
            accepted(&HANDSHAKE[..2].iter().map(ToString::to_string).collect::<Vec<_>>())
        } else {
            changed(&[change])
        };
        assert_eq!(result, Err(refusal), "{change}");
        assert_eq!(refusal.status(), status);
    }
    for (line, refusal) in [
        ("POST /chat HTTP/1.1", Refusal::Method),
        ("HEAD /chat HTTP/1.1", Refusal::Method),
        ("GET /chat HTTP/1.0", Refusal::Version),
    ] {
        let lines: Vec<_> = [line].iter().chain(&HANDSHAKE[1..]).map(ToString::to_string).collect();
        assert_eq!(accepted(&lines), Err(refusal));
    }
    assert_eq!(added("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), Err(Refusal::KeyRepeated));
    assert_eq!(added("Sec-WebSocket-Version: 13"), Err(Refusal::ProtocolVersion));
    assert_eq!(added("Origin: http://server.example.com"), Err(Refusal::Origin));
    assert_eq!(Refusal::Method.fields(), [("Allow", "GET")]);
    assert!(Refusal::ProtocolVersion.fields().contains(&("Sec-WebSocket-Version", "13")));
    assert!(Refusal::UpgradeMissing.fields().contains(&("Upgrade", "websocket")));
}

#[test]
fn the_first_protocol_of_the_client_that_is_spoken_is_chosen() {
    for (asked, chosen) in [
        ("lab.text.v1", Some("lab.text.v1")),
        ("lab.json.v1,lab.text.v1", Some("lab.json.v1")),
        ("a, b;c, ,lab.text.v1", Some("lab.text.v1")),
        ("LAB.TEXT.V1", None),
    ] {
        let accepted = changed(&[&format!("Sec-WebSocket-Protocol: {asked}")]).unwrap();
        assert_eq!(accepted.protocol, chosen, "{asked}");
    }
}

#[test]
fn compression_is_agreed_on_where_it_is_offered_and_allowed() {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8, permessage-deflate";
    let accepted = changed(&[offer]).unwrap();
    assert!(accepted.fields().contains(&("Sec-WebSocket-Extensions", "permessage-deflate".to_owned())));
    let head = HANDSHAKE.join("\r\n") + "\r\n" + offer + "\r\n\r\n";
    let request = parse_request(head.as_bytes()).unwrap();
    assert_eq!(accept(&request, &Policy { deflate: false, ..POLICY }).unwrap().deflate, None);
}
