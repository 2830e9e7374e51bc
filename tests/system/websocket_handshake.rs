//! Out of HTTP: who gets a WebSocket, who does not and why, and what was agreed on.

use std::net::Shutdown;

use crate::client::{Client, get};
use crate::process::{Binary, Server, on_each_server};
use crate::websocket::{FIN, RSV1, TEXT, WebSocket, handshake, text};

on_each_server!(
    answers_the_handshake_of_the_rfc,
    takes_frames_that_come_with_the_handshake,
    takes_a_handshake_byte_by_byte,
    upgrades_a_connection_that_was_used_for_requests,
    refuses_what_is_no_handshake,
    opens_to_origins_that_are_known,
    agrees_on_the_first_offer_that_it_can_meet,
    refuses_offers_that_break_the_grammar,
    compresses_nothing_for_who_did_not_offer_it,
);

fn answers_the_handshake_of_the_rfc(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (mut client, answer) = WebSocket::open_with(&server, "/ws/echo", "");
    assert!(answer.head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{}", answer.head);
    for line in
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    {
        assert!(answer.has(line), "{line} in {}", answer.head);
    }
    // "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx" (RFC 9110
    // §8.6), and nothing that was not asked for.
    for name in ["Content-Length", "Transfer-Encoding", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]
    {
        assert!(!answer.head.contains(name), "{name} in {}", answer.head);
    }
    client.echo("Hello");
    client.leave();
}

fn takes_frames_that_come_with_the_handshake(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send([handshake("/ws/echo", "").as_bytes(), &text("at once"), &text("and more")[..3]].concat());
    assert_eq!(client.head().status, 101);
    let mut frame = [0; 9];
    std::io::Read::read_exact(client.reader(), &mut frame).expect("an echo");
    assert_eq!(&frame, b"\x81\x07at once");
    client.send(&text("and more")[3..]);
    client.stream().shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(client.rest(), b"\x81\x08and more");
}

fn takes_a_handshake_byte_by_byte(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.stream().set_nodelay(true).expect("a socket");
    let bytes = [handshake("/ws/echo", "").as_bytes(), &text("slow")].concat();
    bytes.iter().for_each(|byte| client.send([*byte]));
    client.stream().shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(client.head().status, 101);
    assert_eq!(client.rest(), b"\x81\x04slow");
}

fn upgrades_a_connection_that_was_used_for_requests(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/echo/before").text(), "before");
    client.send([get("/delay/50ms"), get("/echo/queued")].concat());
    client.send([handshake("/ws/echo", "").as_bytes(), &text("Hello")].concat());
    assert_eq!(client.answer().text(), "waited 0.05 s\n");
    assert_eq!(client.answer().text(), "queued");
    assert_eq!(client.head().status, 101);
    client.stream().shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(client.rest(), b"\x81\x05Hello");
}

fn refuses_what_is_no_handshake(binary: Binary) {
    let server = Server::start(binary, &[]);
    let good = handshake("/ws/echo", "");
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (wrong, right, status, line) in [
        ("GET ", "POST ", 405, "Allow: GET"),
        ("GET ", "HEAD ", 426, "Upgrade: websocket"),
        ("HTTP/1.1", "HTTP/1.0", 400, ""),
        ("Upgrade: websocket\r\n", "", 426, "Upgrade: websocket"),
        ("Upgrade: websocket", "Upgrade: h2c", 426, "Upgrade: websocket"),
        ("Connection: Upgrade", "Connection: keep-alive", 400, ""),
        ("Version: 13", "Version: 8", 426, "Sec-WebSocket-Version: 13"),
        ("Version: 13", "Version: 14", 426, "Sec-WebSocket-Version: 13"),
        ("Sec-WebSocket-Version: 13\r\n", "", 426, "Sec-WebSocket-Version: 13"),
        (key, "", 400, ""),
        (key, "Sec-WebSocket-Key:\r\n", 400, ""),
        (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub24=\r\n", 400, ""),
        (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n", 400, ""),
        (key, "Sec-WebSocket-Key: 16 bytes, no b64\r\n", 400, ""),
        (key, &key.repeat(2), 400, ""),
        ("Host: lab", "Host: lab\r\nOrigin: http://elsewhere.example", 403, ""),
        ("Host: lab", "Host: lab\r\nOrigin: http://lab.elsewhere.example", 403, ""),
        ("Host: lab", "Host: lab\r\nOrigin: http://lab:8080", 403, ""),
        ("Host: lab", "Host: lab\r\nOrigin: null", 403, ""),
        ("Host: lab", "Host: lab\r\nContent-Length: 5", 400, ""),
        ("/ws/echo", "/ws/echo?max_message=many", 400, ""),
        ("/ws/echo", "/ws/close/1005", 400, ""),
        ("/ws/echo", "/ws/nowhere", 404, ""),
    ] {
        let request = good.replacen(wrong, right, 1);
        assert_ne!(request, good, "{wrong}");
        let mut client = Client::connect(server.address);
        client.send(&request);
        if right.contains("Content-Length") {
            client.send("hello");
        }
        let answer = if right == "HEAD " { client.head() } else { client.answer() };
        assert_eq!(answer.status, status, "{request}{}", answer.head);
        assert!(answer.head.contains(line), "{request}{}", answer.head);
    }
}

fn opens_to_origins_that_are_known(binary: Binary) {
    let server = Server::start(binary, &["--allow-origin", "https://example.org"]);
    for origin in
        ["http://lab", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "https://example.org"]
    {
        WebSocket::open_with(&server, "/ws/echo", &format!("Origin: {origin}\r\n")).0.echo(origin);
    }
    for origin in ["http://example.org", "https://example.org.elsewhere.example", "https://example.com"] {
        let mut client = Client::connect(server.address);
        client.send(handshake("/ws/echo", &format!("Origin: {origin}\r\n")));
        assert_eq!(client.answer().status, 403, "{origin}");
    }
}

fn agrees_on_the_first_offer_that_it_can_meet(binary: Binary) {
    const DEFLATE: &str = "permessage-deflate";
    let server = Server::start(binary, &[]);
    for (offer, agreed) in [
        (DEFLATE, Some(DEFLATE)),
        ("permessage-deflate; client_max_window_bits", Some(DEFLATE)),
        (
            "permessage-deflate; server_max_window_bits=10",
            Some("permessage-deflate; server_max_window_bits=10"),
        ),
        (
            "permessage-deflate; server_max_window_bits=\"10\"",
            Some("permessage-deflate; server_max_window_bits=10"),
        ),
        ("x-webkit-deflate-frame, permessage-deflate", Some(DEFLATE)),
        ("permessage-deflate; server_max_window_bits=16, permessage-deflate", Some(DEFLATE)),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some(DEFLATE)),
        ("permessage-deflate; unheard_of\r\nSec-WebSocket-Extensions: permessage-deflate", Some(DEFLATE)),
        ("x-webkit-deflate-frame", None),
        ("permessage-deflate; unheard_of", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=010", None),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; client_max_window_bits=16", None),
        ("permessage-deflate; client_no_context_takeover=true", None),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
    ] {
        let fields = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let (mut client, answer) = WebSocket::open_with(&server, "/ws/echo", &fields);
        let lines = answer.head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        assert_eq!(lines.collect::<Vec<_>>(), Vec::from_iter(agreed), "{offer}");
        // Every message of this server is compressed where that was agreed on, and none elsewhere.
        client.send(text("Hello"));
        let first = if agreed.is_some() { FIN | RSV1 | TEXT } else { FIN | TEXT };
        assert_eq!(client.frame().first, first, "{offer}");
        client.leave();
    }
}

fn refuses_offers_that_break_the_grammar(binary: Binary) {
    let server = Server::start(binary, &[]);
    for offer in ["permessage-deflate;", "permessage-deflate; =9", "permessage-deflate; a=\"b", "a b"] {
        let mut client = Client::connect(server.address);
        client.send(handshake("/ws/echo", &format!("Sec-WebSocket-Extensions: {offer}\r\n")));
        assert_eq!(client.answer().status, 400, "{offer}");
    }
}

fn compresses_nothing_for_who_did_not_offer_it(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    client.echo(&"x".repeat(100_000));
    client.send(crate::websocket::frame(FIN | RSV1 | TEXT, b"\xca\x00"));
    assert_eq!(client.close().0, 1002);
    client.expect_end();
}
