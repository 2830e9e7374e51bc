//! Images that are larger than anything a server should hold: in and out with the same little memory, whoever is slow.

use std::io::{BufRead, Write};

use sha2::{Digest, Sha256};

use crate::client::{Client, get};
use crate::images::{Home, post_head};
use crate::process::{Binary, Server, on_each_server, until};
use crate::uploads::{begin, offset, patch};

on_each_server!(
    takes_and_gives_a_large_image_in_little_memory,
    goes_on_with_a_large_upload_in_little_memory,
    takes_a_large_image_in_chunks,
    a_disk_slower_than_the_network_fills_no_memory,
    a_reader_slower_than_the_disk_fills_no_memory,
);

#[test]
#[ignore = "takes minutes, and 4 GiB of disk"]
fn four_gigabytes_need_little_memory() {
    for binary in
        [Binary::Epoll, Binary::Threads, Binary::Uring].into_iter().filter(|binary| binary.is_here())
    {
        let whole = whole(binary, 4 << 30);
        let resumed = resumed(binary, 4 << 30);
        println!("{}: {whole} bytes of memory more in one request, {resumed} in two", binary.name());
    }
}

fn takes_and_gives_a_large_image_in_little_memory(binary: Binary) {
    whole(binary, LARGE);
}

fn goes_on_with_a_large_upload_in_little_memory(binary: Binary) {
    resumed(binary, LARGE);
}

/// Answers how much memory a server has needed that took an image and gave it back.
fn whole(binary: Binary, length: usize) -> usize {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    client.send(post_head(length));
    let digest = pour(&mut client, 0..length, Sha256::new(), |stream, piece| stream.write_all(piece));
    let digest = hexadecimal(digest);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (201, format!("/images/{digest}\n")));
    client.send(get(&format!("/images/{digest}")));
    assert!(client.head().has(&format!("Content-Length: {length}")));
    assert_eq!(drain(&mut client, length), digest);
    assert_growth(&server, before)
}

/// The same of one that took the first half, was killed, and took the rest: it has to read what it does not remember.
fn resumed(binary: Binary, length: usize) -> usize {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(begin(&format!(
        "Upload-Complete: ?0\r\nUpload-Length: {length}\r\nContent-Length: {}",
        length / 2
    )));
    let digest = pour(&mut client, 0..length / 2, Sha256::new(), |stream, piece| stream.write_all(piece));
    assert_eq!(client.answer().status, 201);
    drop(server); // by SIGKILL
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    assert_eq!(offset(&mut client, 1), length / 2);
    client.send(patch(1, length / 2, true, length - length / 2));
    let digest = pour(&mut client, length / 2..length, digest, |stream, piece| stream.write_all(piece));
    let path = format!("/images/{}", hexadecimal(digest));
    let mut other = Client::connect(server.address);
    let mut answered = None;
    until("it is read and answered", || {
        assert_eq!(other.get("/echo/on").text(), "on", "nobody else waits");
        answered = client.has_arrived().then(|| client.answer());
        answered.is_some()
    });
    let answer = answered.expect("it was answered");
    assert_eq!((answer.status, answer.text()), (201, format!("{path}\n")));
    assert_growth(&server, before)
}

fn takes_a_large_image_in_chunks(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    client.send("POST /images HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n");
    let digest = pour(&mut client, 0..LENGTH, Sha256::new(), |stream, piece| {
        let head = format!("{:x}\r\n", piece.len());
        stream.write_all(&[head.as_bytes(), piece, b"\r\n"].concat())
    });
    client.send("0\r\n\r\n");
    assert_eq!(client.answer().text(), format!("/images/{}\n", hexadecimal(digest)));
    assert_growth(&server, before);
}

fn a_disk_slower_than_the_network_fills_no_memory(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &["--disk-delay", "3600s"]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    client.send(post_head(LENGTH));
    let sent = client.send_until_full(&vec![7; LENGTH]);
    assert!(sent < LENGTH, "everything fitted somewhere");
    assert_growth(&server, before);
    let mut other = Client::connect(server.address);
    assert_eq!(other.get("/echo/hi").text(), "hi");
}

fn a_reader_slower_than_the_disk_fills_no_memory(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.send(post_head(LENGTH));
    let digest = pour(&mut client, 0..LENGTH, Sha256::new(), |stream, piece| stream.write_all(piece));
    let path = client.answer().text().trim_end().to_owned();
    let before = server.most_resident_bytes();
    let mut readers: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for reader in &mut readers {
        reader.send(get(&path));
        assert_eq!(reader.head().status, 200);
    }
    assert_eq!(client.get("/echo/hi").text(), "hi");
    assert_growth(&server, before);
    assert_eq!(drain(&mut readers[7], LENGTH), hexadecimal(digest));
}

/// Sends a part of the content, and adds it to the digest.
fn pour(
    client: &mut Client,
    part: std::ops::Range<usize>,
    mut digest: Sha256,
    mut send: impl FnMut(&mut std::net::TcpStream, &[u8]) -> std::io::Result<()>,
) -> Sha256 {
    let mut stream = client.stream().try_clone().expect("a socket");
    let piece: Vec<u8> = (0..1_000_003u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut left = part.len();
    while left > 0 {
        let piece = &piece[..left.min(piece.len())];
        send(&mut stream, piece).expect("the server reads");
        digest.update(piece);
        left -= piece.len();
    }
    digest
}

/// Takes content; answers its digest.
fn drain(client: &mut Client, length: usize) -> String {
    let (mut digest, mut left) = (Sha256::new(), length);
    while left > 0 {
        let arrived = client.reader().fill_buf().expect("the server sends");
        assert!(!arrived.is_empty(), "the connection ended {left} bytes early");
        let count = arrived.len().min(left);
        digest.update(&arrived[..count]);
        client.reader().consume(count);
        left -= count;
    }
    hexadecimal(digest)
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers how much it was.
fn assert_growth(server: &Server, before: usize) -> usize {
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 20 << 20, "{growth} bytes of memory more than before");
    growth
}

/// Enough to see memory grow if it did.
const LENGTH: usize = 100_000_000;

/// The same for what has to hold with any size: what is mapped or kept for each piece would show.
const LARGE: usize = 256 << 20;
