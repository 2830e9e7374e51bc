//! What holds for every event and for every stream of bytes.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wirelab::sse::{Event, Limits, Parsed, encode_comment, encode_id, encode_retry, is_field_value};

use crate::page::{event, hear, retry};

/// What a server may send.
#[derive(Clone, Debug)]
enum Sent {
    Event { id: Option<String>, kind: Option<String>, data: String },
    Comment(String),
    Id(String),
    Retry(u64),
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let value = || {
        let value =
            prop_oneof![select(&["", " ", ":", "data", "\u{feff}"][..]).prop_map(str::to_owned), text()];
        prop::option::of(value.prop_filter("a field value", |value| is_field_value(value)))
    };
    let one = prop_oneof![
        4 => (value(), value(), text()).prop_map(|(id, kind, data)| Sent::Event { id, kind, data }),
        1 => text().prop_map(Sent::Comment),
        1 => value().prop_map(|id| Sent::Id(id.unwrap_or_default())),
        1 => any::<u64>().prop_map(Sent::Retry),
    ];
    vec(one, 0..8)
}

fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        select(&["\n", "\r", "\r\n", " ", ":", ": ", "\0", "data: x", "\u{feff}", "\u{2028}"][..])
            .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// Sends it all, and says what the page is to get.
fn send(all: &[Sent], out: &mut Vec<u8>) -> Vec<Parsed> {
    let (mut expected, mut last_event_id) = (Vec::new(), "");
    for sent in all {
        match sent {
            Sent::Event { id, kind, data } => {
                Event { id: id.as_deref(), kind: kind.as_deref(), data }.encode(out);
                last_event_id = id.as_deref().unwrap_or(last_event_id);
                let kind = kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("message");
                expected.push(event(kind, &with_lf(data), last_event_id));
            }
            Sent::Comment(text) => encode_comment(text, out),
            Sent::Id(id) => {
                encode_id(id, out);
                last_event_id = id;
            }
            Sent::Retry(millis) => {
                encode_retry(Duration::from_millis(*millis), out);
                expected.push(retry(*millis));
            }
        }
    }
    expected
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Streams of what a parser tells apart, whole blocks and half ones.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let parts = [
        "data",
        "data:",
        "data: x",
        "event: e",
        "id: 1",
        "id",
        "id:\0",
        "retry: 12",
        ":",
        " ",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\u{feff}",
        "\u{1f980}",
        "\u{e4}",
    ];
    let part = prop_oneof![
        8 => select(parts.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
        1 => vec(0x80u8.., 1..4),
    ];
    vec(part, 0..30).prop_map(|parts| parts.concat())
}

fn cut<'b>(stream: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    places.sort_unstable();
    let mut start = 0;
    let ends = places.iter().copied().chain([stream.len()]);
    ends.map(|end| &stream[std::mem::replace(&mut start, end)..end]).collect()
}

/// The standard, step by step, on a stream that is whole: it is decoded, then split, then read.
fn read_plainly(stream: &[u8]) -> Vec<Parsed> {
    let text = with_lf(&String::from_utf8_lossy(stream));
    let mut lines: Vec<_> = text.strip_prefix('\u{feff}').unwrap_or(&text).split('\n').collect();
    lines.pop(); // which has no end
    let (mut read, mut data, mut kind, mut id) = (Vec::new(), Vec::new(), "", "");
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            _ if line.is_empty() => {
                if !data.is_empty() {
                    read.push(event(if kind.is_empty() { "message" } else { kind }, &data.join("\n"), id));
                }
                (data, kind) = (Vec::new(), "");
            }
            "data" => data.push(value),
            "event" => kind = value,
            "id" if !value.contains('\0') => id = value,
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                read.extend(value.parse().ok().map(retry));
            }
            _ => {}
        }
    }
    read
}

const SMALL: Limits = Limits { line_bytes: 12, data_bytes: 8 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_a_server_sends_a_page_gets(all in sent(), places: [Index; 4]) {
        let mut stream = Vec::new();
        let expected = send(&all, &mut stream);
        prop_assert_eq!(hear(Limits::default(), cut(&stream, &places)), (expected, Ok(())));
    }

    #[test]
    fn a_plain_reading_of_the_standard_agrees(stream in streams(), places: [Index; 4]) {
        let expected = (read_plainly(&stream), Ok(()));
        prop_assert_eq!(&hear(Limits::default(), [&stream[..]]), &expected);
        prop_assert_eq!(&hear(Limits::default(), cut(&stream, &places)), &expected);
        prop_assert_eq!(&hear(Limits::default(), stream.chunks(1)), &expected);
    }

    #[test]
    fn a_limit_breaks_at_the_same_byte_however_the_stream_is_cut(stream in streams(), places: [Index; 4]) {
        let (whole, result) = hear(SMALL, [&stream[..]]);
        prop_assert_eq!(&hear(SMALL, cut(&stream, &places)), &(whole.clone(), result));
        prop_assert_eq!(&hear(SMALL, stream.chunks(1)), &(whole.clone(), result));
        if let Err(error) = result {
            // What stands before the byte breaks nothing.
            let (before, result) = hear(SMALL, [&stream[..error.offset as usize]]);
            prop_assert_eq!((before, result), (whole, Ok(())));
        }
    }

    #[test]
    fn no_bytes_make_anything_panic_or_grow(stream: Vec<u8>, places: [Index; 4]) {
        for parsed in hear(SMALL, cut(&stream, &places)).0 {
            if let Parsed::Event(event) = parsed {
                // A byte that is no UTF-8 is read as a character of three.
                prop_assert!(event.data.len() <= 3 * SMALL.data_bytes);
                prop_assert!(event.kind.len().max(event.last_event_id.len()) <= 3 * SMALL.line_bytes);
            }
        }
    }
}
