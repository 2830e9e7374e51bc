//! Peers that mean no good, beside peers that do.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crate::client::{Client, Footprint, get};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(answers_good_clients_among_bad_ones);

fn answers_good_clients_among_bad_ones(binary: Binary) {
    let options = ["--head-timeout", "2s", "--idle-timeout", "2s", "--send-timeout", "1s"];
    let server = Server::start(binary, &options);
    let alone = Footprint::of(&server);
    let before = server.most_resident_bytes();
    thread::scope(|scope| {
        for seed in 1..=4 {
            let server = &server;
            scope.spawn(move || misbehave(server, seed, 75));
        }
        for _ in 0..4 {
            scope.spawn(|| behave(&server));
        }
    });
    alone.until_alone_again(&server);
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 40 << 20, "{growth} bytes of memory more than before");
    let finished = server.stop();
    assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(0), ""));
}

fn behave(server: &Server) {
    let mut client = Client::connect(server.address);
    for number in 0..300 {
        match number % 3 {
            0 => assert_eq!(client.get(&format!("/echo/{number}")).text(), number.to_string()),
            1 => assert_eq!(client.get("/bytes/70000").content.len(), 70_000),
            _ => {
                client.send("POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n");
                client.send("5\r\nhello\r\n0\r\n\r\n");
                assert_eq!(client.answer().content, b"hello");
            }
        }
    }
}

/// Connects `count` times and does something that it should not; keeps some connections to the end.
fn misbehave(server: &Server, seed: u64, count: usize) {
    let mut random = Random(seed);
    let mut kept = Vec::new();
    for _ in 0..count {
        let client = Client::connect(server.address);
        client.stream().set_write_timeout(Some(Duration::from_millis(100))).expect("a socket");
        let bytes = mischief(&mut random);
        let _ = client.stream().write_all(&bytes);
        match random.below(5) {
            0 => client.reset(),
            1 => drop(client),
            2 => {
                let _ = client.stream().shutdown(std::net::Shutdown::Write);
                kept.push(client);
            }
            3 => {
                client.stream().set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
                let _ = client.stream().read(&mut [0; 100]);
            }
            _ => kept.push(client),
        }
    }
}

fn mischief(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => (0..random.below(100_000)).map(|_| random.below(256) as u8).collect(),
        1 => {
            let request = get("/echo/half");
            request.as_bytes()[..random.below(request.len() as u64) as usize].to_vec()
        }
        2 => format!("GET / HTTP/1.1\r\nHost: lab\r\nX: {}", "x".repeat(1 << 20)).into_bytes(),
        3 => b"\r\n".repeat(100_000),
        4 => b"POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 99999999999\r\n\r\nabc".to_vec(),
        5 => {
            let mut bytes =
                b"POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            bytes.extend(b"1;x=y\r\na\r\n".repeat(random.below(50_000) as usize));
            bytes.extend(b"ffffffffffffffffff\r\n");
            bytes
        }
        6 => get("/bytes/1073741824").repeat(100).into_bytes(),
        _ => {
            let mut bytes = get("/raw").repeat(10).into_bytes();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.below(256) as u8;
            bytes
        }
    }
}

/// xorshift64: the same mischief every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
