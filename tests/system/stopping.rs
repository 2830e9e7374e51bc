//! Signals: what is under way is finished, what is idle ends, and nobody waits longer than the grace.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{Client, get};
use crate::process::{Binary, Server, is_refused, on_each_server};

on_each_server!(
    finishes_what_is_under_way_on_sigterm,
    finishes_what_is_under_way_on_sigint,
    waits_no_longer_than_the_grace,
    ends_at_once_on_a_second_signal,
    stops_while_peers_do_not_read,
    stops_with_descriptors_used_up,
    stops_when_nobody_is_connected,
);

fn finishes_what_is_under_way_on_sigterm(binary: Binary) {
    finish_what_is_under_way(binary, "TERM");
}

fn finishes_what_is_under_way_on_sigint(binary: Binary) {
    finish_what_is_under_way(binary, "INT");
}

fn finish_what_is_under_way(binary: Binary, signal: &str) {
    let server = Server::start(binary, &[]);
    let [mut idle, mut fresh, mut delayed, mut dripping, mut upload, mut large] =
        std::array::from_fn(|_| Client::connect(server.address));
    idle.get("/plaintext");
    delayed.send([get("/echo/before"), get("/delay/1")].concat());
    assert_eq!(delayed.answer().text(), "before");
    dripping.send(get("/drip?numbytes=20&duration=1"));
    dripping.head();
    upload.send("POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 200000\r\n\r\n");
    upload.send(vec![b'u'; 150_000]);
    upload.head();
    large.send(get("/bytes/30000000"));
    large.head();

    server.signal(signal);
    idle.expect_end();
    fresh.expect_end();
    assert!(is_refused(TcpStream::connect(server.address)), "it still accepts");
    upload.send(vec![b'v'; 50_000]);
    let echoed = upload.rest();
    assert_eq!(echoed.len(), 200_000);
    assert!(echoed[..150_000].iter().all(|byte| *byte == b'u'));
    assert!(echoed[150_000..].iter().all(|byte| *byte == b'v'));
    assert_eq!(large.rest().len(), 30_000_000);
    let answer = delayed.answer();
    assert_eq!(answer.text(), "waited 1 s\n");
    assert!(answer.has("Connection: close"), "{}", answer.head);
    delayed.expect_end();
    assert_eq!(dripping.rest(), b"*******************\n");
    drop((delayed, dripping, upload, large));

    let finished = server.finish();
    assert_eq!(finished.status.code(), Some(0));
    // Who pressed Ctrl-C learns why it takes a while.
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("not done"), "{}", finished.stderr);
}

fn waits_no_longer_than_the_grace(binary: Binary) {
    for target in ["/fault/stall", "/delay/60", "/drip?numbytes=2&duration=60&delay=60"] {
        let server = Server::start(binary, &["--grace", "200ms"]);
        let (mut slow, mut idle) = (Client::connect(server.address), Client::connect(server.address));
        slow.send([get("/echo/before"), get(target)].concat());
        assert_eq!(slow.answer().text(), "before");
        assert_eq!(idle.get("/plaintext").status, 200);
        let asked = Instant::now();
        server.signal("TERM");
        assert_eq!(server.finish().status.code(), Some(0), "{target}");
        assert!(asked.elapsed() < Duration::from_secs(4), "{target} was waited for");
        slow.rest();
    }
}

fn ends_at_once_on_a_second_signal(binary: Binary) {
    let server = Server::start(binary, &["--grace", "1000"]);
    let (mut slow, mut idle) = (Client::connect(server.address), Client::connect(server.address));
    slow.send([get("/echo/before"), get("/delay/60")].concat());
    assert_eq!(slow.answer().text(), "before");
    server.signal("INT");
    idle.expect_end(); // it was heard
    let asked = Instant::now();
    server.signal("INT");
    assert_eq!(server.finish().status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(4), "the delay was waited for");
}

fn stops_while_peers_do_not_read(binary: Binary) {
    let server = Server::start(binary, &["--grace", "300ms"]);
    let mut stopped: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for client in &mut stopped {
        client.send(get("/bytes/1073741824"));
        client.head();
    }
    let asked = Instant::now();
    assert_eq!(server.stop().status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(4), "they were waited for");
}

fn stops_with_descriptors_used_up(binary: Binary) {
    let server = Server::start_with_descriptors(binary, 32);
    let mut first = Client::connect(server.address);
    let _clients: Vec<Client> = (0..60).map(|_| Client::connect(server.address)).collect();
    assert_eq!(first.get("/plaintext").status, 200);
    let asked = Instant::now();
    let finished = server.stop();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert!(asked.elapsed() < Duration::from_secs(4), "it did not hear");
}

fn stops_when_nobody_is_connected(binary: Binary) {
    let server = Server::start(binary, &[]);
    let asked = Instant::now();
    assert_eq!(server.stop().status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(4), "it waited for nobody");
}
