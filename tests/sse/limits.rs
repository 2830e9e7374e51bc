//! What a stream may cost.

use wirelab::sse::{Error, Limits, Rule};

use crate::page::{hear_at_every_cut, message};

const SMALL: Limits = Limits { line_bytes: 8, data_bytes: 6 };

#[track_caller]
fn check(stream: &[u8], before: &[&str], rule: Rule, offset: u64) {
    let before = before.iter().map(|data| message(data)).collect();
    assert_eq!(hear_at_every_cut(SMALL, stream), (before, Err(Error { rule, offset })));
}

#[test]
fn a_line_may_have_as_many_bytes_as_the_limit() {
    let stream = b"data:abc\r\ndata:d\r:comment\n\nunknown!\rid: 5678\n\n";
    assert_eq!(hear_at_every_cut(SMALL, stream), (vec![message("abc\nd")], Ok(())));
}

#[test]
fn the_first_byte_too_much_of_a_line_is_named() {
    check(b"data:abcd\n\n", &[], Rule::LineLong, 8);
    check(b":\xff\xff\xff\xff\xff\xff\xff\xff", &[], Rule::LineLong, 8);
    check(b"data:a\r\n\r\n:comment!\n", &["a"], Rule::LineLong, 18);
    check(b"data:a\r\r:comment!", &["a"], Rule::LineLong, 16);
    check("\u{feff}data:a".as_bytes(), &[], Rule::LineLong, 8);
}

#[test]
fn data_may_have_as_many_bytes_as_the_limit() {
    let stream = b"data:abc\ndata:ef\n\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n";
    assert_eq!(hear_at_every_cut(SMALL, stream), (vec![message("abc\nef"), message("\n\n\n\n\n\n")], Ok(())));
}

#[test]
fn the_first_byte_too_much_of_data_is_named() {
    check(b"data:abc\ndata:efg\n\n", &[], Rule::DataLong, 16);
    check(b"data: \rdata:abc\r\ndata: gh\r\n", &[], Rule::DataLong, 24);
    check(b"data:a\n\ndata:abc\ndata:ef\ndata:g\n", &["a"], Rule::DataLong, 30);
    check(b"data:abc\ndata:ef\ndata:\n", &[], Rule::DataLong, 22);
    check(b"data:abc\ndata:ef\ndata\n", &[], Rule::DataLong, 21);
    check("\u{feff}data\ndata:abc\ndata:fg\n".as_bytes(), &[], Rule::DataLong, 23);
}

#[test]
fn data_count_as_they_came() {
    let stream = b"data:\xff\xff\xff\ndata:\xff\xff\n\n";
    let replaced = message("\u{fffd}\u{fffd}\u{fffd}\n\u{fffd}\u{fffd}");
    assert_eq!(hear_at_every_cut(SMALL, stream), (vec![replaced], Ok(())));
}

#[test]
fn an_error_says_which_byte_and_why() {
    for (rule, text) in [
        (Rule::LineLong, "byte 9: the line is longer than this end keeps"),
        (Rule::DataLong, "byte 9: the data of the event is longer than this end keeps"),
    ] {
        assert_eq!(Error { rule, offset: 9 }.to_string(), text);
    }
}
