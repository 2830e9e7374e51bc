//! Structured fields, as far as the fields here have them: an Item that is a Boolean or an Integer (RFC 9651 §3.3).
//!
//! Whatever does not parse to its end is no value at all: a field that is half understood is worse than none
//! (RFC 9651 §4.2).

use super::grammar::is_token_byte;

/// The Boolean of a field: `?0` or `?1`. Parameters behind it are passed over.
pub fn boolean(value: &[u8]) -> Option<bool> {
    let (bare, rest) = match trim_spaces(value) {
        [b'?', b'0', rest @ ..] => (false, rest),
        [b'?', b'1', rest @ ..] => (true, rest),
        _ => return None,
    };
    are_parameters(rest).then_some(bare)
}

/// The Integer of a field, of which there are up to 15 digits. Parameters behind it are passed over.
pub fn integer(value: &[u8]) -> Option<i64> {
    let value = trim_spaces(value);
    let (sign, digits) = value.strip_prefix(b"-").map_or((1, value), |digits| (-1, digits));
    let (digits, rest) = split(digits, |byte| byte.is_ascii_digit());
    if !(1..=MAX_DIGITS).contains(&digits.len()) || !are_parameters(rest) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
    Some(sign * number)
}

/// An Integer that counts something.
pub fn count(value: &[u8]) -> Option<u64> {
    integer(value).and_then(|number| number.try_into().ok())
}

/// What stands for a Boolean.
pub fn encode_boolean(value: bool) -> &'static str {
    if value { "?1" } else { "?0" }
}

/// ```text
/// parameters = *( ";" *SP key [ "=" bare-item ] )
/// ```
fn are_parameters(mut rest: &[u8]) -> bool {
    while let Some(behind) = rest.strip_prefix(b";") {
        let (_, behind) = split(behind, |byte| byte == b' ');
        if !behind.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*') {
            return false;
        }
        (_, rest) = split(behind, is_key_byte);
        if let Some(value) = rest.strip_prefix(b"=") {
            let Some(behind) = bare_item(value) else { return false };
            rest = behind;
        }
    }
    rest.is_empty()
}

/// What stands behind a bare item: a Boolean, a String, a Byte Sequence, a Token, an Integer or a Decimal.
fn bare_item(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'?', b'0' | b'1', rest @ ..] => Some(rest),
        [b'"', rest @ ..] => string(rest),
        [b':', rest @ ..] => {
            let (_, rest) = split(rest, |byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
            rest.strip_prefix(b":")
        }
        [first, ..] if first.is_ascii_alphabetic() || *first == b'*' => {
            Some(split(text, |byte| is_token_byte(byte) || b":/".contains(&byte)).1)
        }
        _ => number(text.strip_prefix(b"-").unwrap_or(text)),
    }
}

/// ```text
/// sf-integer = ["-"] 1*15DIGIT
/// sf-decimal = ["-"] 1*12DIGIT "." 1*3DIGIT
/// ```
fn number(text: &[u8]) -> Option<&[u8]> {
    let (whole, rest) = split(text, |byte| byte.is_ascii_digit());
    let Some(fraction) = rest.strip_prefix(b".") else {
        return (1..=MAX_DIGITS).contains(&whole.len()).then_some(rest);
    };
    let (fraction, rest) = split(fraction, |byte| byte.is_ascii_digit());
    ((1..=12).contains(&whole.len()) && (1..=3).contains(&fraction.len())).then_some(rest)
}

/// What stands behind the rest of a string, its closing quote included.
fn string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', b'"' | b'\\', behind @ ..] => behind,
            [b'\\', ..] => return None,
            [b' '..=b'~', behind @ ..] => behind,
            _ => return None,
        };
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
}

/// Spaces alone: a tab is none here.
fn trim_spaces(value: &[u8]) -> &[u8] {
    let (_, value) = split(value, |byte| byte == b' ');
    let end = value.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &value[..end]
}

fn split(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len()))
}

/// So that a double has room for all of them.
const MAX_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_booleans_from_others() {
        assert_eq!(
            (boolean(b"?0"), boolean(b"?1"), boolean(b"  ?1 ")),
            (Some(false), Some(true), Some(true))
        );
        for good in [
            "?1;a",
            "?1; a=1",
            "?1;a;b=?0;c=\"d \\\" \\\\\"",
            "?1;*=tok/en:x",
            "?1;d=-12.345;e=:YQ==:",
            "?1;a=999999999999999",
        ] {
            assert_eq!(boolean(good.as_bytes()), Some(true), "{good}");
        }
        for bad in [
            "",
            "1",
            "?",
            "?2",
            "?true",
            "true",
            "? 1",
            "?1?",
            "?1, ?1",
            "?1;",
            "?1;A",
            "?1;a=",
            "?1;a=\"b",
            "?1 ;a",
            "\t?1",
            "?1;a=\"\\b\"",
            "?1;a=:b",
            "?1;a=1.",
            "?1;a=1.2345",
            "?1;a=-",
            "?1;a=1234567890123456",
            "?1;a=ä",
        ] {
            assert_eq!(boolean(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn tells_integers_from_others() {
        assert_eq!((integer(b"0"), integer(b"-7"), integer(b"007")), (Some(0), Some(-7), Some(7)));
        assert_eq!(integer(b"999999999999999"), Some(999_999_999_999_999));
        assert_eq!((integer(b"42;q=x"), integer(b" 42 ")), (Some(42), Some(42)));
        for bad in [
            "",
            "-",
            "--1",
            "+1",
            "1.0",
            "1e3",
            "0x1",
            "1 2",
            "1,1",
            "1000000000000000",
            "\"1\"",
            "?1",
            "1;;",
        ] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!((count(b"5"), count(b"-0"), count(b"-1")), (Some(5), Some(0), None));
    }
}
