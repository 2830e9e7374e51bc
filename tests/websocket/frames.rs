//! Frames and the messages they make (RFC 6455 §5).

use std::borrow::Cow;

use wirelab::websocket::connection::MAX_SEEN_BYTES;
use wirelab::websocket::{Connection, Event, Header, Kind, Limits, Opcode, Role, Rule, frame};

use crate::peer::{
    KEY, binary, client, failing_close, hear, hear_at_every_cut, masked, ping, pong, server, text, unmasked,
};

#[test]
fn the_examples_of_the_rfc() {
    // RFC 6455 §5.7
    for (bytes, event) in [
        (&b"\x81\x05\x48\x65\x6c\x6c\x6f"[..], text("Hello")),
        (b"\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f", text("Hello")),
        (b"\x89\x05\x48\x65\x6c\x6c\x6f", ping(b"Hello")),
        (&[&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat(), binary(&[7; 256])),
    ] {
        assert_eq!(hear_at_every_cut(client, bytes).0, [event]);
    }
    for (bytes, event) in [
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", text("Hello")),
        (b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", pong(b"Hello")),
    ] {
        assert_eq!(hear_at_every_cut(server, bytes).0, [event]);
    }
    let bytes = [&b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"[..], &[7; 65536]].concat();
    assert_eq!(hear(&mut client(), [&bytes[..]]).0, [binary(&[7; 65536])]);
}

#[test]
fn each_form_of_the_length_at_both_its_ends() {
    for (length, head) in [
        (0, &b"\x82\x00"[..]),
        (1, b"\x82\x01"),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (127, b"\x82\x7e\x00\x7f"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ] {
        let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let mut sent = Vec::new();
        server().send_binary(&payload, &mut sent);
        assert_eq!(sent, [head, &payload].concat(), "{length}");
        assert_eq!(sent, frame::encode(Kind::Binary, &payload));
        let mut sent = Vec::new();
        client().send_binary(&payload, &mut sent);
        assert_eq!(sent, masked(0x82, &payload));
        for cut in [0, 1, head.len(), head.len() + 4, sent.len() / 2, sent.len() - 1] {
            let (first, second) = sent.split_at(cut);
            assert_eq!(hear(&mut server(), [first, second]).0, [binary(&payload)], "{length} {cut}");
        }
    }
}

#[test]
fn a_whole_message_is_handed_out_from_where_it_lies() {
    let mut bytes = [masked(0x81, b"one"), masked(0x82, b"two")].concat();
    let place = bytes[6..].as_ptr();
    let (mut connection, mut out) = (server(), Vec::new());
    let (consumed, event) = connection.next_event(&mut bytes, &mut out);
    assert!(matches!(event, Event::Text(Cow::Borrowed(text)) if text == "one" && text.as_ptr() == place));
    assert!(connection.is_between_messages());
    let (_, event) = connection.next_event(&mut bytes[consumed..], &mut out);
    assert!(matches!(event, Event::Binary(Cow::Borrowed(b"two"))));
}

#[test]
fn between_messages_a_connection_holds_nothing() {
    let mut connection = server();
    let bytes = [masked(0x01, b"a"), masked(0x80, b"b"), masked(0x89, b"c")].concat();
    for (at, byte) in bytes.iter().enumerate() {
        hear(&mut connection, [&[*byte][..]]);
        assert_eq!(connection.is_between_messages(), [13, 20].contains(&at), "{at}");
        assert_eq!(connection.offset(), at as u64 + 1);
    }
    assert!(size_of::<Connection>() <= 80, "{}", size_of::<Connection>());
}

#[test]
fn control_frames_stand_between_fragments() {
    let bytes = [
        masked(0x01, b"Hel"),
        masked(0x89, b"are you there?"),
        masked(0x00, b""),
        masked(0x8a, b"unasked"),
        masked(0x00, b"l"),
        masked(0x80, b"o"),
        masked(0x82, b"next"),
    ]
    .concat();
    let (events, out) = hear_at_every_cut(server, &bytes);
    assert_eq!(events, [ping(b"are you there?"), pong(b"unasked"), text("Hello"), binary(b"next")]);
    assert_eq!(out, unmasked(0x8a, b"are you there?"));
}

#[test]
fn pongs_leave_before_a_failing_close() {
    let bytes =
        [masked(0x89, b"1"), masked(0x89, b"2"), unmasked(0x81, b"naked"), masked(0x89, b"3")].concat();
    let (events, out) = hear_at_every_cut(server, &bytes);
    assert_eq!(events.len(), 3);
    assert_eq!(out, [unmasked(0x8a, b"1"), unmasked(0x8a, b"2"), failing_close(Rule::MaskMissing)].concat());
}

#[test]
fn a_client_masks_what_it_answers() {
    let (events, out) = hear_at_every_cut(client, &unmasked(0x89, b"hi"));
    assert_eq!((events, out), (vec![ping(b"hi")], masked(0x8a, b"hi")));
}

#[test]
fn a_header_takes_no_memory() {
    let unlimited = Limits { message_bytes: usize::MAX, fragments: u32::MAX };
    let mut connection = Connection::new(Role::Server, unlimited, None);
    let bytes = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00abc";
    assert_eq!(hear(&mut connection, [&bytes[..]]), (vec![], vec![]));
}

#[test]
fn a_message_is_sent_in_fragments_with_anything_but_messages_between() {
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_first_fragment(Kind::Text, b"\xc3", &mut out);
    connection.send_ping(b"!", &mut out);
    connection.send_fragment(b"", &mut out);
    assert!(!connection.may_begin_message());
    connection.send_last_fragment(b"\xa4", &mut out);
    assert!(connection.may_begin_message());
    connection.send_text("b", &mut out);
    let frames = [
        unmasked(0x01, b"\xc3"),
        unmasked(0x89, b"!"),
        unmasked(0x00, b""),
        unmasked(0x80, b"\xa4"),
        unmasked(0x81, b"b"),
    ];
    assert_eq!(out, frames.concat());
    assert_eq!(hear_at_every_cut(client, &out).0, [ping(b"!"), text("\u{e4}"), text("b")]);
}

#[test]
#[should_panic(expected = "a message is under way")]
fn a_message_inside_of_a_fragmented_one_is_our_own_mistake() {
    let (mut connection, mut out) = (server(), Vec::new());
    connection.send_first_fragment(Kind::Text, b"a", &mut out);
    connection.send_text("b", &mut out);
}

#[test]
fn who_watches_sees_each_frame_before_what_it_leads_to() {
    let watched = || {
        let mut connection = server();
        connection.watch_frames(true);
        connection
    };
    let long = vec![b'x'; MAX_SEEN_BYTES + 1];
    let bytes = [
        masked(0x01, b"Hel"),
        masked(0x89, b""),
        masked(0x80, b"lo"),
        masked(0x82, &long),
        unmasked(0x81, b"!"),
    ];
    let (events, out) = hear_at_every_cut(watched, &bytes.concat());
    let seen: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Frame(seen) => Some((seen.offset, seen.header, seen.payload.clone(), seen.masked())),
            _ => None,
        })
        .collect();
    let header = |opcode, payload: &[u8]| Header { key: Some(KEY), ..Header::whole(opcode, payload) };
    let first = Header { is_final: false, ..header(Opcode::Text, b"Hel") };
    assert_eq!(seen[0], (0, first, b"Hel".to_vec(), bytes[0][6..].to_vec()));
    assert_eq!(seen[1], (9, header(Opcode::Ping, b""), vec![], vec![]));
    assert_eq!(seen[2], (15, header(Opcode::Continuation, b"lo"), b"lo".to_vec(), bytes[2][6..].to_vec()));
    let shown = (long[..MAX_SEEN_BYTES].to_vec(), bytes[3][8..8 + MAX_SEEN_BYTES].to_vec());
    assert_eq!(seen[3], (23, header(Opcode::Binary, &long), shown.0, shown.1));
    let order: Vec<_> = events.iter().map(|event| matches!(event, Event::Frame(_))).collect();
    assert_eq!(order, [true, true, false, true, false, true, false, false], "{events:?}");
    assert_eq!(events[4], text("Hello"));
    assert_eq!(out, [unmasked(0x8a, b""), failing_close(Rule::MaskMissing)].concat());
}
