//! permessage-deflate: which parameters are offered, and which are agreed on (RFC 6455 §9.1, RFC 7692 §5, §7.1).

use std::fmt::Write;

use crate::http::grammar::{is_blank, is_token_byte};

/// What both ends keep to when they compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the server's window, 9 to 15; absent: 15.
    pub server_max_window_bits: Option<u8>,
    /// Base-2 logarithm of the client's window, 8 to 15; absent: 15.
    pub client_max_window_bits: Option<u8>,
}

/// The parameters as they concern the messages of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    pub takes_context_over: bool,
    pub window_bits: u8,
}

impl Parameters {
    /// For what the server sends.
    pub fn server(&self) -> Direction {
        Direction {
            takes_context_over: !self.server_no_context_takeover,
            window_bits: self.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
        }
    }

    /// For what the client sends.
    pub fn client(&self) -> Direction {
        Direction {
            takes_context_over: !self.client_no_context_takeover,
            window_bits: self.client_max_window_bits.unwrap_or(MAX_WINDOW_BITS),
        }
    }

    /// The first of the client's offers that can be met, as it is then agreed on; `None` when there is none. Given
    /// are the values of its Sec-WebSocket-Extensions fields: they count as one list.
    ///
    /// # Errors
    /// When the field does not follow the grammar: "the recipient of such malformed data MUST immediately _Fail the
    /// WebSocket Connection_" (RFC 6455 §9.1).
    pub fn negotiate<'b>(values: impl Iterator<Item = &'b [u8]>) -> Result<Option<Parameters>, Malformed> {
        let mut agreed = None;
        for value in values {
            for extension in parse(value)? {
                if agreed.is_none() && extension.name == PERMESSAGE_DEFLATE {
                    agreed = accept_offer(&extension.parameters);
                }
            }
        }
        Ok(agreed)
    }

    /// The value of the field that answers the offer.
    pub fn encode(&self) -> String {
        let mut value = String::from(PERMESSAGE_DEFLATE);
        if self.server_no_context_takeover {
            value.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            value.push_str("; client_no_context_takeover");
        }
        for (name, bits) in [
            ("server_max_window_bits", self.server_max_window_bits),
            ("client_max_window_bits", self.client_max_window_bits),
        ] {
            if let Some(bits) = bits {
                write!(value, "; {name}={bits}").expect("a string takes everything");
            }
        }
        value
    }
}

/// A list of extensions that does not follow its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// An extension as it is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Extension<'b> {
    name: &'b str,
    parameters: Vec<(&'b str, Option<String>)>,
}

/// "A server MUST decline an extension negotiation offer for this extension" with a parameter that it does not know,
/// with a value that is not valid, with the same parameter twice, or with one that it cannot support (RFC 7692 §7).
fn accept_offer(offered: &[(&str, Option<String>)]) -> Option<Parameters> {
    let mut agreed = Parameters::default();
    for (at, (name, value)) in offered.iter().enumerate() {
        if offered[..at].iter().any(|(earlier, _)| earlier == name) {
            return None;
        }
        match (*name, value) {
            ("server_no_context_takeover", None) => agreed.server_no_context_takeover = true,
            // A hint that it will not need what we would remember of it, and so we hold it to that.
            ("client_no_context_takeover", None) => agreed.client_no_context_takeover = true,
            // zlib has no window of 8 bits: it takes 9 without a word, and the peer could not inflate that.
            ("server_max_window_bits", Some(bits)) => {
                agreed.server_max_window_bits = Some(window_bits(bits).filter(|bits| *bits > 8)?);
            }
            // A bare one says only that the server may ask for a smaller window: it has no need to.
            ("client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => {
                agreed.client_max_window_bits = Some(window_bits(bits)?)
            }
            _ => return None,
        }
    }
    Some(agreed)
}

/// "a decimal integer value without leading zeroes between 8 to 15, inclusive" (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    (8..=MAX_WINDOW_BITS).find(|bits| bits.to_string() == value)
}

/// The extensions of a field value.
///
/// ```text
/// extension-list  = 1#extension
/// extension       = extension-token *( ";" extension-param )
/// extension-param = token [ "=" (token | quoted-string) ]
///     ;When using the quoted-string syntax variant, the value after quoted-string unescaping MUST conform to
///     ;the 'token' ABNF.
/// ```
fn parse(value: &[u8]) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut scanner = Scanner { rest: value };
    let mut extensions = Vec::new();
    loop {
        while scanner.take(b',') {} // empty elements (RFC 9110 §5.6.1.2)
        if scanner.rest.is_empty() {
            return Ok(extensions);
        }
        extensions.push(scanner.extension()?);
        if !scanner.rest.is_empty() && !scanner.rest.starts_with(b",") {
            return Err(Malformed);
        }
    }
}

/// Goes over a field value, and over the blanks that may stand around each part.
struct Scanner<'b> {
    rest: &'b [u8],
}

impl<'b> Scanner<'b> {
    fn extension(&mut self) -> Result<Extension<'b>, Malformed> {
        let mut extension = Extension { name: self.token()?, parameters: Vec::new() };
        while self.take(b';') {
            let name = self.token()?;
            let value = if self.take(b'=') { Some(self.value()?) } else { None };
            extension.parameters.push((name, value));
        }
        Ok(extension)
    }

    fn value(&mut self) -> Result<String, Malformed> {
        if !self.rest.starts_with(b"\"") {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            let byte = match byte {
                b'"' if value.is_empty() => return Err(Malformed),
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    self.skip_blanks();
                    return Ok(value);
                }
                b'\\' => bytes.next().ok_or(Malformed)?.1,
                byte => byte,
            };
            if !is_token_byte(*byte) {
                return Err(Malformed);
            }
            value.push(char::from(*byte));
        }
        Err(Malformed)
    }

    fn token(&mut self) -> Result<&'b str, Malformed> {
        self.skip_blanks();
        let end = self.rest.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.skip_blanks();
        match str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(Malformed),
        }
    }

    /// Whether this byte stood here and was passed.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            self.rest = &self.rest[1..];
            self.skip_blanks();
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        while let [first, rest @ ..] = self.rest
            && is_blank(*first)
        {
            self.rest = rest;
        }
    }
}

const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

const MAX_WINDOW_BITS: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offers: &[&str]) -> Result<Option<String>, Malformed> {
        let agreed = Parameters::negotiate(offers.iter().map(|offer| offer.as_bytes()))?;
        Ok(agreed.map(|parameters| parameters.encode()))
    }

    #[test]
    fn an_offer_that_can_be_met_is_agreed_on() {
        for (offer, agreed) in [
            ("permessage-deflate", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
            ("permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"),
            (
                "permessage-deflate;server_max_window_bits=\"9\"",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (
                "permessage-deflate;server_max_window_bits=\"1\\0\"",
                "permessage-deflate; server_max_window_bits=10",
            ),
            (
                "permessage-deflate ; client_no_context_takeover\t; server_no_context_takeover ",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ),
            (", x-webkit-deflate-frame; a=b, permessage-deflate,", "permessage-deflate"),
        ] {
            assert_eq!(answer(&[offer]), Ok(Some(agreed.to_owned())), "{offer}");
        }
    }

    #[test]
    fn an_offer_that_cannot_be_met_is_passed_over() {
        for parameter in [
            "unknown",
            "server_no_context_takeover=1",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover=\"x\"",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=8",
            "server_max_window_bits=16",
            "server_max_window_bits=010",
            "server_max_window_bits=9; server_max_window_bits=9",
            "client_max_window_bits=7",
            "client_max_window_bits=+9",
            "client_max_window_bits; client_max_window_bits",
        ] {
            let offer = format!("permessage-deflate; {parameter}");
            assert_eq!(answer(&[&offer]), Ok(None), "{offer}");
            let fallback = format!("{offer}, permessage-deflate; server_max_window_bits=15");
            let agreed = Ok(Some("permessage-deflate; server_max_window_bits=15".to_owned()));
            assert_eq!(answer(&[&fallback]), agreed, "{fallback}");
            assert_eq!(answer(&[&offer, "permessage-deflate; server_max_window_bits=15"]), agreed);
        }
        assert_eq!(answer(&["other"]), Ok(None));
        assert_eq!(answer(&[""]), Ok(None));
        assert_eq!(answer(&[]), Ok(None));
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_malformed() {
        for value in [
            "permessage-deflate;",
            "permessage-deflate; =9",
            "permessage-deflate; a=",
            "permessage-deflate; a=\"9",
            "permessage-deflate; a=\"\"",
            "permessage-deflate; a=\"b c\"",
            "permessage-deflate; a=\"b\"c",
            "permessage-deflate; a=\"b\\",
            "permessage-deflate a",
            "permessage-deflate, ;",
            "perm\u{e4}ssage",
        ] {
            assert_eq!(answer(&[value]), Err(Malformed), "{value}");
        }
    }
}
