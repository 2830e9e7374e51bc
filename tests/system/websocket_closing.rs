//! How a WebSocket ends: a Close from each end, then TCP, the server first and in good order (RFC 6455 §7.1.1).

use std::io::Write;
use std::net::Shutdown;
use std::thread;

use crate::client::{Client, Footprint, stat};
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::{BINARY, CLOSE, FIN, PING, RSV2, TEXT, WebSocket, frame, handshake, text};

on_each_server!(
    ends_what_the_client_closes,
    ends_what_it_closes_itself,
    waits_for_an_answer_to_its_close_but_not_for_ever,
    answers_everything_that_came_before_the_close,
    ignores_everything_that_comes_behind_the_close,
    delivers_all_that_is_queued_before_it_fails,
    answers_who_has_finished_sending,
    forgets_who_leaves_without_a_word,
    says_goodbye_when_it_stops,
);

fn ends_what_the_client_closes(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for (code, reason) in [(1000, ""), (1001, "away"), (1014, "κόσμε"), (3000, "x"), (4999, "enough")] {
        let mut client = WebSocket::open(&server, "/ws/echo");
        client.echo("still open");
        client.send(close(code, reason));
        // "Each endpoint ... echoes the status code it received" (§5.5.1).
        assert_eq!(client.close().0, code);
        client.expect_end();
    }
    alone.until_alone_again(&server);
}

fn ends_what_it_closes_itself(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for code in [1000, 1001, 1011, 3000, 4999] {
        let mut client = WebSocket::open(&server, &format!("/ws/close/{code}?reason=asked+for"));
        assert_eq!(client.close(), (code, "asked for".to_owned()));
        client.send(close(code, ""));
        client.expect_end();
    }
    alone.until_alone_again(&server);
}

fn waits_for_an_answer_to_its_close_but_not_for_ever(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut other = Client::connect(server.address);
    let [mut silent, mut noisy] = [(); 2].map(|()| WebSocket::open(&server, "/ws/close/1001"));
    assert_eq!(silent.close().0, 1001);
    assert_eq!(noisy.close().0, 1001);
    // A client may still be sending what it had to say; it is read, and not answered.
    noisy.send(text("I was just saying"));
    assert_eq!(stat(&mut other, "connections"), 3);
    silent.expect_end();
    until("they are dropped", || {
        let _ = noisy.stream().write_all(&text("and another thing"));
        stat(&mut other, "connections") == 1
    });
}

fn answers_everything_that_came_before_the_close(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    let mut bytes: Vec<u8> = (0..1000).flat_map(|number| text(&number.to_string())).collect();
    bytes.extend(frame(FIN | PING, b"ping"));
    bytes.extend(close(1000, ""));
    client.send(bytes);
    (0..1000).for_each(|number| assert_eq!(client.text(), number.to_string()));
    assert_eq!(client.frame().payload, b"ping");
    assert_eq!(client.close().0, 1000);
    client.expect_end();
}

fn ignores_everything_that_comes_behind_the_close(binary: Binary) {
    let server = Server::start(binary, &[]);
    for behind in
        [close(1001, ""), frame(FIN | PING, b""), text("and"), frame(RSV2, b"broken"), vec![b'x'; 1 << 20]]
    {
        let mut client = WebSocket::open(&server, "/ws/echo");
        client.send(frame(TEXT, b"a message that is never finished"));
        client.send([close(1000, ""), behind].concat());
        assert_eq!(client.close().0, 1000);
        client.expect_end();
    }
}

/// What waits for a reader that takes its time must not be lost to a reset that overtakes it, not even when the client
/// goes on sending to a server that reads no more of it.
fn delivers_all_that_is_queued_before_it_fails(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for broken in [frame(RSV2 | FIN | TEXT, b"broken"), b"\x81\x05Hello".to_vec(), close(1005, "")] {
        let mut client = WebSocket::over(Client::connect_narrow(server.address), "/ws/echo", "").0;
        let content: Vec<u8> =
            (0..4u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        client.send([frame(FIN | BINARY, &content), broken].concat());
        thread::scope(|scope| {
            let mut writer = client.stream().try_clone().expect("a socket");
            scope.spawn(move || while writer.write_all(&text("and more").repeat(1000)).is_ok() {});
            assert!(client.frame().payload == content, "the echo is another");
            assert_eq!(client.close().0, 1002);
            client.expect_end();
            client.stream().shutdown(Shutdown::Both).unwrap_or_default();
        });
    }
    alone.until_alone_again(&server);
}

fn answers_who_has_finished_sending(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let content = "x".repeat(1 << 20);

    let mut with_a_close = WebSocket::open(&server, "/ws/echo");
    with_a_close.send([text(&content), close(1000, "")].concat());
    with_a_close.client().finish_sending();
    assert!(with_a_close.text() == content);
    assert_eq!(with_a_close.close().0, 1000);
    with_a_close.expect_end();

    let mut without = WebSocket::open(&server, "/ws/echo");
    without.send([text(&content), text("and half")[..5].to_vec()].concat());
    without.client().finish_sending();
    assert!(without.text() == content);
    without.expect_end();

    let mut at_once = Client::connect(server.address);
    at_once.send(handshake("/ws/close/1001", ""));
    at_once.finish_sending();
    assert_eq!(at_once.head().status, 101);
    assert_eq!(at_once.rest(), b"\x88\x02\x03\xe9");
    alone.until_alone_again(&server);
}

fn forgets_who_leaves_without_a_word(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    for number in 0..50 {
        let target = ["/ws/echo", "/ws/chat", "/ws/ticker/10ms", "/ws/close/1000"][number % 4];
        let mut client = WebSocket::open(&server, target);
        client.send(&text("cut")[..number % 9]);
        match number % 3 {
            0 => client.reset(),
            1 => client.client().finish_sending(),
            _ => {}
        }
    }
    alone.until_alone_again(&server);
}

fn says_goodbye_when_it_stops(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut idle = WebSocket::open(&server, "/ws/echo");
    let mut member = WebSocket::open(&server, "/ws/chat?name=a");
    assert_eq!(member.text(), "a joined");
    server.signal("TERM");
    for client in [&mut idle, &mut member] {
        assert_eq!(client.close().0, 1001);
        client.send(close(1001, ""));
        client.expect_end();
    }
    drop((idle, member));
    assert_eq!(server.finish().status.code(), Some(0));
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}
