//! Whether a client has the representation already: If-None-Match and the tags it names (RFC 9110 §13.1.2, §8.8.3).

use std::iter;

use super::grammar::is_blank;
use super::message::Fields;

/// Whether If-None-Match names `tag`, an entity tag with its quotes; `*` names every tag.
///
/// Tags are compared weakly: "the two opaque-tags match character-by-character, regardless of either or both being
/// tagged as 'weak'" (§8.8.3.2).
pub fn client_has(fields: &Fields<'_>, tag: &str) -> bool {
    let current = opaque_tags(tag.as_bytes()).next();
    fields
        .all("if-none-match")
        .any(|value| value == b"*" || opaque_tags(value).any(|given| Some(given) == current))
}

/// What stands between the quotes, up to the first element that is no entity tag. A tag may hold a comma, so this is
/// no list to be split at commas.
///
/// ```text
/// If-None-Match = "*" / #entity-tag
/// entity-tag    = [ %s"W/" ] DQUOTE *etagc DQUOTE
/// ```
fn opaque_tags(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    iter::from_fn(move || {
        let start = rest.iter().position(|byte| !is_blank(*byte) && *byte != b',')?;
        let tag = rest[start..].strip_prefix(b"W/").unwrap_or(&rest[start..]).strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', tag)?;
        rest = &tag[end + 1..];
        Some(&tag[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_in_lists_and_lines() {
        for (fields, has) in [
            ("", false),
            ("If-None-Match: *\r\n", true),
            ("If-None-Match: \"a\"\r\n", true),
            ("if-none-match: W/\"a\"\r\n", true),
            ("If-None-Match: w/\"a\"\r\n", false),
            ("If-None-Match: \"b\" ,, W/\"a\"\r\n", true),
            ("If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n", true),
            ("If-None-Match: \"b,a\", \"A\"\r\n", false),
            ("If-None-Match: a\r\n", false),
            ("If-None-Match: \"a\r\n", false),
            ("If-None-Match:\r\n", false),
        ] {
            assert_eq!(client_has(&Fields::checked(fields.as_bytes()), "\"a\""), has, "{fields:?}");
        }
    }
}
