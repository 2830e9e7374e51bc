use proptest::prelude::*;

use super::*;

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    encode(bytes, &mut text);
    text
}

fn decoded(text: &str) -> Result<Vec<u8>, NotationError> {
    let mut bytes = Vec::new();
    decode(text, &mut bytes).map(|()| bytes)
}

fn block(bytes: &[u8]) -> String {
    let mut lines = String::new();
    print_block(Side::Server, bytes, &mut lines);
    lines
}

#[test]
fn every_byte_shows() {
    assert_eq!(encoded(b"GET / HTTP/1.1\r\n"), r"GET / HTTP/1.1\r\n");
    assert_eq!(encoded(b"a\tb\\\0\x7f\xc3\xa9 "), r"a\tb\\\x00\x7f\xc3\xa9\x20");
}

#[test]
fn errors_name_column_and_rule() {
    let refused = |text, column, rule| {
        assert_eq!(decoded(text), Err(NotationError { column, rule }), "{text:?}");
    };
    refused(r"ab\q", 3, Rule::Escape);
    refused(r"ab\x4", 3, Rule::Escape);
    refused(r"ab\x+4", 3, Rule::Escape);
    refused("ab\\", 3, Rule::Escape);
    refused("a\tb", 2, Rule::NotVisible);
    refused("aé", 2, Rule::NotVisible);
    refused("ab ", 3, Rule::SpaceAtEnd);
}

#[test]
fn hex_lines_may_have_a_gloss() {
    let hex = |text| {
        let mut bytes = Vec::new();
        decode_hex(text, &mut bytes).map(|()| bytes)
    };
    assert_eq!(hex("81 85  37 FA   ; FIN; é"), Ok(vec![0x81, 0x85, 0x37, 0xfa]));
    assert_eq!(hex("81 8"), Err(NotationError::new(4, Rule::HexPair)));
    assert_eq!(hex("81 8585"), Err(NotationError::new(4, Rule::HexPair)));
    assert_eq!(hex("é"), Err(NotationError::new(1, Rule::HexPair)));
    assert_eq!(hex(" ; nothing"), Err(NotationError::new(1, Rule::NoBytes)));
}

#[test]
fn a_line_may_repeat_its_bytes() {
    let repeated = |text: &str| {
        let mut bytes = vec![0x82];
        decode_repeated(text, &mut bytes).map(|()| bytes)
    };
    assert_eq!(repeated("3 61 62   ; \"ababab\""), Ok(b"\x82ababab".to_vec()));
    assert_eq!(repeated("1048576 00").map(|bytes| bytes.len()), Ok(1 + 1024 * 1024));
    for count in ["", "0", "+3", "-3", "0x3", "1048577", "99999999999999999999"] {
        assert_eq!(repeated(&format!("{count} 61")), Err(NotationError::new(1, Rule::Count)), "{count:?}");
    }
    assert_eq!(repeated("61"), Err(NotationError::new(4, Rule::NoBytes)));
    assert_eq!(repeated("12 61 6"), Err(NotationError::new(7, Rule::HexPair)));
    assert_eq!(repeated("12 ; nothing"), Err(NotationError::new(4, Rule::NoBytes)));
}

#[test]
fn a_block_is_cut_after_each_line_feed() {
    assert_eq!(block(b"a\r\n\nb "), "S: a\\r\\n\nS: \\n\nS: b\\x20\n");
    assert_eq!(block("é\n".as_bytes()), "S: \\xc3\\xa9\\n\n");
}

#[test]
fn what_is_not_text_stands_on_hex_lines() {
    let hex = "S| 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\nS| 10\n";
    assert_eq!(block(&(0..0x11).collect::<Vec<_>>()), hex);
    assert_eq!(block(b"a\n\x81\x0a\xff\x0ab"), "S: a\\n\nS| 81 0a ff 0a\nS: b\n");
}

proptest! {
    #[test]
    fn decode_undoes_encode(bytes: Vec<u8>) {
        prop_assert_eq!(decoded(&encoded(&bytes)), Ok(bytes));
    }

    #[test]
    fn a_block_parses_back(bytes in prop::collection::vec(prop_oneof![
        Just(b'\n'), Just(b' '), Just(0x81), Just(b'\\'), any::<u8>(), b' '..=b'~',
    ], 0..200)) {
        let mut back = Vec::new();
        for line in block(&bytes).lines() {
            match line.split_at(3) {
                ("S: ", text) => decode(text, &mut back)?,
                ("S| ", text) => decode_hex(text, &mut back)?,
                _ => prop_assert!(false, "{}", line),
            }
        }
        prop_assert_eq!(back, bytes);
    }
}
