//! Which representation a client has or wants: preconditions, and the validators they name (RFC 9110 §13, §8.8).

use std::iter;
use std::time::UNIX_EPOCH;

use super::grammar::is_blank;
use super::message::Fields;

/// By what a representation is known to be the same as another.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'v> {
    /// An entity tag with its quotes.
    pub tag: &'v str,
    /// When the representation was last modified, in seconds since 1970-01-01T00:00:00Z, if anybody knows.
    pub modified: Option<u64>,
}

/// What the preconditions of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do what the request asks for.
    Perform,
    /// The client has it already: 304.
    NotModified,
    /// 412.
    Failed(Condition),
}

/// A precondition that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    IfMatch,
    IfUnmodifiedSince,
    IfNoneMatch,
}

/// Looks at the preconditions of a request to a resource that has a representation, in the order of RFC 9110 §13.2.2;
/// `reads` is for GET and HEAD.
///
/// If-Match and If-None-Match go before the dates, because a tag says more: of each pair only one is looked at.
pub fn evaluate(fields: &Fields<'_>, reads: bool, current: &Validators<'_>) -> Verdict {
    if fields.first("if-match").is_some() {
        if client_wants_another(fields, current.tag) {
            return Verdict::Failed(Condition::IfMatch);
        }
    } else if was_modified_since(fields, "if-unmodified-since", current) == Some(true) {
        return Verdict::Failed(Condition::IfUnmodifiedSince);
    }
    if fields.first("if-none-match").is_some() {
        return match client_has(fields, current.tag) {
            false => Verdict::Perform,
            true if reads => Verdict::NotModified,
            true => Verdict::Failed(Condition::IfNoneMatch),
        };
    }
    match was_modified_since(fields, "if-modified-since", current) {
        Some(false) if reads => Verdict::NotModified,
        _ => Verdict::Perform,
    }
}

/// Whether a Range field is to be heard: always, unless If-Range names another representation (§13.1.5).
///
/// A date counts only if it is exactly that of the last modification, and a tag only if it is strong: parts of two
/// representations must never be put together.
pub fn allows_range(fields: &Fields<'_>, current: &Validators<'_>) -> bool {
    let mut values = fields.all("if-range");
    let (Some(value), None) = (values.next(), values.next()) else {
        return fields.first("if-range").is_none();
    };
    match entity_tags(value).next() {
        Some(given) => is_same_strongly(given, current.tag),
        None => current.modified.is_some() && seconds(value) == current.modified,
    }
}

/// `None` when the field says nothing: it is not there or there twice, it is no date, or nobody knows a date here
/// (§13.1.3, §13.1.4).
fn was_modified_since(fields: &Fields<'_>, name: &str, current: &Validators<'_>) -> Option<bool> {
    let mut values = fields.all(name);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Some(current.modified? > seconds(value)?)
}

fn seconds(date: &[u8]) -> Option<u64> {
    let date = httpdate::parse_http_date(str::from_utf8(date).ok()?).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

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
    let is_current = |given| is_same_strongly(given, tag);
    let mut values = fields.all("if-match").peekable();
    values.peek().is_some() && !values.any(|value| value == b"*" || entity_tags(value).any(is_current))
}

fn is_same_strongly(given: EntityTag<'_>, tag: &str) -> bool {
    !given.is_weak && Some(given) == entity_tags(tag.as_bytes()).next()
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

    const CURRENT: Validators<'static> = Validators { tag: "\"a\"", modified: Some(784_111_777) };
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[test]
    fn preconditions_are_looked_at_in_their_order() {
        let read = |fields: &str| evaluate(&Fields::checked(fields.as_bytes()), true, &CURRENT);
        for (fields, verdict) in [
            ("".to_owned(), Verdict::Perform),
            (format!("If-Modified-Since: {SAME}\r\n"), Verdict::NotModified),
            ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n".to_owned(), Verdict::NotModified),
            (format!("If-Modified-Since: {BEFORE}\r\n"), Verdict::Perform),
            (format!("If-Modified-Since: {SAME}\r\nIf-Modified-Since: {SAME}\r\n"), Verdict::Perform),
            ("If-Modified-Since: yesterday\r\n".to_owned(), Verdict::Perform),
            // A tag says more than a date.
            (format!("If-None-Match: \"b\"\r\nIf-Modified-Since: {SAME}\r\n"), Verdict::Perform),
            (format!("If-None-Match: \"a\"\r\nIf-Modified-Since: {BEFORE}\r\n"), Verdict::NotModified),
            (format!("If-Unmodified-Since: {SAME}\r\n"), Verdict::Perform),
            (format!("If-Unmodified-Since: {BEFORE}\r\n"), Verdict::Failed(Condition::IfUnmodifiedSince)),
            (format!("If-Match: \"a\"\r\nIf-Unmodified-Since: {BEFORE}\r\n"), Verdict::Perform),
            ("If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n".to_owned(), Verdict::Failed(Condition::IfMatch)),
            ("If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n".to_owned(), Verdict::NotModified),
        ] {
            assert_eq!(read(&fields), verdict, "{fields:?}");
        }
        let write = |fields: &str| evaluate(&Fields::checked(fields.as_bytes()), false, &CURRENT);
        assert_eq!(write("If-None-Match: *\r\n"), Verdict::Failed(Condition::IfNoneMatch));
        assert_eq!(write(&format!("If-Modified-Since: {SAME}\r\n")), Verdict::Perform);
        let undated = Validators { modified: None, ..CURRENT };
        let fields = format!("If-Modified-Since: {SAME}\r\nIf-Unmodified-Since: {BEFORE}\r\n");
        assert_eq!(evaluate(&Fields::checked(fields.as_bytes()), true, &undated), Verdict::Perform);
    }

    #[test]
    fn a_range_is_only_of_what_the_client_has() {
        for (fields, allows) in [
            ("".to_owned(), true),
            ("If-Range: \"a\"\r\n".to_owned(), true),
            ("If-Range: W/\"a\"\r\n".to_owned(), false),
            ("If-Range: \"b\"\r\n".to_owned(), false),
            (format!("If-Range: {SAME}\r\n"), true),
            (format!("If-Range: {BEFORE}\r\n"), false),
            ("If-Range: Mon, 07 Nov 1994 08:49:37 GMT\r\n".to_owned(), false),
            ("If-Range: a\r\n".to_owned(), false),
            ("If-Range: \"a\"\r\nIf-Range: \"a\"\r\n".to_owned(), false),
        ] {
            assert_eq!(allows_range(&Fields::checked(fields.as_bytes()), &CURRENT), allows, "{fields:?}");
        }
    }
}
