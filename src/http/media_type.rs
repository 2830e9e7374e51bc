//! What content is: media types (RFC 9110 §8.3.1).

use super::grammar::{is_blank, is_token_byte, is_value_byte};

/// Whether this is a media type.
///
/// ```text
/// media-type = type "/" subtype *( OWS ";" OWS [ parameter ] )
/// parameter  = token "=" ( token / quoted-string )
/// ```
pub fn is_media_type(value: &[u8]) -> bool {
    let Some(rest) = token(value).and_then(|rest| rest.strip_prefix(b"/")).and_then(token) else {
        return false;
    };
    are_parameters(rest)
}

/// The type and subtype alone.
pub fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim_ascii()
}

fn are_parameters(mut rest: &[u8]) -> bool {
    loop {
        rest = blanks(rest);
        let Some(behind) = rest.strip_prefix(b";") else { return rest.is_empty() };
        rest = blanks(behind);
        if let Some(behind) = token(rest) {
            let value = behind.strip_prefix(b"=").and_then(|value| token(value).or_else(|| quoted(value)));
            let Some(behind) = value else { return false };
            rest = behind;
        }
    }
}

/// What stands behind a token, if there is one.
fn token(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

/// The same for a quoted-string (RFC 9110 §5.6.4).
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some(behind),
            // A backslash takes the next byte as it is, a quote too.
            [b'\\', byte, behind @ ..] | [byte, behind @ ..] if is_value_byte(*byte) => behind,
            _ => return None,
        };
    }
}

fn blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len());
    &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_media_types_from_others() {
        for good in [
            "image/png",
            "image/svg+xml",
            "text/plain;charset=utf-8",
            "text/plain ; charset=\"utf-8\" ;",
            "a/b;;c=\"\\\"\";d=e",
        ] {
            assert!(is_media_type(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "image/png/x",
            "image png",
            "text/plain; charset",
            "text/plain;charset=",
            "text/plain;a=\"b",
            "text/plain, text/html",
            "text/<b>",
            "a/b;c=d e",
        ] {
            assert!(!is_media_type(bad.as_bytes()), "{bad}");
        }
        assert_eq!(essence("Text/Plain ; charset=utf-8"), "Text/Plain");
    }
}
