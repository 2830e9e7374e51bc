//! What holds for every stream of bytes, and not only for the fixtures.

mod support {
    pub mod core;
    pub mod driven;
    pub mod fixture;
    pub mod generate;
    pub mod lab;
    pub mod player;
}

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use support::core::Core;
use support::driven::Driven;
use support::fixture::Fixture;
use support::generate::{Change, Content, changes, spoken};
use support::player::Player;
use wirelab::http::chunked::{Decoder, Piece, encode_chunk, encode_end};
use wirelab::http::error::Fault;
use wirelab::http::head::parse_trailers;
use wirelab::http::{Connection, Date, Event, Fields, Length, Limits, Request, Response, Rule};
use wirelab::wire::notation::Side;
use wirelab::wire::script::Expected;

/// What the client sends in the fixtures: every rule of the protocol, kept or broken.
static STREAMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let http = Fixture::all().into_iter().filter(|fixture| fixture.folder() == "http");
    let all = http.map(|fixture| fixture.script.bytes(Side::Client));
    all.filter(|stream| stream.len() < 1000 && may_be_cut_anywhere(stream)).collect()
});

/// Two answers depend on how bytes arrive. A client that holds its content back gets a 100 (Continue), unless the
/// content is there already (RFC 9110 §10.1.1). And what the tape has of a connection is what reads and writes there
/// were before.
fn may_be_cut_anywhere(stream: &[u8]) -> bool {
    let stream = stream.to_ascii_lowercase();
    [&b"expect:"[..], b"/wire/"].iter().all(|needle| memchr::memmem::find(&stream, needle).is_none())
}

/// Streams from fixtures and from the grammar, perhaps with another behind, perhaps changed.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let known = any::<Index>().prop_map(|index| index.get(&STREAMS).clone());
    let part = prop_oneof![known, spoken().prop_map(|spoken| spoken.bytes())];
    (prop::collection::vec(part, 1..3), changes()).prop_map(|(parts, changes)| {
        let mut stream = parts.concat();
        changes.iter().for_each(|change: &Change| change.apply(&mut stream));
        stream
    })
}

/// How a client falls silent.
#[derive(Clone, Copy, Debug)]
enum Silence {
    Ends,
    Waits,
}

fn silence() -> impl Strategy<Value = Silence> {
    prop_oneof![Just(Silence::Ends), Just(Silence::Waits)]
}

/// What comes of a stream that arrives in these pieces, and of the silence behind it.
fn outcome<'b>(
    player: &mut dyn Player,
    pieces: impl IntoIterator<Item = &'b [u8]>,
    silence: Silence,
) -> Vec<Expected> {
    pieces.into_iter().for_each(|piece| player.receive(piece));
    let mut came = player.take();
    match silence {
        Silence::Ends => player.receive_eof(),
        Silence::Waits => player.advance(Duration::from_secs(70)),
    }
    came.append(&mut player.take());
    came
}

fn cut<'b>(stream: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([stream.len()]);
    let mut start = 0;
    ends.map(|end| &stream[std::mem::replace(&mut start, end)..end])
        .filter(|piece| !piece.is_empty())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_cut_gives_the_same_events(stream in streams(), places: [Index; 4], silence in silence()) {
        let whole = outcome(&mut Core::new(), [&stream[..]], silence);
        prop_assert_eq!(&outcome(&mut Core::new(), cut(&stream, &places), silence), &whole);
        prop_assert_eq!(&outcome(&mut Core::new(), stream.chunks(1), silence), &whole);
    }

    #[test]
    fn every_cut_gets_the_same_answers(stream in streams(), places: [Index; 4], silence in silence()) {
        prop_assume!(may_be_cut_anywhere(&stream));
        let whole = outcome(&mut Driven::new(), [&stream[..]], silence);
        prop_assert_eq!(&outcome(&mut Driven::new(), cut(&stream, &places), silence), &whole);
        prop_assert_eq!(&outcome(&mut Driven::new(), stream.chunks(1), silence), &whole);
    }

    #[test]
    fn no_bytes_make_anything_panic(stream: Vec<u8>, places: [Index; 4], silence in silence()) {
        outcome(&mut Core::new(), cut(&stream, &places), silence);
        outcome(&mut Driven::new(), cut(&stream, &places), silence);
    }

    #[test]
    fn a_request_is_read_as_it_was_written(spoken in spoken()) {
        let bytes = spoken.bytes();
        let mut connection = Connection::new(Limits::default());
        let mut request = Request::NONE;
        let (mut consumed, event) = connection.next_event(&bytes, &mut request).unwrap();
        prop_assert!(matches!(event, Event::Request));
        prop_assert_eq!(request.method.as_str(), spoken.method);
        prop_assert_eq!(request.target.path(), &spoken.path);
        prop_assert_eq!(request.target.query(), spoken.query.as_deref());
        prop_assert_eq!(&listed(&request.fields)[1..][..spoken.fields.len()], &spoken.fields);
        let (mut data, mut trailers) = (Vec::new(), Vec::new());
        loop {
            let (used, event) = connection.next_event(&bytes[consumed..], &mut request).unwrap();
            consumed += used;
            match event {
                Event::Data(piece) => data.extend_from_slice(piece),
                Event::Trailers(fields) => trailers = listed(&fields),
                Event::EndOfMessage => break,
                other => panic!("{other:?} inside a message"),
            }
        }
        prop_assert_eq!(consumed, bytes.len());
        prop_assert_eq!(data, spoken.data());
        if let Content::Chunks(_, sent) = spoken.content {
            prop_assert_eq!(trailers, sent);
        }
    }

    #[test]
    fn chunks_are_decoded_as_they_were_encoded(pieces: Vec<Vec<u8>>, has_trailer: bool) {
        let trailers = &[("X-Sum", "1")][..usize::from(has_trailer)];
        let mut encoded = Vec::new();
        pieces.iter().for_each(|piece| encode_chunk(piece, &mut encoded));
        encode_end(trailers, &mut encoded);
        let (mut decoder, mut rest, mut data) = (Decoder::default(), &encoded[..], Vec::new());
        let trailers_came = loop {
            let (used, piece) = decoder.next_piece(rest, &Limits::default()).unwrap();
            rest = &rest[used..];
            match piece {
                Piece::Data(piece) => data.extend_from_slice(piece),
                Piece::Trailers(fields) => break listed(&fields),
                Piece::Incomplete => panic!("the last chunk was encoded"),
            }
        };
        prop_assert_eq!((rest, data), (&[][..], pieces.concat()));
        prop_assert_eq!(trailers_came.len(), trailers.len());
    }

    /// A buffer that is given away saves a copy, and nobody sees a difference: whatever the framing, and whatever waits
    /// to be written already.
    #[test]
    fn a_buffer_is_sent_as_its_bytes_are(
        is_head: bool, version in 0..=1, knows_length: bool, waiting: bool, pieces: Vec<Vec<u8>>
    ) {
        let method = if is_head { "HEAD" } else { "GET" };
        let length = match knows_length {
            true => Length::Known(pieces.iter().map(|piece| piece.len() as u64).sum()),
            false => Length::Unknown,
        };
        let answered = |by_buffer: bool| {
            let head = format!("{method} / HTTP/1.{version}\r\nHost: lab\r\n\r\n");
            let (mut connection, mut request) = (Connection::new(Limits::default()), Request::NONE);
            connection.next_event(head.as_bytes(), &mut request).unwrap();
            let (mut out, mut sent) = (Vec::new(), Vec::new());
            let date = Date::new("Thu, 01 Jan 1970 00:00:00 GMT");
            connection.send_head(&Response::new(200), length, &date, &mut out);
            for piece in &pieces {
                if !waiting {
                    sent.append(&mut out);
                }
                let mut buffer = piece.clone();
                match by_buffer {
                    true => connection.send_buffer(&mut buffer, &mut out),
                    false => connection.send_data(piece, &mut out),
                }
                assert!(!by_buffer || buffer.is_empty());
            }
            connection.send_end(&[], &mut out);
            sent.append(&mut out);
            sent
        };
        prop_assert_eq!(answered(true), answered(false));
    }

    /// `httparse` reads heads as well, and forgives more: bare LF, any number of empty lines, more bytes in a target,
    /// hosts and framing it never looks at. It knows no minor version above 1, which RFC 9110 §2.5 asks us to read.
    /// So whatever we accept it accepts, with the same end and the same parts.
    #[test]
    fn a_second_reader_agrees_with_every_head_that_is_accepted(stream in streams()) {
        let mut connection = Connection::new(Limits::default());
        let mut request = Request::NONE;
        let Ok((consumed, Event::Request)) = connection.next_event(&stream, &mut request) else { return Ok(()) };
        let mut table = [httparse::EMPTY_HEADER; 128];
        let mut other = httparse::Request::new(&mut table);
        let result = other.parse(&stream);
        if let Err(httparse::Error::Version) = result {
            let line = request.line();
            prop_assert!(line.contains(" HTTP/1.") && !line.ends_with(['0', '1']), "{}", line);
            return Ok(());
        }
        prop_assert_eq!(result, Ok(httparse::Status::Complete(consumed)));
        let line = format!("{} {} HTTP/1.{}", other.method.unwrap(), other.path.unwrap(), other.version.unwrap());
        prop_assert_eq!(request.line(), line);
        let fields: Vec<_> = other.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
        prop_assert_eq!(listed(&request.fields), fields);
    }

    #[test]
    fn a_rule_names_whatever_the_splitter_refuses(lines: Vec<Vec<u8>>, before in "[ -~]{0,40}") {
        for line in lines {
            check_that_a_rule_names(&[before.as_bytes(), &line].concat());
        }
    }
}

fn listed(fields: &Fields<'_>) -> Vec<(String, Vec<u8>)> {
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

/// Every short line over bytes of every kind that the grammar tells apart.
#[test]
fn a_rule_names_whatever_is_wrong_with_a_short_line() {
    const KINDS: &[u8] = b"a: \t\r\0(\x7f\x80";
    let mut lines = vec![Vec::new()];
    for _ in 0..5 {
        let longer =
            |line: &Vec<u8>| KINDS.iter().map(|kind| [&line[..], &[*kind]].concat()).collect::<Vec<_>>();
        lines = lines.iter().flat_map(longer).collect();
        lines.iter().for_each(|line| check_that_a_rule_names(line));
    }
}

/// Reads a field line behind another, and checks that a refusal is not the one that names no byte.
fn check_that_a_rule_names(line: &[u8]) {
    if line.is_empty() || line.contains(&b'\n') {
        return;
    }
    let section = [b"X: 1\r\n", line, b"\r\n\r\n"].concat();
    let nameless = Fault { rule: Rule::FieldControl, at: 0 };
    match parse_trailers(&section) {
        Ok(fields) => assert_eq!(fields.iter().count(), 2, "{:?}", line.escape_ascii().to_string()),
        Err(fault) => {
            assert!(fault != nameless && fault.at >= 6, "{fault:?} in {:?}", line.escape_ascii().to_string())
        }
    }
}
