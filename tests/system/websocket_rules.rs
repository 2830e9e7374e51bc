//! Every rule that a client can break on an open connection: the code and the reason that it is told, and that what
//! was sent before comes before.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress};

use crate::client::Footprint;
use crate::process::{Binary, Server, on_each_server};
use crate::websocket::{
    BINARY, CLOSE, CONTINUATION, FIN, MASK, PING, PONG, RSV1, RSV2, RSV3, TEXT, WebSocket, frame, header,
    text,
};

on_each_server!(
    fails_who_breaks_a_rule,
    fails_who_breaks_a_rule_of_compression,
    fails_at_the_first_byte_that_is_no_text,
    takes_all_that_is_allowed,
    limits_messages_before_they_come,
    limits_fragments,
);

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

fn fails_who_breaks_a_rule(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let open_text = frame(TEXT, b"frag");
    for (broken, code) in [
        // Not masked (§5.1): a text, an empty one, a ping, a close.
        (b"\x81\x05Hello".to_vec(), 1002),
        (b"\x81\x00".to_vec(), 1002),
        (b"\x89\x00".to_vec(), 1002),
        (b"\x88\x02\x03\xe8".to_vec(), 1002),
        // Lengths in more bytes than they need, and one that is no length at all (§5.2).
        (length(FIN | TEXT, 126, &[0, 125]), 1002),
        (length(FIN | TEXT, 126, &[0, 0]), 1002),
        (length(FIN | BINARY, 127, &125u64.to_be_bytes()), 1002),
        (length(FIN | BINARY, 127, &0xffffu64.to_be_bytes()), 1002),
        (length(FIN | BINARY, 127, &(1u64 << 63).to_be_bytes()), 1002),
        (length(FIN | BINARY, 127, &u64::MAX.to_be_bytes()), 1002),
        (length(FIN | BINARY, 127, &(u64::MAX >> 1).to_be_bytes()), 1009),
        // Reserved bits and opcodes (§5.2).
        (frame(FIN | RSV1 | TEXT, b"x"), 1002),
        (frame(FIN | RSV2 | TEXT, b"x"), 1002),
        (frame(FIN | RSV3 | BINARY, b"x"), 1002),
        (frame(FIN | RSV1 | PING, b""), 1002),
        (frame(FIN | 0x3, b""), 1002),
        (frame(FIN | 0x7, b"x"), 1002),
        (frame(FIN | 0xb, b""), 1002),
        (frame(FIN | 0xf, b"x"), 1002),
        // Control frames in fragments, or with more than 125 bytes (§5.5).
        (frame(PING, b"x"), 1002),
        (frame(PONG, b"x"), 1002),
        (frame(CLOSE, &1000u16.to_be_bytes()), 1002),
        (frame(FIN | PING, &[b'x'; 126]), 1002),
        (frame(FIN | PONG, &[b'x'; 70_000]), 1002),
        (frame(FIN | CLOSE, &[3; 126]), 1002),
        // Fragments out of order (§5.4).
        (frame(FIN | CONTINUATION, b"x"), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        ([&open_text[..], &text("x")].concat(), 1002),
        ([&open_text[..], &frame(BINARY, b"x")].concat(), 1002),
        // Text that is none (§8.1).
        (frame(FIN | TEXT, b"\xff"), 1007),
        (frame(FIN | TEXT, b"\xce"), 1007),
        (frame(FIN | TEXT, b"\xed\xa0\x80"), 1007),
        (frame(FIN | TEXT, b"\xf4\x90\x80\x80"), 1007),
        (frame(FIN | TEXT, b"\xc0\x80"), 1007),
        ([&open_text[..], &frame(FIN | CONTINUATION, b"\xce")].concat(), 1007),
        // A Close with half a code, with codes that nobody may send, with a reason that is no text (§5.5.1, §7.4).
        (frame(FIN | CLOSE, b"\x03"), 1002),
        (close(0), 1002),
        (close(999), 1002),
        (close(1004), 1002),
        (close(1005), 1002),
        (close(1006), 1002),
        (close(1015), 1002),
        (close(1016), 1002),
        (close(2999), 1002),
        (close(5000), 1002),
        (close(65_535), 1002),
        (frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
    ] {
        expect_failure(WebSocket::open(&server, "/ws/echo"), &broken, code);
    }
    alone.until_alone_again(&server);
}

fn fails_who_breaks_a_rule_of_compression(binary: Binary) {
    let server = Server::start(binary, &[]);
    let alone = Footprint::of(&server);
    let first = frame(RSV1 | TEXT, b"\xf2\x48\xcd");
    for (broken, code) in [
        // RSV1 belongs to the first frame of a message, and to no other frame (RFC 7692 §6.1).
        ([&first[..], &frame(FIN | RSV1 | CONTINUATION, b"\xc9\xc9\x07\x00")].concat(), 1002),
        (frame(FIN | RSV1 | PING, b""), 1002),
        (frame(FIN | RSV1 | PONG, b"x"), 1002),
        (frame(FIN | RSV1 | CLOSE, &1000u16.to_be_bytes()), 1002),
        (frame(FIN | RSV1 | RSV2 | TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00"), 1002),
        // A block of a type that does not exist; a distance that goes back behind the beginning (the second message of
        // RFC 7692 §7.2.3.2, without the first); a stored block whose length is not its complement (RFC 1951 §3.2).
        (frame(FIN | RSV1 | BINARY, b"\x06\x00"), 1007),
        (frame(FIN | RSV1 | BINARY, b"\xf2\x00\x11\x00\x00"), 1007),
        (frame(FIN | RSV1 | BINARY, b"\x00\x05\x00\x00\x00Hello"), 1007),
        // What it inflates to is judged as any text.
        (frame(FIN | RSV1 | TEXT, &deflated(b"\xff\xff\xff\xff")), 1007),
        (frame(FIN | RSV1 | TEXT, &deflated(b"cut \xce")), 1007),
    ] {
        expect_failure(WebSocket::open_with(&server, "/ws/fragment/1", DEFLATE).0, &broken, code);
    }
    alone.until_alone_again(&server);
}

/// Sends a message and something broken in one piece, and goes on sending. The echo comes, then a Close with this code
/// and the section of the rule, then the end.
fn expect_failure(mut client: WebSocket, broken: &[u8], code: u16) {
    let name = broken[..broken.len().min(20)].escape_ascii().to_string();
    client.send([&text("before")[..], broken, &text("behind")].concat());
    // Whether anybody reads it is the server's to say; that it comes must not harm what the server has sent.
    let _ = client.stream().write_all(&[b'x'; 100_000]);
    let before = client.frame();
    assert!(before.first & 0x0f == TEXT && !before.payload.is_empty(), "{name}: {before:?}");
    let (came, reason) = client.close();
    assert_eq!(came, code, "{name}: {reason}");
    assert!(reason.contains("(RFC 6455 §") || reason.contains("(RFC 7692 §"), "{name}: {reason}");
    client.expect_end();
}

/// Before the frame, or the message, has come to its end (Autobahn 6.4 asks the same).
fn fails_at_the_first_byte_that_is_no_text(binary: Binary) {
    let server = Server::start(binary, &[]);
    for beginning in [b"\xce\xba\xf4\x90".as_slice(), b"\xed\xa0", b"\xff", b"abc\xc0"] {
        let mut whole = WebSocket::open(&server, "/ws/echo");
        whole.send(header(FIN | TEXT, 1000));
        let masked = frame(FIN | TEXT, beginning);
        masked[6..].iter().for_each(|byte| whole.send([*byte]));
        assert_eq!(whole.close().0, 1007, "{}", beginning.escape_ascii());
        whole.expect_end();

        let mut in_fragments = WebSocket::open(&server, "/ws/echo");
        in_fragments.send(frame(TEXT, b""));
        beginning.iter().for_each(|byte| in_fragments.send(frame(CONTINUATION, &[*byte])));
        assert_eq!(in_fragments.close().0, 1007, "{}", beginning.escape_ascii());
        in_fragments.expect_end();
    }
}

fn takes_all_that_is_allowed(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20, 16 << 20] {
        client.echo(&"x".repeat(length));
    }
    // Control frames between fragments, a character cut by a fragment, empty fragments, other masking keys.
    let pieces = [
        frame(TEXT, b"\xce"),
        frame(FIN | PING, &[b'p'; 125]),
        frame(CONTINUATION, b""),
        frame(FIN | PONG, b"for no ping"),
        b"\x80\x81\x00\x00\x00\x00\xba".to_vec(),
    ];
    client.send(pieces.concat());
    assert_eq!(client.frame().payload, [b'p'; 125]);
    assert_eq!(client.text(), "κ");
    // The longest reason, and a Close without a code is answered without one.
    client.send(frame(FIN | CLOSE, &[&4999u16.to_be_bytes()[..], &[b'r'; 123]].concat()));
    assert_eq!(client.close().0, 4999);
    client.expect_end();
    let mut client = WebSocket::open(&server, "/ws/echo");
    client.send(frame(FIN | CLOSE, b""));
    assert_eq!(client.frame().payload, b"");
    client.expect_end();
}

/// The header alone is enough to tell, and takes no memory.
fn limits_messages_before_they_come(binary: Binary) {
    let server = Server::start(binary, &[]);
    for (target, limit) in [("/ws/echo", 16 << 20), ("/ws/echo?max_message=100", 100), ("/ws/chat", 64 << 10)]
    {
        let mut client = WebSocket::open(&server, target);
        if target == "/ws/chat" {
            client.text();
        }
        client.send(header(FIN | TEXT, limit + 1));
        assert_eq!(client.close().0, 1009, "{target}");
        client.expect_end();

        let mut client = WebSocket::open(&server, target);
        if target == "/ws/chat" {
            client.text();
        }
        client.send([&frame(TEXT, b"x")[..], &header(FIN | CONTINUATION, limit)].concat());
        assert_eq!(client.close().0, 1009, "{target}");
        client.expect_end();
    }
    let option = Server::start(binary, &["--max-message", "1000"]);
    let mut client = WebSocket::open(&option, "/ws/echo");
    client.echo(&"x".repeat(1000));
    client.send(header(FIN | TEXT, 1001));
    assert_eq!(client.close().0, 1009);
    client.expect_end();
}

/// However small they are. As many as Autobahn sends (9.3.1: 65,536 and an empty one) are taken.
fn limits_fragments(binary: Binary) {
    let server = Server::start(binary, &[]);
    let mut client = WebSocket::open(&server, "/ws/echo");
    let most = [frame(TEXT, b"x"), frame(CONTINUATION, b"x").repeat(65_535), frame(FIN | CONTINUATION, b"")];
    client.send(most.concat());
    assert_eq!(client.text().len(), 65_536);
    for fragment in [&b"x"[..], b""] {
        let mut client = WebSocket::open(&server, "/ws/echo");
        client.send([frame(TEXT, fragment), frame(CONTINUATION, fragment).repeat(66_000)].concat());
        assert_eq!(client.close().0, 1009);
        client.expect_end();
    }
}

/// A frame whose length stands in this form.
fn length(first: u8, form: u8, length: &[u8]) -> Vec<u8> {
    [&[first, MASK | form], length, &[0; 4]].concat()
}

fn close(code: u16) -> Vec<u8> {
    frame(FIN | CLOSE, &code.to_be_bytes())
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1000);
    let mut stream = Compress::new(Compression::default(), false);
    stream.compress_vec(content, &mut out, FlushCompress::Sync).expect("memory suffices");
    out.truncate(out.len() - 4);
    out
}
