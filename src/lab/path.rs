//! Paths before routing: decoded, without dot segments, and never above the root (RFC 3986 §2.1, §5.2.4, §6.2.2).

use super::refusal::Refusal;
use crate::http::grammar::hex_digit;

/// The segments of a path, each decoded by itself, so that an encoded slash stays inside its segment.
///
/// # Errors
/// A segment that holds a NUL or is not UTF-8. Malformed percent-encoding does not come here: the target was checked.
pub fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let mut kept: Vec<String> = Vec::new();
    let mut raw = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = raw.next() {
        match decode(segment)? {
            dots if dots == "." || dots == ".." => {
                if dots == ".." {
                    kept.pop();
                }
                if raw.peek().is_none() {
                    kept.push(String::new()); // "/a/." is the folder "/a/"
                }
            }
            segment => kept.push(segment),
        }
    }
    Ok(kept)
}

/// Decodes `%XX`.
pub fn decode(text: &str) -> Result<String, Refusal> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match (byte, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let digits = hex_digit(*high).zip(hex_digit(*low));
                let (high, low) = digits.ok_or_else(|| not_encoded(text))?;
                bytes.push(high << 4 | low);
                rest = behind;
            }
            (b'%', _) => return Err(not_encoded(text)),
            _ => bytes.push(*byte),
        }
    }
    if bytes.contains(&0) {
        return Err(Refusal::new(
            400,
            format!("{text:?} holds a NUL (%00), which no name has"),
            "the target without %00",
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        Refusal::new(
            400,
            format!("{text:?} does not decode to UTF-8 (RFC 3986 §2.5)"),
            "each byte of the UTF-8 form as %XX",
        )
    })
}

fn not_encoded(text: &str) -> Refusal {
    Refusal::new(
        400,
        format!("{text:?} has \"%\" without two hexadecimal digits (RFC 3986 §2.1)"),
        "%25 for the character \"%\" itself",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_go_and_never_above_the_root() {
        for (path, kept) in [
            ("/", vec![""]),
            ("/a/b", vec!["a", "b"]),
            ("/a/./b/../c", vec!["a", "c"]),
            ("/../../a", vec!["a"]),
            ("/%2e%2E/a", vec!["a"]),
            ("/a/..", vec![""]),
            ("/a/.", vec!["a", ""]),
            ("/a%2Fb", vec!["a/b"]),
        ] {
            assert_eq!(segments(path).unwrap(), kept, "{path}");
        }
    }

    #[test]
    fn names_hold_no_nul_and_are_utf8() {
        assert_eq!(segments("/%00").unwrap_err().status, 400);
        assert_eq!(segments("/%ff").unwrap_err().status, 400);
        assert_eq!(segments("/%C3%A4").unwrap(), ["ä"]);
    }
}
