//! Parts of a representation: the Range field, and the answer with one part or several (RFC 9110 §14).
//!
//! ```text
//! Range       = "bytes=" range-spec *( "," range-spec )
//! range-spec  = first-pos "-" [ last-pos ] / "-" suffix-length
//! ```

use super::grammar::{list, trim};
use super::message::Fields;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requested {
    /// All of it: no range, or none that this server hears.
    Whole,
    /// These parts in this order, at least one, none of them empty.
    Parts(Vec<ByteRange>),
    /// No part that there is: 416.
    Unsatisfiable,
}

/// Bytes of a representation, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    pub start: u64,
    pub end: u64,
}

/// What the Range field asks for of a representation that is so long.
///
/// "A server MAY ignore the Range header field" (§14.2). Ignored is what cannot be understood, and what would cost more
/// than the whole: more than [`MOST_RANGES`], or ranges that overlap so far that together they are longer than the
/// representation (§14.2: "a deliberate denial-of-service attack"). Of nothing there are no parts, so a range of an empty
/// representation is ignored as well.
pub fn requested(fields: &Fields<'_>, length: u64) -> Requested {
    let mut values = fields.all("range");
    let (Some(value), None) = (values.next(), values.next()) else { return Requested::Whole };
    let Some(specs) = specs(value).filter(|specs| length > 0 && specs.len() <= MOST_RANGES) else {
        return Requested::Whole;
    };
    let parts: Vec<ByteRange> = specs.iter().filter_map(|spec| spec.within(length)).collect();
    match parts.iter().map(ByteRange::len).sum::<u64>() {
        0 => Requested::Unsatisfiable,
        sum if sum > length => Requested::Whole,
        _ => Requested::Parts(parts),
    }
}

impl ByteRange {
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Never, as [`requested`] makes them.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The value of Content-Range (§14.4).
    pub fn content_range(&self, length: u64) -> String {
        format!("bytes {}-{}/{length}", self.start, self.end - 1)
    }
}

/// The value of Content-Range that goes with a 416.
pub fn unsatisfied_range(length: u64) -> String {
    format!("bytes */{length}")
}

/// What stands in front of a part of `multipart/byteranges` (§14.6, RFC 2046 §5.1.1); the first one begins the content.
pub fn part_head(
    boundary: &str,
    content_type: &str,
    part: &ByteRange,
    length: u64,
    is_first: bool,
) -> String {
    let line_end = if is_first { "" } else { "\r\n" };
    let range = part.content_range(length);
    format!("{line_end}--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {range}\r\n\r\n")
}

/// What stands behind the last part.
pub fn last_boundary(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}

#[derive(Clone, Copy)]
enum Spec {
    /// `first-pos "-" [ last-pos ]`
    From(u64, Option<u64>),
    Suffix(u64),
}

impl Spec {
    /// The part of so many bytes that it means, if there is any.
    fn within(self, length: u64) -> Option<ByteRange> {
        let (start, end) = match self {
            Spec::From(first, last) => {
                (first, last.map_or(length, |last| last.saturating_add(1).min(length)))
            }
            Spec::Suffix(count) => (length.saturating_sub(count), length),
        };
        (start < end).then_some(ByteRange { start, end })
    }
}

fn specs(value: &[u8]) -> Option<Vec<Spec>> {
    let (unit, set) = value.split_at(memchr::memchr(b'=', value)?);
    // "Range units … are case-insensitive" (§14.1); whatever else there is, only bytes are heard here.
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs: Option<Vec<Spec>> = list(&set[1..]).map(spec).collect();
    specs.filter(|specs| !specs.is_empty())
}

fn spec(text: &[u8]) -> Option<Spec> {
    let dash = memchr::memchr(b'-', text)?;
    let (first, last) = (trim(&text[..dash]), trim(&text[dash + 1..]));
    match (position(first), position(last)) {
        (Some(first), Some(last)) if first <= last => Some(Spec::From(first, Some(last))),
        (Some(first), None) if last.is_empty() => Some(Spec::From(first, None)),
        (None, Some(count)) if first.is_empty() => Some(Spec::Suffix(count)),
        _ => None,
    }
}

/// `1*DIGIT`. A number beyond all lengths is beyond this one too, so it need not be exact.
fn position(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let value = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    is_number.then(|| digits.iter().fold(0, value))
}

/// Apache takes 200, and nobody has been seen to need more than a few.
pub const MOST_RANGES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(value: &str, length: u64) -> Requested {
        requested(&Fields::checked(format!("Range: {value}\r\n").as_bytes()), length)
    }

    fn parts(parts: &[(u64, u64)]) -> Requested {
        Requested::Parts(parts.iter().map(|(start, end)| ByteRange { start: *start, end: *end }).collect())
    }

    #[test]
    fn the_examples_of_the_rfc_mean_what_it_says() {
        for (value, due) in [
            ("bytes=0-499", parts(&[(0, 500)])),
            ("bytes=500-999", parts(&[(500, 1000)])),
            ("bytes=-500", parts(&[(9500, 10_000)])),
            ("bytes=9500-", parts(&[(9500, 10_000)])),
            ("bytes=0-0,-1", parts(&[(0, 1), (9999, 10_000)])),
            ("bytes= 0-999, 4500-5499, -1000", parts(&[(0, 1000), (4500, 5500), (9000, 10_000)])),
            ("bytes=500-600,601-999", parts(&[(500, 601), (601, 1000)])),
        ] {
            assert_eq!(of(value, 10_000), due, "{value}");
        }
    }

    #[test]
    fn what_reaches_beyond_the_end_is_cut_off_there() {
        for (value, due) in [
            ("bytes=5-100", parts(&[(5, 10)])),
            ("bytes=9-99999999999999999999999", parts(&[(9, 10)])),
            ("bytes=-100", parts(&[(0, 10)])),
            ("bytes=10-", Requested::Unsatisfiable),
            ("bytes=99999999999999999999999-", Requested::Unsatisfiable),
            ("bytes=-0", Requested::Unsatisfiable),
            ("bytes=20-30,-0", Requested::Unsatisfiable),
            ("bytes=20-30,3-4", parts(&[(3, 5)])),
        ] {
            assert_eq!(of(value, 10), due, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_understood_or_costs_too_much_is_ignored() {
        let many = format!("bytes={}", "1-1,".repeat(MOST_RANGES + 1));
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=1-2-3",
            "bytes=1 2-3",
            "bytes=+1-2",
            "bytes=1-2,x",
            "lines=1-2",
            "bytes=0-9,0-9",
            "bytes=0-,-1",
            &many,
        ] {
            assert_eq!(of(value, 10), Requested::Whole, "{value}");
        }
        assert_eq!(of("BYTES=1-2", 10), parts(&[(1, 3)]));
        assert_eq!(of("bytes=0-", 0), Requested::Whole);
        let twice = Fields::checked(b"Range: bytes=1-2\r\nRange: bytes=1-2\r\n");
        assert_eq!(requested(&twice, 10), Requested::Whole);
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_representation(value in "bytes=([0-9]{0,4}-[0-9]{0,4},?){0,6}", length in 0..3000u64) {
            if let Requested::Parts(parts) = of(&value, length) {
                prop_assert!(!parts.is_empty() && parts.len() <= MOST_RANGES);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
                prop_assert!(parts.iter().map(ByteRange::len).sum::<u64>() <= length);
            }
        }

        #[test]
        fn no_value_is_too_strange(value in "[ -~]{0,40}", length in any::<u64>()) {
            of(&value, length);
            of(&format!("bytes={value}"), length);
        }
    }
}
