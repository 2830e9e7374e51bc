//! By which name a client knows a request that it may have to send again: `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! A client that has lost the answer cannot know whether it was heard. With a key it can ask once more, and gets the
//! answer to what it asked first.

use super::refusal::Refusal;
use crate::http::Fields;
use crate::http::grammar::is_token;

/// The key of a request, if it has one.
///
/// ```text
/// Idempotency-Key = sf-item ; a string (RFC 9651 §3.3.3): "8e03978e-40d5-43e8-bc93-6894a57f9324"
/// ```
///
/// Many clients leave the quotes out, and what they send is a token: it is taken for the same key.
pub fn key(fields: &Fields<'_>) -> Result<Option<String>, Refusal> {
    let mut values = fields.all("Idempotency-Key");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let key = parse(value).filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
            key.map(Some).ok_or_else(|| malformed("is none"))
        }
        (Some(_), Some(_)) => Err(malformed("is given twice")),
    }
}

fn parse(value: &[u8]) -> Option<String> {
    let value = str::from_utf8(value).ok()?;
    let Some(quoted) = value.strip_prefix('"') else {
        return is_token(value.as_bytes()).then(|| value.to_owned());
    };
    let mut key = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => key.push(chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            char @ ' '..='~' => key.push(char),
            _ => return None,
        }
    }
    // Parameters behind it are passed over: none is defined.
    matches!(chars.next(), None | Some(';')).then_some(key)
}

fn malformed(how: &str) -> Refusal {
    let due = format!("a string of 1 to {MAX_KEY_BYTES} printable characters in double quotes");
    Refusal::new(
        400,
        format!("Idempotency-Key {how}: it has to be {due}"),
        "Idempotency-Key: \"a name that is new\"",
    )
}

/// A UUID has 36; Stripe takes 255 as well.
const MAX_KEY_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_or_a_token() {
        for (value, key) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"a \\\"b\\\\\"", Some("a \"b\\")),
            ("\"a\";x=1", Some("a")),
            ("\"a\" b", None),
            ("\"a", None),
            ("\"a\\n\"", None),
            ("\"\u{e4}\"", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(parse(value.as_bytes()).as_deref(), key, "{value}");
        }
    }
}
