//! Peers that take their time.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::client::{Client, get, stat};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    gives_up_on_a_head_that_does_not_come,
    gives_up_on_a_head_that_trickles,
    gives_up_on_content_that_stalls,
    closes_an_idle_connection_silently,
    closes_a_connection_that_never_spoke,
    lets_nobody_linger_for_ever,
    keeps_a_connection_that_is_used,
);

fn gives_up_on_a_head_that_does_not_come(binary: Binary) {
    let server = Server::start(binary, &["--head-timeout", "200ms"]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/plaintext").status, 200);
    client.send("GET / HTTP/1.1\r\nHost:");
    expect_408(&mut client);
}

fn gives_up_on_a_head_that_trickles(binary: Binary) {
    let server = Server::start(binary, &["--head-timeout", "500ms"]);
    let mut client = Client::connect(server.address);
    let mut writer = client.stream().try_clone().expect("a socket");
    let trickle = thread::spawn(move || {
        let head = format!("GET / HTTP/1.1\r\nHost: lab\r\nX: {}", "x".repeat(1000));
        let sent = head.bytes().take_while(|byte| {
            thread::sleep(Duration::from_millis(20));
            writer.write_all(&[*byte]).is_ok()
        });
        sent.count()
    });
    expect_408(&mut client);
    client.stream().shutdown(Shutdown::Both).expect("a connection");
    assert!(trickle.join().expect("a thread") < 1000);
}

fn gives_up_on_content_that_stalls(binary: Binary) {
    let server = Server::start(binary, &["--idle-timeout", "200ms"]);
    for content in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"] {
        let mut client = Client::connect(server.address);
        client.send(format!("POST /echo HTTP/1.1\r\nHost: lab\r\n{content}"));
        expect_408(&mut client);
    }
}

fn expect_408(client: &mut Client) {
    let answer = client.answer();
    assert_eq!(answer.status, 408, "{}", answer.head);
    assert!(answer.has("Connection: close"), "{}", answer.head);
    client.expect_end();
}

fn closes_an_idle_connection_silently(binary: Binary) {
    let server = Server::start(binary, &["--idle-timeout", "200ms"]);
    let mut client = Client::connect(server.address);
    assert_eq!(client.get("/plaintext").status, 200);
    client.expect_end();
}

fn closes_a_connection_that_never_spoke(binary: Binary) {
    let server = Server::start(binary, &["--idle-timeout", "200ms"]);
    Client::connect(server.address).expect_end();
}

/// After the last answer, who neither leaves nor stops sending is left.
fn lets_nobody_linger_for_ever(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (mut silent, mut noisy) = (Client::connect(server.address), Client::connect(server.address));
    for client in [&mut silent, &mut noisy] {
        client.send("GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        client.expect_end();
    }
    let mut other = Client::connect(server.address);
    until("they are dropped", || {
        let _ = noisy.stream().write(b"more");
        stat(&mut other, "connections") == 1
    });
    let spent = server.cpu_time();
    assert!(spent.as_secs() < 2, "computed for {spent:?}");
}

fn keeps_a_connection_that_is_used(binary: Binary) {
    let server = Server::start(binary, &["--idle-timeout", "1s", "--head-timeout", "1s"]);
    let mut client = Client::connect(server.address);
    for _ in 0..8 {
        assert_eq!(client.get("/delay/200ms").status, 200);
    }
    // Longer than both, and none of them is about answers.
    client.send(get("/delay/2s"));
    assert_eq!(client.answer().status, 200);
    client.send(get("/drip?numbytes=4&duration=2"));
    assert_eq!(client.answer().content, b"***\n");
    assert_eq!(client.get("/plaintext").status, 200);
}
