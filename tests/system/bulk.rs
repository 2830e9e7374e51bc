//! Content that is larger than anything a server should hold, and readers that take it slowly or not at all.

use std::io::{BufRead, Read, Write};
use std::thread;

use crate::client::{Client, Footprint, get, stat};
use crate::process::{Binary, Server, on_each_server, until};

on_each_server!(
    echoes_a_large_content_by_length,
    echoes_a_large_content_in_chunks,
    waits_for_a_reader_that_stops_and_serves_others,
    drops_a_reader_that_stopped_for_too_long,
    reads_no_more_than_an_echo_that_nobody_reads,
    sends_through_a_narrow_socket,
);

fn echoes_a_large_content_by_length(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (mut client, pattern) = (Client::connect(server.address), Pattern::new());
    let before = server.most_resident_bytes();
    thread::scope(|scope| {
        let mut writer = client.stream().try_clone().expect("a socket");
        let pattern = &pattern;
        scope.spawn(move || {
            let head = format!("POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: {LARGE}\r\n\r\n");
            writer.write_all(head.as_bytes()).expect("the server reads");
            pattern.pieces(LARGE, 1 << 20, |piece| writer.write_all(piece)).expect("the server reads");
        });
        assert!(client.head().has(&format!("Content-Length: {LARGE}")));
        let mut at = 0;
        while at < LARGE {
            let arrived = client.reader().fill_buf().expect("the server sends");
            assert!(!arrived.is_empty(), "the connection ended at byte {at}");
            let count = arrived.len().min((LARGE - at) as usize);
            pattern.check(at, &arrived[..count]);
            client.reader().consume(count);
            at += count as u64;
        }
    });
    assert_eq!(client.get("/plaintext").status, 200);
    assert_growth(&server, before, 20 << 20);
}

fn echoes_a_large_content_in_chunks(binary: Binary) {
    let server = Server::start(binary, &[]);
    let (mut client, pattern) = (Client::connect(server.address), Pattern::new());
    let before = server.most_resident_bytes();
    thread::scope(|scope| {
        let mut writer = client.stream().try_clone().expect("a socket");
        let pattern = &pattern;
        scope.spawn(move || {
            let head = "POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n";
            writer.write_all(head.as_bytes()).expect("the server reads");
            let mut chunk = Vec::new();
            let sent = pattern.pieces(LARGE, 50_021, |piece| {
                chunk.clear();
                write!(chunk, "{:x}\r\n", piece.len())?;
                chunk.extend_from_slice(piece);
                chunk.extend_from_slice(b"\r\n");
                writer.write_all(&chunk)
            });
            sent.and_then(|()| writer.write_all(b"0\r\n\r\n")).expect("the server reads");
        });
        assert!(client.head().has("Transfer-Encoding: chunked"));
        let (mut at, mut chunk) = (0, Vec::new());
        loop {
            let size = client.chunk_size().expect("a chunk");
            chunk.resize(size, 0);
            client.reader().read_exact(&mut chunk).expect("a chunk");
            client.chunk_end().expect("the end of a chunk");
            pattern.check(at, &chunk);
            at += size as u64;
            if size == 0 {
                break;
            }
        }
        assert_eq!(at, LARGE);
    });
    assert_eq!(client.get("/plaintext").status, 200);
    assert_growth(&server, before, 20 << 20);
}

fn waits_for_a_reader_that_stops_and_serves_others(binary: Binary) {
    let server = Server::start(binary, &[]);
    let before = server.most_resident_bytes();
    let mut stopped: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for client in &mut stopped {
        client.send(get("/bytes/1073741824"));
        assert_eq!(client.head().status, 200);
    }
    let mut other = Client::connect(server.address);
    for number in 0..200 {
        assert_eq!(other.get(&format!("/echo/{number}")).text(), number.to_string());
    }
    assert_growth(&server, before, 20 << 20);
    // Nothing happens, so nothing is to be done.
    let cpu = server.cpu_time();
    thread::sleep(std::time::Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while nobody read");
}

fn drops_a_reader_that_stopped_for_too_long(binary: Binary) {
    let server = Server::start(binary, &["--send-timeout", "300ms"]);
    let alone = Footprint::of(&server);
    let mut stopped = Client::connect(server.address);
    stopped.send(get("/bytes/1073741824"));
    let mut other = Client::connect(server.address);
    until("the reader is dropped", || stat(&mut other, "connections") == 1);
    let rest = stopped.rest();
    assert!(rest.len() < 64 << 20, "{} bytes had left", rest.len());
    drop(other);
    alone.until_alone_again(&server);
}

fn reads_no_more_than_an_echo_that_nobody_reads(binary: Binary) {
    let server = Server::start(binary, &[]);
    let before = server.most_resident_bytes();
    let (mut client, pattern) = (Client::connect(server.address), Pattern::new());
    client.send(format!("POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: {LARGE}\r\n\r\n"));
    let content: Vec<u8> = pattern.bytes.iter().copied().cycle().take(LARGE as usize / 2).collect();
    let sent = client.send_until_full(&content) as u64;
    assert!(sent < LARGE / 2, "everything fitted somewhere");
    assert_growth(&server, before, 20 << 20);
    // The reader goes on, and nothing was lost.
    client.head();
    let mut at = 0;
    while at < sent {
        let arrived = client.reader().fill_buf().expect("the server sends");
        assert!(!arrived.is_empty(), "the connection ended at byte {at}");
        pattern.check(at, arrived);
        let count = arrived.len();
        client.reader().consume(count);
        at += count as u64;
    }
}

fn sends_through_a_narrow_socket(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = Client::connect_narrow(server.address);
    let content = client.get("/bytes/1000000").content;
    for (row, bytes) in content.chunks(16).enumerate() {
        assert_eq!(bytes, format!("{:015x}\n", row * 16).as_bytes());
    }
    let mut number = 0;
    let lines = client.get("/stream/20000").text();
    for line in lines.lines() {
        number += 1;
        assert_eq!(line, format!("line {number} of 20000"));
    }
    assert_eq!((content.len(), number), (1_000_000, 20_000));
}

fn assert_growth(server: &Server, before: usize, most: usize) {
    let growth = server.most_resident_bytes() - before;
    assert!(growth < most, "{growth} bytes of memory more than before");
}

/// Bytes whose place in the content can be told: a period that fits to no buffer.
struct Pattern {
    bytes: Vec<u8>,
}

impl Pattern {
    fn new() -> Pattern {
        let bytes = (0..2 * PERIOD).map(|at| ((at % PERIOD).wrapping_mul(2_654_435_761) >> 13) as u8);
        Pattern { bytes: bytes.collect() }
    }

    /// Hands out `length` bytes in pieces.
    fn pieces(
        &self,
        length: u64,
        piece: usize,
        mut send: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut at = 0;
        while at < length {
            let start = (at % PERIOD) as usize;
            let count = piece.min(PERIOD as usize).min((length - at) as usize);
            send(&self.bytes[start..start + count])?;
            at += count as u64;
        }
        Ok(())
    }

    fn check(&self, at: u64, arrived: &[u8]) {
        let start = (at % PERIOD) as usize;
        assert!(arrived == &self.bytes[start..start + arrived.len()], "wrong bytes behind byte {at}");
    }
}

const PERIOD: u64 = 1_000_003;

const LARGE: u64 = 256 << 20;
