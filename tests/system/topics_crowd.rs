//! Many who listen to one topic: each hears everything, and costs little while there is nothing to hear.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::client::{Client, Footprint, get, stat};
use crate::process::{Binary, PATIENCE, Server, many_descriptors, until};
use crate::topics::{posted, publish};

#[test]
fn epoll_server_tells_a_thousand() {
    tell(Binary::Epoll, 1000);
}

#[test]
fn threaded_server_tells_three_hundred() {
    tell(Binary::Threads, 300);
}

#[test]
fn uring_server_tells_a_thousand() {
    if Binary::Uring.is_here() {
        tell(Binary::Uring, 1000);
    }
}

#[test]
fn epoll_server_holds_five_thousand_pages() {
    hold("/topics/news/events?heartbeat=0", b"id: 0\n\n\r\n", 700);
}

#[test]
fn epoll_server_holds_back_five_thousand_polls() {
    hold("/topics/news?wait=120", b"", 614);
}

/// A burst of events comes to everybody, whole and in order.
fn tell(binary: Binary, count: usize) {
    const EVENTS: usize = 100;
    let server = Server::start(binary, &["--tape", "0"]);
    let alone = Footprint::of(&server);
    let mut crowd: Vec<_> =
        (0..count).map(|_| listening(server.address, "/topics/news/events", b"id: 0\n\n\r\n")).collect();
    let mut author = Client::connect(server.address);
    author.send((1..=EVENTS).map(|number| posted("news", &format!("event {number}"))).collect::<String>());
    let due: String = (1..=EVENTS)
        .map(|number| format!("id: {number}\ndata: event {number}\n\n"))
        .map(|event| format!("{:x}\r\n{event}\r\n", event.len()))
        .collect();
    let mut came = vec![0; due.len()];
    for listener in &mut crowd {
        listener.read_exact(&mut came).expect("all events");
        assert!(came == due.as_bytes(), "{:?}", String::from_utf8_lossy(&came));
    }
    for number in 1..=EVENTS {
        let told = format!("id {number}, subscribers {count}, queued {number}\n");
        let answer = author.answer();
        assert_eq!((answer.status, answer.text()), (201, told));
    }
    drop((crowd, author));
    alone.until_alone_again(&server);
}

/// Holds 5,000 who wait for news, fewer where the descriptors of this process do not suffice for two such tests.
fn hold(target: &str, first_bytes: &[u8], most_bytes_each: usize) {
    let count = 5_000.min(many_descriptors() / 4);
    // A build with debug assertions lets mio remember with each socket where it was registered.
    let remembered = if cfg!(debug_assertions) { 32 } else { 0 };
    let server = Server::start(Binary::Epoll, &["--tape", "0"]);
    let alone = Footprint::of(&server);
    let mut other = Client::connect(server.address);
    (0..1000).for_each(|number| assert_eq!(publish(&mut other, "other", &number.to_string()).status, 202));

    let before = server.resident_bytes();
    let mut crowd: Vec<_> = (0..count).map(|_| listening(server.address, target, first_bytes)).collect();
    let everybody = format!("news: id 0, subscribers {count}, queued 0\n");
    until("everybody listens", || other.get("/topics").text().starts_with(&everybody));
    let bytes_each = server.resident_bytes().saturating_sub(before) / count;
    println!("{bytes_each} bytes for each of {count} who wait at {target}");
    assert!(bytes_each <= most_bytes_each + remembered, "{bytes_each} bytes for each of {count}");

    // While they wait, nothing is to be done.
    let cpu = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while everybody waited");

    // They are alive, all of them.
    assert_eq!(publish(&mut other, "news", "at last").status, 201);
    crowd.iter_mut().for_each(|client| read_to(client, b"at last\n"));
    assert_eq!(stat(&mut other, "longpoll_waiters"), 0);
    drop((crowd, other));
    alone.until_alone_again(&server);
}

/// A connection without a buffer on our side, which has asked and read the first bytes.
fn listening(address: SocketAddr, target: &str, first_bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(get(target).as_bytes()).expect("the server reads");
    if !first_bytes.is_empty() {
        read_to(&mut stream, first_bytes);
    }
    stream
}

/// Reads until these bytes have come, perhaps with a few behind.
fn read_to(stream: &mut TcpStream, bytes: &[u8]) {
    let (mut came, mut len) = ([0; 1024], 0);
    while memchr::memmem::find(&came[..len], bytes).is_none() {
        match stream.read(&mut came[len..]).expect("the server answers") {
            0 => panic!("the connection ended behind {:?}", String::from_utf8_lossy(&came[..len])),
            count => len += count,
        }
    }
}
