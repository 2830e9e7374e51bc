//! Clients that send more than they read, or make much out of little: what they cost is bounded, and others are served
//! beside them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};

use crate::client::{Client, Footprint, stat};
use crate::process::{Binary, Server, on_each_server, until};
use crate::websocket::{BINARY, CONTINUATION, FIN, PING, PONG, RSV1, TEXT, WebSocket, frame, header, text};

on_each_server!(
    fails_a_deflate_bomb,
    takes_no_memory_for_what_is_only_announced,
    takes_no_more_for_fragments_than_for_their_bytes,
    reads_no_more_pings_than_are_answered,
    reads_no_more_messages_than_are_echoed,
    keeps_a_large_echo_for_a_reader_that_waits,
    drops_a_reader_that_stopped_for_too_long,
    serves_others_beside_a_flood,
);

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// A gigabyte of zeros in a megabyte. What is inflated of it ends at the limit, and an allocator may keep as much for
/// each of the four threads that have met one.
fn fails_a_deflate_bomb(binary: Binary) {
    let bomb = deflated_zeros(1 << 30);
    assert!(bomb.len() < 2 << 20, "{} bytes", bomb.len());
    let in_fragments = {
        let mut pieces = bomb.chunks(1000);
        let first = frame(RSV1 | BINARY, pieces.next().expect("it is not empty"));
        [first, pieces.flat_map(|piece| frame(CONTINUATION, piece)).collect()].concat()
    };
    let whole = frame(FIN | RSV1 | BINARY, &bomb);
    for (limit, most) in [(1 << 20, 4 << 20), (16 << 20, 64 << 20)] {
        let server = Server::start(binary, &[]);
        let alone = Footprint::of(&server);
        let mut other = WebSocket::open(&server, "/ws/echo");
        other.echo("before");
        let before = server.most_resident_bytes();
        for bytes in [&whole, &in_fragments, &whole, &in_fragments] {
            let (mut client, _) =
                WebSocket::open_with(&server, &format!("/ws/echo?max_message={limit}"), DEFLATE);
            // The server may have failed it before all of it is sent.
            let _ = client.stream().write_all(bytes);
            let (code, reason) = client.close();
            assert_eq!(code, 1009, "{reason}");
            client.expect_end();
            other.echo("beside it");
        }
        assert_growth(&server, before, most);
        drop(other);
        alone.until_alone_again(&server);
    }
}

fn takes_no_memory_for_what_is_only_announced(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut crowd: Vec<WebSocket> = (0..200).map(|_| WebSocket::open(&server, "/ws/echo")).collect();
    crowd.iter_mut().for_each(|client| client.echo("hello"));
    let before = server.most_resident_bytes();
    for client in &mut crowd {
        client.send([&header(FIN | BINARY, 16 << 20)[..], b"x"].concat());
        // A pong would have to wait for the end of the frame; that it was read is seen by what comes next.
    }
    let mut other = WebSocket::open(&server, "/ws/echo");
    (0..100).for_each(|number| other.echo(&number.to_string()));
    assert_growth(&server, before, 8 << 20);
}

fn takes_no_more_for_fragments_than_for_their_bytes(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    client.echo("hello");
    let before = server.most_resident_bytes();
    client.send([frame(TEXT, b""), frame(CONTINUATION, b"").repeat(60_000)].concat());
    client.send(frame(CONTINUATION, b"x").repeat(5_000));
    client.send(frame(FIN | PING, b"are you there?"));
    assert_eq!(client.frame().first, FIN | PONG);
    assert_growth(&server, before, 2 << 20);
    client.send(frame(FIN | CONTINUATION, b"."));
    assert_eq!(client.text().len(), 5_001);
}

fn reads_no_more_pings_than_are_answered(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut client = WebSocket::open(&server, "/ws/echo");
    let before = server.most_resident_bytes();
    let ping = frame(FIN | PING, &[b'p'; 125]);
    let flood = ping.repeat((64 << 20) / ping.len());
    let sent = client.client().send_until_full(&flood);
    assert!(sent < flood.len(), "everything fitted somewhere");
    let mut other = WebSocket::open(&server, "/ws/echo");
    (0..200).for_each(|number| other.echo(&number.to_string()));
    assert_growth(&server, before, 10 << 20);
    expect_idle(&server);
    // The reader goes on, and each ping that came whole has its pong.
    for _ in 0..sent / ping.len() {
        let pong = client.frame();
        assert!(pong.first == FIN | PONG && pong.payload == [b'p'; 125], "{pong:?}");
    }
    drop((client, other));
    alone.until_alone_again(&server);
}

fn reads_no_more_messages_than_are_echoed(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut client = WebSocket::open(&server, "/ws/echo");
    let before = server.most_resident_bytes();
    let messages: Vec<Vec<u8>> = (0..64u8).map(|number| vec![number; 1 << 20]).collect();
    let bytes: Vec<u8> = messages.iter().flat_map(|message| frame(FIN | BINARY, message)).collect();
    let sent = client.client().send_until_full(&bytes);
    assert!(sent < bytes.len(), "everything fitted somewhere");
    let mut other = WebSocket::open(&server, "/ws/echo");
    (0..200).for_each(|number| other.echo(&number.to_string()));
    assert_growth(&server, before, 16 << 20);
    expect_idle(&server);
    // The reader goes on, and so does the rest.
    thread::scope(|scope| {
        let mut writer = client.stream().try_clone().expect("a socket");
        writer.set_write_timeout(None).expect("a socket");
        let rest = &bytes[sent..];
        scope.spawn(move || writer.write_all(rest).expect("the server reads"));
        for message in &messages {
            assert!(client.frame().payload == *message, "the echo is another");
        }
    });
    client.leave();
    drop(other);
    alone.until_alone_again(&server);
}

/// Once read and once to be sent: that much a message takes, however long nobody reads its echo.
fn keeps_a_large_echo_for_a_reader_that_waits(binary: Binary) {
    const LARGE: usize = 64 << 20;
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let mut client = WebSocket::open(&server, &format!("/ws/echo?max_message={LARGE}"));
    let content: Vec<u8> = (0..LARGE as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let message = frame(FIN | BINARY, &content);
    let before = server.most_resident_bytes();
    client.send(&message);
    // It is taken to the end; and of the next one, no more than sockets hold.
    let sent = client.client().send_until_full(&message);
    assert!(sent < LARGE / 2, "{sent} bytes of another one were taken");
    let mut other = WebSocket::open(&server, "/ws/echo");
    (0..200).for_each(|number| other.echo(&number.to_string()));
    assert_growth(&server, before, 2 * LARGE + (20 << 20));
    expect_idle(&server);
    assert!(client.frame().payload == content, "the echo is another");
    // And all of it is given back.
    until("its memory is given back", || server.resident_bytes() < before + (20 << 20));
    drop((client, other));
    alone.until_alone_again(&server);
}

fn drops_a_reader_that_stopped_for_too_long(binary: Binary) {
    let server = Server::start(binary, &["--send-timeout", "300ms"]);
    let alone = Footprint::of(&server);
    let mut stopped = WebSocket::open(&server, "/ws/echo");
    let content = vec![b'x'; 16 << 20];
    stopped.send(frame(FIN | BINARY, &content));
    let mut other = Client::connect(server.address);
    until("the reader is dropped", || stat(&mut other, "connections") == 1);
    let mut rest = Vec::new();
    let _ = stopped.client().reader().read_to_end(&mut rest);
    assert!(rest.len() < content.len(), "all of it had left");
    drop(other);
    alone.until_alone_again(&server);
}

/// Frames that arrive without an end, each with an answer, and read: nobody else has to wait for them.
fn serves_others_beside_a_flood(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let before = server.most_resident_bytes();
    let floods: Vec<WebSocket> = (0..2).map(|_| WebSocket::open(&server, "/ws/echo")).collect();
    thread::scope(|scope| {
        let _end = EndOf(&floods);
        for flood in &floods {
            let (mut writer, mut reader) = (flood.stream(), flood.stream());
            let bytes =
                [text(""), frame(FIN | PING, b""), text("x"), frame(FIN | PONG, b"")].concat().repeat(10_000);
            scope.spawn(move || while writer.write_all(&bytes).is_ok() {});
            scope.spawn(move || while reader.read(&mut [0; 1 << 16]).is_ok_and(|count| count > 0) {});
        }
        let mut other = WebSocket::open(&server, "/ws/echo");
        (0..100).for_each(|number| other.echo(&number.to_string()));
        other.leave();
    });
    assert_growth(&server, before, 20 << 20);
    drop(floods);
    alone.until_alone_again(&server);
}

/// Ends the floods when this is dropped, so that a failure is not waited for.
struct EndOf<'a>(&'a [WebSocket]);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|flood| flood.stream().shutdown(Shutdown::Both).unwrap_or_default());
    }
}

/// Nothing happens, so nothing is to be done.
fn expect_idle(server: &Server) {
    let cpu = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let spent = server.cpu_time() - cpu;
    assert!(spent.as_millis() <= 200, "computed for {spent:?} while nobody read");
}

fn assert_growth(server: &Server, before: usize, most: usize) {
    let growth = server.most_resident_bytes() - before;
    assert!(growth < most, "{growth} bytes of memory more than before");
}

/// So many zeros, as the payload of a compressed message.
fn deflated_zeros(count: usize) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut out = Vec::with_capacity(2 << 20);
    let mut stream = Compress::new(Compression::best(), false);
    for _ in 0..count / zeros.len() {
        let end = stream.total_in() + zeros.len() as u64;
        while stream.total_in() < end {
            let rest = &zeros[zeros.len() - (end - stream.total_in()) as usize..];
            stream.compress_vec(rest, &mut out, FlushCompress::None).expect("there is room");
        }
    }
    stream.compress_vec(&[], &mut out, FlushCompress::Sync).expect("there is room");
    out.truncate(out.len() - 4);
    out
}
