//! `--trace`: what is printed is a script, which can be played again.

use std::fs;
use std::process::Command;

use wirelab::wire::notation::Side;
use wirelab::wire::script::Script;

use crate::client::{Client, get};
use crate::process::{Binary, Server, on_each_server};

on_each_server!(prints_a_script, prints_a_script_that_can_be_played_again, prints_connections_apart);

/// The client's bytes of the run that is captured: requests, content, and a broken rule at the end.
fn sent() -> Vec<u8> {
    let mut bytes = get("/").into_bytes();
    bytes.extend(b"POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: 4\r\n\r\n\x00\xff\\ ");
    bytes.extend(
        b"POST /echo HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    bytes.extend(get("/drip?numbytes=3&duration=30ms&framing=chunked").bytes());
    bytes.extend(get("/bytes/200000").bytes());
    bytes.extend(get("/whoami").bytes());
    bytes.extend(b"GET / HTTP/1.1\nHost: lab\n\n");
    bytes
}

/// Plays bytes to a golden server; answers what came back, and what the server printed.
fn play(binary: Binary, bytes: &[u8]) -> (Vec<u8>, String) {
    let server = Server::start(binary, &["--golden", "--trace"]);
    let mut client = Client::connect(server.address);
    client.send(bytes);
    client.finish_sending();
    let received = client.rest();
    drop(client);
    (received, server.stop().stdout)
}

fn prints_a_script(binary: Binary) {
    let (received, printed) = play(binary, &sent());
    assert!(printed.starts_with(&format!("# {} listens on ", binary.name())), "{printed}");
    let script: Script = printed.parse().expect("a script");
    assert!(script.bytes(Side::Client) == sent(), "{printed}");
    assert!(script.bytes(Side::Server) == received, "{printed}");
    assert!(printed.contains("\nC <eof>\n") && printed.ends_with("\nS <close>\n"), "{printed}");

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("captured.wire");
    fs::write(&file, &printed).expect("a file");
    let wire = Command::new(env!("CARGO_BIN_EXE_wire")).arg(&file).output().expect("wire runs");
    assert!(wire.status.success() && wire.stdout == sent(), "{wire:?}");
}

fn prints_a_script_that_can_be_played_again(binary: Binary) {
    let (_, printed) = play(binary, &sent());
    let script: Script = printed.parse().expect("a script");
    for again in [Binary::Epoll, Binary::Threads, Binary::Uring].into_iter().filter(|binary| binary.is_here())
    {
        let (received, _) = play(again, &script.bytes(Side::Client));
        assert!(received == script.bytes(Side::Server), "{} answers otherwise", again.name());
    }
}

fn prints_connections_apart(binary: Binary) {
    let server = Server::start(binary, &["--trace"]);
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.address)).collect();
    for round in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.get(&format!("/echo/{number}-{round}")).status, 200);
        }
    }
    drop(clients);
    let printed = server.stop().stdout;
    printed.parse::<Script>().expect("a script");
    for number in 1..=3 {
        let marks = printed.matches(&format!("# connection {number}, 127.0.0.1:")).count();
        assert!(marks >= 2, "{marks} marks of connection {number} in {printed}");
    }
}
