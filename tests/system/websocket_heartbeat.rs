//! Who is still there: pings, and what becomes of those who do not answer them.

use crate::client::Footprint;
use crate::process::{Binary, Server, on_each_server};
use crate::websocket::{FIN, PING, PONG, WebSocket, frame, text};

on_each_server!(
    leaves_who_answers_no_ping,
    leaves_who_answers_another_ping,
    stays_with_who_answers,
    beats_as_its_options_say,
);

fn leaves_who_answers_no_ping(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for target in ["/ws/echo?ping=200ms&timeout=200ms", "/ws/chat?ping=200ms&timeout=200ms&name=a"] {
        let mut client = WebSocket::open(&server, target);
        if target.starts_with("/ws/chat") {
            assert_eq!(client.text(), "a joined");
        }
        assert_eq!(client.frame().first, FIN | PING);
        assert_eq!(client.close().0, 3012);
        client.expect_end();
    }
    alone.until_alone_again(&server);
}

/// A pong that nobody asked for answers no ping (RFC 6455 §5.5.3), and neither does a message.
fn leaves_who_answers_another_ping(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo?ping=100ms&timeout=2s");
    client.send(frame(FIN | PONG, b"too early"));
    assert_eq!(client.frame().first, FIN | PING);
    client.send([frame(FIN | PONG, b"of something else"), text("hello?")].concat());
    assert_eq!(client.text(), "hello?");
    assert_eq!(client.close().0, 3012);
    client.expect_end();
}

fn stays_with_who_answers(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo?ping=50ms&timeout=5s");
    for _ in 0..10 {
        let ping = client.frame();
        assert_eq!(ping.first, FIN | PING, "{ping:?}");
        client.send(frame(FIN | PONG, &ping.payload));
    }
    client.leave();
}

fn beats_as_its_options_say(binary: Binary) {
    let server = Server::start(binary, &["--ping-interval", "100ms", "--pong-timeout", "100ms"]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    assert_eq!(client.frame().first, FIN | PING);
    assert_eq!(client.close().0, 3012);
    client.expect_end();
}
