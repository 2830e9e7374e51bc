//! The character classes that the grammars of RFC 9110 and RFC 3986 are made of, as one table of bits.

/// tchar (RFC 9110 §5.6.2): what methods, field names and other tokens consist of.
pub fn is_token_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

/// A byte that stands in a path for itself: unreserved, sub-delims, `:`, `@`, and the slash (RFC 3986 §3.3). What
/// else a target may hold means something: `%` and `?`.
pub fn is_plain_path_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & PLAIN_PATH != 0
}

/// A byte that stands in a registered name for itself: unreserved, sub-delims (RFC 3986 §3.2.2).
pub fn is_name_byte(byte: u8) -> bool {
    CLASSES[byte as usize] & NAME != 0
}

/// A byte of a field value: VCHAR, obs-text, space and tab (RFC 9110 §5.5).
pub fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// OWS and BWS: space and tab (RFC 9110 §5.6.3).
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A token: one tchar or more (RFC 9110 §5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// The value without the blanks around it.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The elements of a comma-separated list, without blanks; empty elements are passed over, as RFC 9110 §5.6.1.2
/// asks of recipients. Not for lists whose elements may hold quoted strings.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// The value of a hexadecimal digit (HEXDIG, either case).
pub fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const TOKEN: u8 = 0b001;
const PLAIN_PATH: u8 = 0b010;
const NAME: u8 = 0b100;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    mark(&mut table, b"!#$%&'*+-.^_`|~", TOKEN);
    mark(&mut table, b"-._~!$&'()*+,;=", NAME | PLAIN_PATH);
    mark(&mut table, b":@/", PLAIN_PATH);
    let mut byte = 0;
    while byte < table.len() {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] |= TOKEN | PLAIN_PATH | NAME;
        }
        byte += 1;
    }
    table
}

const fn mark(table: &mut [u8; 256], bytes: &[u8], class: u8) {
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] |= class;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_pass_over_empty_elements() {
        let elements: Vec<_> = list(b" ,close, ,\tFoo ,").collect();
        assert_eq!(elements, [&b"close"[..], b"Foo"]);
    }

    #[test]
    fn delimiters_are_no_token_bytes() {
        for byte in b"(),/:;<=>?@[\\]{}\" \x7f\x80" {
            assert!(!is_token_byte(*byte), "{byte:#x}");
        }
    }
}
