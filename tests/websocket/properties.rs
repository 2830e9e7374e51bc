//! What holds for every message and every stream of bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wirelab::websocket::{Close, Code, Connection, Event, Kind, Limits, Parameters, Role};

use crate::peer::{KEY, binary, hear, masked, ping, pong, text};

/// What an end may send, a message in the fragments that it is cut into.
#[derive(Clone, Debug)]
enum Sent {
    Text(String, Option<Vec<Index>>),
    Binary(Vec<u8>, Option<Vec<Index>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let cuts = || prop::option::of(vec(any::<Index>(), 0..4));
    let length = prop_oneof![0usize..200, Just(125usize), Just(126usize), 65_530usize..65_540];
    let content =
        (length, any::<[u8; 7]>()).prop_map(|(length, seed)| seed.into_iter().cycle().take(length).collect());
    let one = prop_oneof![
        ("\\PC{0,60}", cuts()).prop_map(|(text, cuts)| Sent::Text(text, cuts)),
        (content, cuts()).prop_map(|(content, cuts)| Sent::Binary(content, cuts)),
        vec(any::<u8>(), 0..=125).prop_map(Sent::Ping),
        vec(any::<u8>(), 0..=125).prop_map(Sent::Pong),
    ];
    vec(one, 0..8)
}

/// Sends it all, a ping between each two fragments, and says which events the other end is to have.
fn send(connection: &mut Connection, all: &[Sent], out: &mut Vec<u8>) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    for sent in all {
        let event = match sent {
            Sent::Text(content, None) => {
                connection.send_text(content, out);
                text(content)
            }
            Sent::Binary(content, None) => {
                connection.send_binary(content, out);
                binary(content)
            }
            Sent::Text(content, Some(cuts)) => {
                events.extend(send_fragments(connection, Kind::Text, content.as_bytes(), cuts, out));
                text(content)
            }
            Sent::Binary(content, Some(cuts)) => {
                events.extend(send_fragments(connection, Kind::Binary, content, cuts, out));
                binary(content)
            }
            Sent::Ping(payload) => {
                connection.send_ping(payload, out);
                ping(payload)
            }
            Sent::Pong(payload) => {
                connection.send_pong(payload, out);
                pong(payload)
            }
        };
        events.push(event);
    }
    events
}

fn send_fragments(
    connection: &mut Connection,
    kind: Kind,
    content: &[u8],
    cuts: &[Index],
    out: &mut Vec<u8>,
) -> Vec<Event<'static>> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
    cuts.sort_unstable();
    let mut start = 0;
    for (at, cut) in cuts.iter().enumerate() {
        let fragment = &content[start..*cut];
        match at {
            0 => connection.send_first_fragment(kind, fragment, out),
            _ => connection.send_fragment(fragment, out),
        }
        connection.send_ping(b"between", out);
        start = *cut;
    }
    match (cuts.len(), kind) {
        (1.., _) => connection.send_last_fragment(&content[start..], out),
        (0, Kind::Text) => connection.send_text(str::from_utf8(content).unwrap(), out),
        (0, Kind::Binary) => connection.send_binary(content, out),
    }
    vec![ping(b"between"); cuts.len()]
}

fn parameters() -> impl Strategy<Value = Option<Parameters>> {
    prop::option::of(any::<(bool, bool)>().prop_map(|(server, client)| Parameters {
        server_no_context_takeover: server,
        client_no_context_takeover: client,
        ..Parameters::default()
    }))
}

fn cut<'b>(stream: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut start = 0;
    let ends = places.iter().copied().chain([stream.len()]);
    ends.map(|end| &stream[std::mem::replace(&mut start, end)..end]).collect()
}

/// A stream of frames of a client, well-formed or almost, and perhaps a few bytes changed.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![Just(0u8), Just(1), Just(2), Just(8), Just(9), Just(10), 0u8..16];
    let bits =
        prop_oneof![4 => Just(0x80u8), 2 => Just(0), 2 => Just(0xc0), 1 => Just(0x40), 1 => any::<u8>()];
    let payload = prop_oneof![
        vec(any::<u8>(), 0..20),
        "\\PC{0,12}".prop_map(String::into_bytes),
        Just(b"\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()),
        Just(b"\x03\xe8bye".to_vec()),
        vec(any::<u8>(), 120..130),
    ];
    let frame =
        (bits, opcode, payload).prop_map(|(bits, opcode, payload)| masked((bits & 0xf0) | opcode, &payload));
    let changes = vec((any::<Index>(), any::<u8>()), 0..3);
    (vec(frame, 0..6), changes).prop_map(|(frames, changes)| {
        let mut stream = frames.concat();
        for (place, byte) in changes {
            if !stream.is_empty() {
                let at = place.index(stream.len());
                stream[at] = byte;
            }
        }
        stream
    })
}

fn small_server(deflate: Option<Parameters>, watches: bool) -> Connection {
    let mut connection = Connection::new(Role::Server, Limits { message_bytes: 200, fragments: 3 }, deflate);
    connection.watch_frames(watches);
    connection
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_one_end_sends_the_other_receives(
        all in sent(),
        deflate in parameters(),
        from_server: bool,
        places: [Index; 3],
    ) {
        let ends = [Role::Server, Role::Client(|| KEY)].map(|role| Connection::new(role, Limits::default(), deflate));
        let [mut sender, mut receiver] = if from_server { ends } else { let [server, client] = ends; [client, server] };
        let mut stream = Vec::new();
        let mut expected = send(&mut sender, &all, &mut stream);
        sender.send_close(Code::NORMAL, "done", &mut stream);
        expected.push(Event::Close(Close { code: Some(Code::NORMAL), reason: "done".into() }));
        let (events, answers) = hear(&mut receiver, cut(&stream, &places));
        prop_assert_eq!(&events, &expected);
        prop_assert_eq!(receiver.offset(), stream.len() as u64);
        prop_assert!(receiver.is_over() && receiver.is_between_messages());
        // And the answers are a pong for each ping, in order, and a Close.
        let pings = expected.into_iter().filter_map(|event| match event {
            Event::Ping(payload) => Some(Event::Pong(payload)),
            Event::Close(_) => Some(Event::Close(Close { code: Some(Code::NORMAL), reason: "".into() })),
            _ => None,
        });
        prop_assert_eq!(hear(&mut sender, [&answers[..]]).0, pings.collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_cut_gives_the_same_events_and_answers(
        stream in streams(),
        deflate in parameters(),
        watches: bool,
        places: [Index; 4],
    ) {
        let whole = hear(&mut small_server(deflate, watches), [&stream[..]]);
        prop_assert_eq!(&hear(&mut small_server(deflate, watches), cut(&stream, &places)), &whole);
        prop_assert_eq!(&hear(&mut small_server(deflate, watches), stream.chunks(1)), &whole);
    }

    #[test]
    fn watching_changes_nothing_else(stream in streams(), deflate in parameters()) {
        let (mut watched, out) = hear(&mut small_server(deflate, true), [&stream[..]]);
        watched.retain(|event| !matches!(event, Event::Frame(_)));
        prop_assert_eq!((watched, out), hear(&mut small_server(deflate, false), [&stream[..]]));
    }

    #[test]
    fn no_bytes_make_anything_panic_or_grow(stream: Vec<u8>, deflate in parameters(), places: [Index; 4]) {
        let (events, out) = hear(&mut small_server(deflate, true), cut(&stream, &places));
        for event in events {
            match event {
                Event::Text(text) => prop_assert!(text.len() <= 200),
                Event::Binary(content) => prop_assert!(content.len() <= 200),
                _ => {}
            }
        }
        // A pong is shorter than its ping, by the key; besides there is one Close.
        prop_assert!(out.len() <= stream.len() + 127);
    }
}
