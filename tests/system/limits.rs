//! The limits that are options.

use crate::client::{Client, get};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(limits_are_options, limits_have_defaults);

fn limits_are_options(binary: Binary) {
    let options =
        ["--max-request-line", "100", "--max-head", "300", "--max-fields", "4", "--max-content", "50"];
    let server = Server::start(binary, &options);
    expect_all(
        &server,
        &[
            (line_of(100), 200),
            (line_of(101), 414),
            (head_of(300), 200),
            (head_of(301), 431),
            (fields(4), 200),
            (fields(5), 431),
            (content(50), 200),
            (content(51), 413),
            (chunked(50), 200),
            (chunked(51), 413),
        ],
    );
}

fn limits_have_defaults(binary: Binary) {
    let server = Server::start(binary, &[]);
    expect_all(
        &server,
        &[
            (line_of(8000), 200),
            (line_of(100_000), 414),
            (head_of(8000), 200),
            (head_of(300_000), 431),
            (fields(100), 200),
            (fields(101), 431),
            (content(1 << 20), 200),
            (content((1 << 20) + 1), 413),
        ],
    );
}

fn expect_all(server: &Server, cases: &[(String, u16)]) {
    for (request, status) in cases {
        let mut client = Client::connect(server.address);
        client.send(request);
        let start = &request[..request.len().min(60)];
        assert_eq!(client.answer().status, *status, "{} bytes: {start}", request.len());
        if *status == 414 || *status == 431 {
            client.expect_end();
        }
    }
}

/// A request whose request line, with its CRLF, has so many bytes.
fn line_of(bytes: usize) -> String {
    let target = "q".repeat(bytes - "GET /? HTTP/1.1\r\n".len());
    get(&format!("/?{target}"))
}

/// A request whose head has so many bytes.
fn head_of(bytes: usize) -> String {
    let rest = "GET / HTTP/1.1\r\nHost: lab\r\nX: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: lab\r\nX: {}\r\n\r\n", "x".repeat(bytes - rest))
}

fn fields(count: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: lab\r\n{}\r\n", "X: x\r\n".repeat(count - 1))
}

fn content(bytes: usize) -> String {
    format!("POST /raw HTTP/1.1\r\nHost: lab\r\nContent-Length: {bytes}\r\n\r\n{}", "c".repeat(bytes))
}

fn chunked(bytes: usize) -> String {
    let content = "c".repeat(bytes);
    format!(
        "POST /raw HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{content}\r\n0\r\n\r\n"
    )
}
