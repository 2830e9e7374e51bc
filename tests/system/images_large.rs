//! Images that are larger than anything a server should hold: in and out with the same little memory, whoever is slow.

use std::io::{BufRead, Write};

use sha2::{Digest, Sha256};

use crate::client::{Client, get};
use crate::images::{Home, post_head};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(
    takes_and_gives_a_large_image_in_little_memory,
    takes_a_large_image_in_chunks,
    a_disk_slower_than_the_network_fills_no_memory,
    a_reader_slower_than_the_disk_fills_no_memory,
);

fn takes_and_gives_a_large_image_in_little_memory(binary: Binary) {
    let length = large();
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    client.send(post_head(length));
    let digest = pour(&mut client, length, |stream, piece| stream.write_all(piece));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (201, format!("/images/{digest}\n")));
    client.send(get(&format!("/images/{digest}")));
    assert!(client.head().has(&format!("Content-Length: {length}")));
    assert_eq!(drain(&mut client, length), digest);
    assert_growth(&server, before);
}

fn takes_a_large_image_in_chunks(binary: Binary) {
    let home = Home::new();
    let server = home.start(binary, &[]);
    let mut client = Client::connect(server.address);
    client.get("/plaintext");
    let before = server.most_resident_bytes();
    client.send("POST /images HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n");
    let digest = pour(&mut client, LENGTH, |stream, piece| {
        let head = format!("{:x}\r\n", piece.len());
        stream.write_all(&[head.as_bytes(), piece, b"\r\n"].concat())
    });
    client.send("0\r\n\r\n");
    assert_eq!(client.answer().text(), format!("/images/{digest}\n"));
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
    let digest = pour(&mut client, LENGTH, |stream, piece| stream.write_all(piece));
    let path = client.answer().text().trim_end().to_owned();
    let before = server.most_resident_bytes();
    let mut readers: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    for reader in &mut readers {
        reader.send(get(&path));
        assert_eq!(reader.head().status, 200);
    }
    assert_eq!(client.get("/echo/hi").text(), "hi");
    assert_growth(&server, before);
    assert_eq!(drain(&mut readers[7], LENGTH), digest);
}

/// Sends content; answers its digest.
fn pour(
    client: &mut Client,
    length: usize,
    mut send: impl FnMut(&mut std::net::TcpStream, &[u8]) -> std::io::Result<()>,
) -> String {
    let mut stream = client.stream().try_clone().expect("a socket");
    let (mut digest, mut left) = (Sha256::new(), length);
    let piece: Vec<u8> = (0..1_000_003u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    while left > 0 {
        let piece = &piece[..left.min(piece.len())];
        send(&mut stream, piece).expect("the server reads");
        digest.update(piece);
        left -= piece.len();
    }
    hexadecimal(digest)
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

fn assert_growth(server: &Server, before: usize) {
    let growth = server.most_resident_bytes() - before;
    assert!(growth < 20 << 20, "{growth} bytes of memory more than before");
}

/// With `LARGE=4294967296` it is as large as that; usually it is enough to see memory grow if it did.
fn large() -> usize {
    std::env::var("LARGE").ok().and_then(|length| length.parse().ok()).unwrap_or(LENGTH)
}

const LENGTH: usize = 100_000_000;
