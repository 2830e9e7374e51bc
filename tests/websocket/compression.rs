//! permessage-deflate (RFC 7692), behind its negotiation.

use proptest::prelude::*;
use wirelab::websocket::deflate::Deflater;
use wirelab::websocket::{Connection, Error, Event, Kind, Limits, Parameters, Role, Rule};

use crate::peer::{KEY, binary, compressing, hear, hear_at_every_cut, masked, ping, text, unmasked};

const TAKEOVER: Parameters = Parameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: None,
};

const NO_TAKEOVER: Parameters =
    Parameters { server_no_context_takeover: true, client_no_context_takeover: true, ..TAKEOVER };

const CLIENT: Role = Role::Client(|| KEY);

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692 §7.2.3.1 to §7.2.3.6
    for (bytes, expected) in [
        (&b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"[..], vec![text("Hello")]),
        (b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", vec![text("Hello")]),
        (
            b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00",
            vec![text("Hello"), text("Hello")],
        ),
        (b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", vec![text("Hello")]),
        (b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", vec![text("Hello")]),
        (b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", vec![text("Hello")]),
        (b"\xc1\x01\x00", vec![text("")]),
    ] {
        assert_eq!(hear_at_every_cut(|| compressing(CLIENT, TAKEOVER), bytes).0, expected, "{bytes:x?}");
    }
}

#[test]
fn what_is_sent_are_the_examples_of_the_rfc() {
    let hello = unmasked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let (mut connection, mut out) = (compressing(Role::Server, TAKEOVER), Vec::new());
    connection.send_text("Hello", &mut out);
    connection.send_text("Hello", &mut out);
    assert_eq!(out, [hello.clone(), unmasked(0xc1, b"\xf2\x00\x11\x00\x00")].concat());

    let (mut connection, mut out) = (compressing(Role::Server, NO_TAKEOVER), Vec::new());
    connection.send_text("Hello", &mut out);
    connection.send_text("Hello", &mut out);
    assert_eq!(out, [hello.clone(), hello].concat());
}

#[test]
fn a_sender_may_forget_its_context_between_messages() {
    let (mut connection, mut out) = (compressing(Role::Server, TAKEOVER), Vec::new());
    connection.send_text("Hello", &mut out);
    connection.forget_context();
    connection.send_text("Hello", &mut out);
    connection.send_text("Hello", &mut out);
    assert!(out.ends_with(b"\xf2\x00\x11\x00\x00"), "the context goes on from there");
    let (events, _) = hear_at_every_cut(|| compressing(CLIENT, TAKEOVER), &out);
    assert_eq!(events, [text("Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn messages_may_go_uncompressed_between_compressed_ones() {
    let (mut connection, mut out) = (compressing(Role::Server, TAKEOVER), Vec::new());
    connection.send_text("Hello", &mut out);
    connection.send_text("", &mut out);
    connection.send_encoded(&unmasked(0x82, b"Hello"), &mut out);
    connection.send_first_fragment(Kind::Text, b"Hel", &mut out);
    connection.send_last_fragment(b"lo", &mut out);
    connection.send_text("Hello", &mut out);
    let (events, _) = hear_at_every_cut(|| compressing(CLIENT, TAKEOVER), &out);
    assert_eq!(events, [text("Hello"), text(""), binary(b"Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn a_compressed_message_without_a_byte_is_empty() {
    let hello = unmasked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    let stream =
        [unmasked(0xc2, b""), hello.clone(), unmasked(0xc1, b""), unmasked(0xc1, b"\xf2\x00\x11\x00\x00")];
    let (events, _) = hear_at_every_cut(|| compressing(CLIENT, TAKEOVER), &stream.concat());
    assert_eq!(events, [binary(b""), text("Hello"), text(""), text("Hello")]);
}

#[test]
fn a_sender_may_end_its_stream_with_every_message() {
    let hello = masked(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00");
    for parameters in [TAKEOVER, NO_TAKEOVER] {
        let (events, _) = hear_at_every_cut(
            || compressing(Role::Server, parameters),
            &[hello.clone(), hello.clone()].concat(),
        );
        assert_eq!(events, [text("Hello"), text("Hello")]);
    }
}

#[test]
fn what_was_not_taken_over_cannot_be_referred_to() {
    let stream =
        [masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"), masked(0xc1, b"\xf2\x00\x11\x00\x00")].concat();
    let (events, _) = hear_at_every_cut(|| compressing(Role::Server, NO_TAKEOVER), &stream);
    assert_eq!(events, [text("Hello"), Event::Failed(Error { rule: Rule::DeflateBroken, offset: 13 })]);
}

#[test]
fn control_frames_between_compressed_fragments_are_not_compressed() {
    let stream = [
        masked(0x41, b"\xf2\x48\xcd"),
        masked(0x89, b"?"),
        masked(0x00, b""),
        masked(0x80, b"\xc9\xc9\x07\x00"),
    ];
    let (events, _) = hear_at_every_cut(|| compressing(Role::Server, TAKEOVER), &stream.concat());
    assert_eq!(events, [ping(b"?"), text("Hello")]);
}

#[test]
fn inflated_text_is_text() {
    for (content, rule) in [(&b"caf\xe9!"[..], Rule::TextByte), (b"caf\xc3", Rule::TextCut)] {
        let stream = masked(0xc1, &Deflater::new(15).deflate(content));
        let (events, _) = hear_at_every_cut(|| compressing(Role::Server, TAKEOVER), &stream);
        assert!(matches!(events[..], [Event::Failed(error)] if error.rule == rule), "{events:?}");
    }
}

#[test]
fn a_bomb_fails_as_soon_as_it_is_too_large() {
    let limits = Limits { message_bytes: 1 << 20, fragments: 1 };
    let bomb = masked(0xc2, &Deflater::new(15).deflate(&vec![0; 64 << 20]));
    let mut connection = Connection::new(Role::Server, limits, Some(TAKEOVER));
    let consumed = bomb.iter().take_while(|byte| {
        hear(&mut connection, [&[**byte][..]]);
        !connection.has_failed()
    });
    // A byte of DEFLATE stands for 1032 at most, and so for 1 MiB it takes at least 1016 of them.
    let consumed = consumed.count();
    assert!((1016..1200).contains(&consumed), "{consumed} of {}", bomb.len());
    let mut connection = Connection::new(Role::Server, limits, Some(TAKEOVER));
    let (events, _) = hear(&mut connection, [&bomb[..]]);
    assert_eq!(events, [Event::Failed(Error { rule: Rule::InflatedLong, offset: 0 })]);
}

#[test]
fn the_limit_holds_inside_of_a_character() {
    let content = ["a".repeat(40), "\u{1f980}".repeat(10)].concat();
    let stream = masked(0xc1, &Deflater::new(15).deflate(content.as_bytes()));
    assert!(stream.len() < 40);
    for message_bytes in 40..82 {
        let limits = Limits { message_bytes, fragments: 1 };
        let (events, _) =
            hear_at_every_cut(|| Connection::new(Role::Server, limits, Some(TAKEOVER)), &stream);
        let expected = match message_bytes {
            80.. => text(&content),
            _ => Event::Failed(Error { rule: Rule::InflatedLong, offset: 0 }),
        };
        assert_eq!(events, [expected], "{message_bytes}");
    }
}

#[test]
fn a_smaller_window_is_kept_to() {
    // What repeats after 2 KiB fits into no window of 9 bits.
    let xorshift = |number: &u32| {
        let number = number ^ (number << 13);
        let number = number ^ (number >> 17);
        Some(number ^ (number << 5))
    };
    let noise: Vec<u8> =
        std::iter::successors(Some(1), xorshift).take(2048).map(|number| number as u8).collect();
    let content = [&noise[..], &noise].concat();
    let sent = |bits| {
        let parameters = Parameters { server_max_window_bits: bits, ..TAKEOVER };
        let (mut connection, mut out) = (compressing(Role::Server, parameters), Vec::new());
        connection.send_binary(&content, &mut out);
        assert_eq!(hear(&mut compressing(CLIENT, parameters), [&out[..]]).0, [binary(&content)]);
        out.len()
    };
    assert!(sent(Some(15)) < 3000 && sent(None) < 3000);
    assert!(sent(Some(9)) > 3900);
}

#[test]
fn connections_may_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Connection>();
}

proptest! {
    #[test]
    fn what_was_compressed_is_inflated(
        messages: Vec<Vec<u8>>,
        server_bits in prop::option::of(9u8..=15),
        client_bits in prop::option::of(9u8..=15),
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
    ) {
        let parameters = Parameters {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        };
        let (mut server, mut client) = (compressing(Role::Server, parameters), compressing(CLIENT, parameters));
        for message in messages.iter().chain(&messages) {
            let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
            client.send_binary(message, &mut to_server);
            prop_assert_eq!(hear(&mut server, [&to_server[..]]).0, [binary(message)]);
            server.send_binary(message, &mut to_client);
            prop_assert_eq!(hear(&mut client, to_client.chunks(7)).0, [binary(message)]);
        }
    }

    #[test]
    fn random_bytes_inflate_to_no_more_than_the_limit(frames: Vec<Vec<u8>>, is_text: bool, chunk in 1usize..50) {
        let limits = Limits { message_bytes: 1000, fragments: 100 };
        let mut connection = Connection::new(Role::Server, limits, Some(TAKEOVER));
        for frame in frames {
            let frame = masked(if is_text { 0xc1 } else { 0xc2 }, &frame);
            for event in hear(&mut connection, frame.chunks(chunk)).0 {
                match event {
                    Event::Text(text) => prop_assert!(text.len() <= 1000),
                    Event::Binary(content) => prop_assert!(content.len() <= 1000),
                    event => prop_assert!(matches!(event, Event::Failed(_)), "{:?}", event),
                }
            }
        }
    }
}
