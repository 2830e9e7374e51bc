//! What the standard says of each stream: its own examples (WHATWG HTML §9.2.6), and one test for each topic of the
//! web platform tests on the format, by the names that these have there.

use wirelab::sse::{Limits, Parsed};

use crate::page::{event, hear_at_every_cut, message, retry};

#[track_caller]
fn check(stream: &str, expected: &[Parsed]) {
    check_bytes(stream.as_bytes(), expected);
}

#[track_caller]
fn check_bytes(stream: &[u8], expected: &[Parsed]) {
    assert_eq!(hear_at_every_cut(Limits::default(), stream), (expected.to_vec(), Ok(())));
}

/// §9.2.6: three lines of stock prices.
#[test]
fn example_data_on_several_lines() {
    check("data: YHOO\ndata: +2\ndata: 10\n\n", &[message("YHOO\n+2\n10")]);
}

/// §9.2.6: a comment alone, an id, an id that resets it, and data that begins with a space.
#[test]
fn example_four_blocks() {
    let stream =
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
    let expected = [event("message", "first event", "1"), message("second event"), message(" third event")];
    check(stream, &expected);
}

/// §9.2.6: an empty string, a line break, and a last block without its blank line.
#[test]
fn example_empty_data() {
    check("data\n\ndata\ndata\n\ndata:", &[message(""), message("\n")]);
}

/// §9.2.6: "two identical events".
#[test]
fn example_space_behind_the_colon() {
    check("data:test\n\ndata: test\n\n", &[message("test"), message("test")]);
}

#[test]
fn bom() {
    check("\u{feff}data:a\n\n\u{feff}data:b\n\ndata:c\n\n", &[message("a"), message("c")]);
    check("\u{feff}\ndata:a\n\n", &[message("a")]);
    check("\u{feff}", &[]);
    check("data:\u{feff}a\n\n", &[message("\u{feff}a")]);
    check_bytes(b"\xef\xbbdata:a\n\ndata:b\n\n", &[message("b")]);
}

#[test]
fn bom_2() {
    check("\u{feff}\u{feff}data:a\n\ndata:b\n\n", &[message("b")]);
}

#[test]
fn comments() {
    let long = "long ".repeat(400);
    let stream = format!(":\ndata: a\n: data: b\r:\0\r\n:{long}\n::\ndata: c\n :not one\n\n:\n\n");
    check(&stream, &[message("a\nc")]);
}

#[test]
fn data_before_final_empty_line() {
    check("retry:1000\ndata:a\n\nid:b\ndata:c", &[retry(1000), message("a")]);
    check("data:a\n\nid:b\ndata:c\n", &[message("a")]);
}

#[test]
fn field_data() {
    check("data:\n\ndata\ndata\n\ndata:a\n\n", &[message(""), message("\n"), message("a")]);
}

#[test]
fn field_event() {
    check("event:a\ndata:b\n\ndata:c\n\n", &[event("a", "b", ""), message("c")]);
    check("data:b\nevent:first\nevent: second\n\n", &[event("second", "b", "")]);
    check("event:a\n\ndata:b\n\n", &[message("b")]);
    check("event:\u{e4} \0:\ndata\n\n", &[event("\u{e4} \0:", "", "")]);
}

#[test]
fn field_event_empty() {
    check("event: \ndata:a\n\n", &[message("a")]);
    check("event:a\nevent\ndata:b\n\n", &[message("b")]);
}

#[test]
fn field_id() {
    let kept = [event("message", "a", "\u{2026}"), event("message", "b", "\u{2026}")];
    check("data:a\nid:\u{2026}\n\ndata:b\n\n", &kept);
    check("id: 1 \nid:2\ndata\n\n", &[event("message", "", "2")]);
    check("id:1\n\ndata:a\n\n", &[event("message", "a", "1")]);
    check("id:1\nevent:a\n\ndata:b\n\nid\ndata:c\n\n", &[event("message", "b", "1"), message("c")]);
}

#[test]
fn field_id_null() {
    check("id:a\0\ndata:b\n\n", &[message("b")]);
    check("id:a\nid:\0\ndata:b\n\n", &[event("message", "b", "a")]);
}

#[test]
fn field_parsing() {
    check("data:a:b: c\ndata: : d\n\n", &[message("a:b: c\n: d")]);
    for other in [
        "DATA:b", "\0data:b", "data\0:b", "da ta:b", " data:b", "data :b", "data;b", "dat", "\tdata",
        "=data:b",
    ] {
        check(&format!("data:a\n{other}\rdata:c\r\n\n"), &[message("a\nc")]);
    }
}

#[test]
fn field_retry() {
    check("retry:3000\ndata:a\n\n", &[retry(3000), message("a")]);
    check("data:a\nretry: 0\nretry:010\n\n", &[retry(0), retry(10), message("a")]);
    let (most, more) = (u64::MAX, "9".repeat(100));
    check(&format!("retry:{most}\nretry:{more}\n"), &[retry(u64::MAX), retry(u64::MAX)]);
}

#[test]
fn field_retry_bogus() {
    for value in ["3000x", "x", "-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "1\0", "\u{661}", "1 000"] {
        check(&format!("retry: {value}\ndata:a\n\n"), &[message("a")]);
    }
}

#[test]
fn field_retry_empty() {
    check("retry\nretry:\nretry: \ndata:a\n\n", &[message("a")]);
}

#[test]
fn field_unknown() {
    check("name: value\nname\nmessage:\nlast-event-id: 1\ndata:a\n\n", &[message("a")]);
    check("name: value\n\nname\n\ndata:a\n\n", &[message("a")]);
}

#[test]
fn leading_space() {
    check("data:\ta\rdata: \ndata:\u{a0}b\rdata:  c\n\n", &[message("\ta\n\n\u{a0}b\n c")]);
}

#[test]
fn newlines() {
    check("data:a\r\ndata\ndata:b\r\n\r", &[message("a\n\nb")]);
    check("data:a\n\rdata:b\r\r\ndata:c\r\n\r\n\r\n", &[message("a"), message("b"), message("c")]);
    check("\r\n\r\r\n\ndata:a\r\n\n", &[message("a")]);
    check("data:a\u{b}\u{c}\u{85}\u{2028}\u{2029}b\n\n", &[message("a\u{b}\u{c}\u{85}\u{2028}\u{2029}b")]);
}

#[test]
fn null_character() {
    check("data:\0\n\n\n\n", &[message("\0")]);
}

#[test]
fn utf_8() {
    check("data:ok \u{2026} \u{1f980}\n\n", &[message("ok \u{2026} \u{1f980}")]);
    for (bytes, text) in [
        (&b"\xff"[..], "\u{fffd}"),
        (b"a\x80b", "a\u{fffd}b"),
        (b"\xf0\x9f\xa6", "\u{fffd}"),
        (b"\xf0\x9f\xa6(", "\u{fffd}("),
        (b"\xe2\x82\xe2\x82\xac", "\u{fffd}\u{20ac}"),
        (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
    ] {
        let stream = [b"event:", bytes, b"\nid:", bytes, b"\rdata:", bytes, b"\r\ndata:", bytes, b"\n\n"];
        check_bytes(&stream.concat(), &[event(text, &format!("{text}\n{text}"), text)]);
    }
}
