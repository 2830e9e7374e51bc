//! Text is UTF-8, and what is not fails at its first impossible byte (RFC 6455 §8.1).

use proptest::prelude::*;
use proptest::sample::Index;
use wirelab::websocket::{Error, Event, Rule};

use crate::peer::{hear, masked, server, text};

/// What a plain reader of the whole text says: it is text, or one of its bytes is the first that cannot stand there,
/// or its last character is cut.
#[derive(Debug, PartialEq)]
enum Verdict {
    Text,
    Impossible(usize),
    Cut,
}

/// Looks at ever longer beginnings; one that could still become text is no fault.
fn oracle(bytes: &[u8]) -> Verdict {
    let could_become_text =
        |end: usize| str::from_utf8(&bytes[..end]).map_or_else(|error| error.error_len().is_none(), |_| true);
    match (1..=bytes.len()).find(|end| !could_become_text(*end)) {
        Some(end) => Verdict::Impossible(end - 1),
        None if str::from_utf8(bytes).is_ok() => Verdict::Text,
        None => Verdict::Cut,
    }
}

/// The text in fragments cut at these places, and where in them each of its bytes stands.
fn fragmented(bytes: &[u8], places: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut stream, mut offsets) = (Vec::new(), Vec::new());
    let bounds: Vec<_> = [&[0], places, &[bytes.len()]].concat();
    for (at, bound) in bounds.windows(2).enumerate() {
        let fin = if at + 2 == bounds.len() { 0x80 } else { 0 };
        let frame = masked(fin | u8::from(at == 0), &bytes[bound[0]..bound[1]]);
        let header = frame.len() - (bound[1] - bound[0]);
        offsets.extend((stream.len() + header)..(stream.len() + frame.len()));
        stream.extend(frame);
    }
    (stream, offsets)
}

fn check(bytes: &[u8], places: &[usize], cuts: &[usize]) {
    let (stream, offsets) = fragmented(bytes, places);
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.iter().map(|cut| cut % (stream.len() + 1)).chain([stream.len()]) {
        pieces.push(&stream[start.min(cut)..cut]);
        start = start.max(cut);
    }
    let (events, _) = hear(&mut server(), pieces);
    let expected = match oracle(bytes) {
        Verdict::Text => text(str::from_utf8(bytes).unwrap()),
        Verdict::Impossible(at) => Event::Failed(Error { rule: Rule::TextByte, offset: offsets[at] as u64 }),
        Verdict::Cut => Event::Failed(Error { rule: Rule::TextCut, offset: stream.len() as u64 }),
    };
    assert_eq!(events, [expected], "{bytes:x?} in fragments at {places:?}, cut at {cuts:?}");
}

/// What Autobahn's cases 6.4 send: `κόσμε`, then a character behind U+10FFFF, then `edited`.
const BEHIND_THE_LAST: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";

#[test]
fn the_first_impossible_byte_fails_before_the_frame_is_complete() {
    let frame = masked(0x81, BEHIND_THE_LAST);
    for end in 6..=frame.len() {
        let mut connection = server();
        hear(&mut connection, [&frame[..end]]);
        assert_eq!(connection.has_failed(), end > 6 + 12, "{end} bytes");
    }
}

#[test]
fn the_first_impossible_byte_fails_before_the_message_is_complete() {
    for (fragments, last) in [
        (&[&BEHIND_THE_LAST[..11], b"\xf4\x90\x80\x80", b"edited"][..], 1),
        (&[&BEHIND_THE_LAST[..12], b"\x90", b"\x80\x80edited"], 1),
    ] {
        let mut connection = server();
        for (at, fragment) in fragments.iter().enumerate() {
            assert!(!connection.has_failed());
            hear(&mut connection, [&masked(u8::from(at == 0), fragment)[..]]);
            if at == last {
                break;
            }
        }
        assert!(connection.has_failed());
    }
}

#[test]
fn every_short_text_of_delicate_bytes_is_judged_as_a_plain_reader_does() {
    const DELICATE: [u8; 12] = [b'a', 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xf4];
    for number in 0..DELICATE.len().pow(3) {
        let digit = |place: u32| DELICATE[number / DELICATE.len().pow(place) % DELICATE.len()];
        let bytes = [digit(0), digit(1), digit(2)];
        check(&bytes, &[], &[]);
        check(&bytes, &[1], &[]);
        check(&bytes, &[2], &[]);
        check(&bytes, &[1, 2], &[7, 14]);
    }
}

/// Text, perhaps with a byte changed or taken away.
fn almost_text() -> impl Strategy<Value = Vec<u8>> {
    let spoiled = (any::<Index>(), any::<Option<u8>>());
    ("\\PC{0,40}", prop::option::of(spoiled)).prop_map(|(text, spoiled)| {
        let mut bytes = text.into_bytes();
        match spoiled {
            Some((place, byte)) if !bytes.is_empty() => {
                let at = place.index(bytes.len());
                bytes.splice(at..=at, byte);
            }
            _ => {}
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn text_is_judged_as_a_plain_reader_does(bytes in almost_text(), places: Vec<Index>, cuts: [Index; 3]) {
        let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        places.truncate(20);
        let mut cuts = cuts.map(|cut| cut.index(bytes.len() + 30));
        cuts.sort_unstable();
        check(&bytes, &places, &cuts);
    }
}
