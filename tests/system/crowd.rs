//! Thousands of connections that persist, and what each of them costs.

use crate::client::{Client, Footprint, get};
use crate::process::{Binary, Server, many_descriptors};

#[test]
fn epoll_server_holds_ten_thousand() {
    // A build with debug assertions lets mio remember with each socket where it was registered.
    let remembered = if cfg!(debug_assertions) { 32 } else { 0 };
    hold(Binary::Epoll, 10_000, 512 + remembered);
}

#[test]
fn threaded_server_holds_two_thousand() {
    hold(Binary::Threads, 2_000, 20 * 1024);
}

#[test]
fn uring_server_holds_ten_thousand() {
    if Binary::Uring.is_here() {
        hold(Binary::Uring, 10_000, 512);
    }
}

/// Holds `wanted` connections, fewer where the descriptors of this process do not suffice for two such tests.
fn hold(binary: Binary, wanted: usize, most_bytes_each: usize) {
    let count = wanted.min(many_descriptors() / 2);
    if count < wanted {
        eprintln!("descriptors for {count} connections only, instead of {wanted}");
    }
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut other = Client::connect(server.address);
    fill_the_tape(&mut other);

    let before = server.resident_bytes();
    let mut crowd = Vec::with_capacity(count);
    for number in 0..count {
        let mut client = lean(server.address);
        exchange(&mut client, b"Hello, World!");
        crowd.push(client);
        if number % 500 == 0 {
            assert_eq!(other.get(&format!("/echo/{number}")).text(), number.to_string());
        }
    }
    let bytes_each = server.resident_bytes().saturating_sub(before) / count;
    println!("{}: {bytes_each} bytes for each of {count} idle connections", binary.name());
    assert!(bytes_each <= most_bytes_each, "{bytes_each} bytes for each of {count} idle connections");

    // They are alive, all of them.
    crowd.iter_mut().for_each(|client| exchange(client, b"Hello, World!"));
    // And while they wait, nothing is to be done.
    let cpu = server.cpu_time();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while everybody waited");

    drop((crowd, other));
    alone.until_alone_again(&server);
}

/// What was recorded lately takes a fixed amount of memory, once it has passed.
fn fill_the_tape(client: &mut Client) {
    for _ in 0..20_000 {
        client.send(get("/plaintext"));
        client.answer();
    }
    client.get("/bytes/16777216");
}

/// A connection without a buffer on our side.
fn lean(address: std::net::SocketAddr) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(crate::process::PATIENCE)).expect("a socket");
    stream
}

fn exchange(stream: &mut std::net::TcpStream, content: &[u8]) {
    use std::io::{Read, Write};
    stream.write_all(get("/plaintext").as_bytes()).expect("the server reads");
    let (mut answer, mut len) = ([0; 1024], 0);
    while !answer[..len].ends_with(content) {
        match stream.read(&mut answer[len..]).expect("the server answers") {
            0 => panic!("the connection ended behind {:?}", String::from_utf8_lossy(&answer[..len])),
            count => len += count,
        }
    }
}
