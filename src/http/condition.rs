//! Which representation a client has or wants: If-None-Match, If-Match, and the tags they name (RFC 9110 §13.1, §8.8.3).

use std::iter;

use super::grammar::is_blank;
use super::message::Fields;

/// Whether If-None-Match names `tag`, an entity tag with its quotes; `*` names every tag.
///
/// Tags are compared weakly: "the two opaque-tags match character-by-character, regardless of either or both being
/// tagged as 'weak'" (§8.8.3.2).
pub fn client_has(fields: &Fields<'_>, tag: &str) -> bool {
    let current = entity_tags(tag.as_bytes()).next();
    let is_current = |given: EntityTag<'_>| current.is_some_and(|current| given.opaque == current.opaque);
    fields.all("if-none-match").any(|value| value == b"*" || entity_tags(value).any(is_current))
}

/// Whether If-Match is there and does not name `tag`: then nothing is to be done (§13.1.1).
///
/// Tags are compared strongly: "two entity tags are equivalent if both are not weak and their opaque-tags match
/// character-by-character" (§8.8.3.2).
pub fn client_wants_another(fields: &Fields<'_>, tag: &str) -> bool {
    let current = entity_tags(tag.as_bytes()).next();
    let is_current = |given: EntityTag<'_>| !given.is_weak && Some(given) == current;
    let mut values = fields.all("if-match").peekable();
    values.peek().is_some() && !values.any(|value| value == b"*" || entity_tags(value).any(is_current))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EntityTag<'b> {
    is_weak: bool,
    /// What stands between the quotes.
    opaque: &'b [u8],
}

/// The tags up to the first element that is none. A tag may hold a comma, so this is no list to be split at commas.
///
/// ```text
/// If-None-Match = "*" / #entity-tag        If-Match = "*" / #entity-tag
/// entity-tag    = [ %s"W/" ] DQUOTE *etagc DQUOTE
/// ```
fn entity_tags(value: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = value;
    iter::from_fn(move || {
        let start = rest.iter().position(|byte| !is_blank(*byte) && *byte != b',')?;
        let (is_weak, quoted) = match &rest[start..] {
            [b'W', b'/', quoted @ ..] => (true, quoted),
            quoted => (false, quoted),
        };
        let tag = quoted.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', tag)?;
        rest = &tag[end + 1..];
        Some(EntityTag { is_weak, opaque: &tag[..end] })
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
    #[test]
    fn tags_that_are_wanted_are_compared_strongly() {
        for (fields, wants_another) in [
            ("", false),
            ("If-Match: *\r\n", false),
            ("If-Match: \"a\"\r\n", false),
            ("If-Match: \"b\", \"a\"\r\n", false),
            ("If-Match: \"b\"\r\nif-match: \"a\"\r\n", false),
            ("If-Match: W/\"a\"\r\n", true),
            ("If-Match: \"b\"\r\n", true),
            ("If-Match:\r\n", true),
        ] {
            let fields = Fields::checked(fields.as_bytes());
            assert_eq!(client_wants_another(&fields, "\"a\""), wants_another, "{fields:?}");
        }
    }
}
