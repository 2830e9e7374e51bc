//! Thousands of WebSockets on which nothing is said, and what each of them costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::client::{Client, Footprint};
use crate::process::{Binary, PATIENCE, Server, many_descriptors, until};
use crate::websocket::{WebSocket, handshake, text};

#[test]
fn epoll_server_holds_ten_thousand() {
    // A build with debug assertions lets mio remember with each socket where it was registered.
    let remembered = if cfg!(debug_assertions) { 32 } else { 0 };
    hold(Binary::Epoll, 10_000, 512 + remembered);
}

#[test]
fn threaded_server_holds_two_thousand() {
    hold(Binary::Threads, 2_000, 20_000);
}

#[test]
fn uring_server_holds_ten_thousand() {
    if Binary::Uring.is_here() {
        hold(Binary::Uring, 10_000, 512);
    }
}

/// On the threaded server, who is pushed to gets a second thread, and nobody else does.
#[test]
fn threaded_server_gives_second_threads_to_those_who_need_one() {
    let server = Server::start(Binary::Threads, &[]);
    let alone = Footprint::of(&server);
    let mut echoes: Vec<WebSocket> = (0..10).map(|_| WebSocket::open(&server, "/ws/echo")).collect();
    echoes.iter_mut().for_each(|client| client.echo("hello"));
    let with_echoes = server.threads();
    let mut members: Vec<WebSocket> = Vec::new();
    for number in 0..10 {
        let mut member = WebSocket::open(&server, &format!("/ws/chat?name={number}"));
        assert_eq!(member.text(), format!("{number} joined"));
        members.push(member);
    }
    // The last one may have been greeted a moment before its second thread begins.
    let due = with_echoes + 2 * members.len();
    until("each member has two threads", || server.threads() >= due);
    assert_eq!(server.threads(), due);
    drop((echoes, members));
    alone.until_alone_again(&server);
}

/// Holds `wanted` WebSockets, fewer where the descriptors of this process do not suffice for two such tests.
fn hold(binary: Binary, wanted: usize, most_bytes_each: usize) {
    let count = wanted.min(many_descriptors() / 2);
    if count < wanted {
        eprintln!("descriptors for {count} connections only, instead of {wanted}");
    }
    // No ping is due before this ends: lean clients answer none.
    let server = Server::start(binary, &["--tape", "0", "--ping-interval", "3600"]);
    let alone = Footprint::of(&server);
    let mut other = WebSocket::over(Client::connect(server.address), "/ws/echo", "").0;
    (0..1000).for_each(|number| other.echo(&number.to_string()));

    let before = server.resident_bytes();
    let mut crowd = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = upgraded(server.address);
        exchange(&mut client);
        crowd.push(client);
        if number % 500 == 0 {
            other.echo(&number.to_string());
        }
    }
    let bytes_each = server.resident_bytes().saturating_sub(before) / count;
    println!("{}: {bytes_each} bytes for each of {count} idle WebSockets", binary.name());
    assert!(bytes_each <= most_bytes_each, "{bytes_each} bytes for each of {count} idle WebSockets");

    // They are alive, all of them.
    crowd.iter_mut().for_each(exchange);
    // And while they wait, nothing is to be done.
    let cpu = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while everybody waited");

    drop((crowd, other));
    alone.until_alone_again(&server);
}

/// A connection without a buffer on our side.
fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(handshake("/ws/echo", "").as_bytes()).expect("the server reads");
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(b"\r\n\r\n") {
        match stream.read(&mut answer[len..]).expect("the server answers") {
            0 => panic!("the connection ended behind {:?}", String::from_utf8_lossy(&answer[..len])),
            count => len += count,
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{:?}", String::from_utf8_lossy(&answer[..len]));
    stream
}

fn exchange(stream: &mut TcpStream) {
    stream.write_all(&text("Hello")).expect("the server reads");
    let mut echo = [0; 7];
    stream.read_exact(&mut echo).expect("the server answers");
    assert_eq!(&echo, b"\x81\x05Hello");
}
