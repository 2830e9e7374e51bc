//! Close: the code and the reason that a connection ends with (RFC 6455 §5.5.1, §7.4).

use std::borrow::Cow;
use std::fmt;

use super::error::{Fault, Rule};
use super::utf8;

/// A status code that may stand in a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(u16);

impl Code {
    pub const NORMAL: Code = Code(1000);
    pub const GOING_AWAY: Code = Code(1001);
    pub const PROTOCOL_ERROR: Code = Code(1002);
    pub const UNSUPPORTED_DATA: Code = Code(1003);
    pub const INVALID_DATA: Code = Code(1007);
    pub const TOO_BIG: Code = Code(1009);

    /// The code with this number, if an endpoint may send it: 1004 is reserved; 1005, 1006 and 1015 stand for what
    /// was never sent; the rest below 3000 is not assigned, and what an application chooses lies from 3000 to 4999
    /// (RFC 6455 §7.4.2; 1012 to 1014: IANA's WebSocket Close Code Number Registry).
    pub const fn new(number: u16) -> Option<Code> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Code(number)),
            _ => None,
        }
    }

    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a Close frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close<'b> {
    /// Absent when the frame is empty: 1005, as programs call it.
    pub code: Option<Code>,
    /// "not necessarily human readable but may be useful for debugging"
    pub reason: Cow<'b, str>,
}

impl fmt::Display for Close<'_> {
    /// `1000 bye`, or `no code`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, &*self.reason) {
            (None, _) => f.write_str("no code"),
            (Some(code), "") => code.fmt(f),
            (Some(code), reason) => write!(f, "{code} {}", reason.escape_debug()),
        }
    }
}

impl<'b> Close<'b> {
    /// Reads the body of a Close frame.
    ///
    /// # Errors
    /// Half a code, a code that must not be sent, a reason that is no text.
    pub fn parse(body: &'b [u8]) -> Result<Close<'b>, Fault> {
        match body {
            [] => Ok(Close::default()),
            [_] => Err(Fault::new(Rule::CloseCut, 0)),
            [high, low, reason @ ..] => {
                let number = u16::from_be_bytes([*high, *low]);
                let code = Code::new(number).ok_or(Fault::new(Rule::CloseCode, 0))?;
                let reason = utf8::check(reason).map_err(|at| Fault::new(Rule::CloseReason, 2 + at))?;
                Ok(Close { code: Some(code), reason: Cow::Borrowed(reason) })
            }
        }
    }

    pub fn into_owned(self) -> Close<'static> {
        Close { code: self.code, reason: Cow::Owned(self.reason.into_owned()) }
    }
}

/// The body of a Close frame. A reason that is longer than a control frame can hold is cut behind a character.
pub fn encode_body(code: Code, reason: &str) -> Vec<u8> {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    [&code.number().to_be_bytes(), &reason.as_bytes()[..end]].concat()
}

/// What a control frame can hold, less the code.
pub const MAX_REASON_BYTES: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_nobody_may_send_are_refused() {
        for number in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            let body = u16::to_be_bytes(number);
            assert_eq!(Close::parse(&body), Err(Fault::new(Rule::CloseCode, 0)), "{number}");
        }
        for number in [1000, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert_eq!(Code::new(number).map(Code::number), Some(number));
        }
    }

    #[test]
    fn a_reason_is_text() {
        assert_eq!(Close::parse(b"\x03"), Err(Fault::new(Rule::CloseCut, 0)));
        assert_eq!(Close::parse(b"\x03\xe8a\xff"), Err(Fault::new(Rule::CloseReason, 3)));
        assert_eq!(Close::parse(b"\x03\xe8bye").unwrap().reason, "bye");
    }

    #[test]
    fn a_long_reason_is_cut_behind_a_character() {
        let body = encode_body(Code::NORMAL, &"\u{e4}".repeat(100));
        assert_eq!(body.len(), 2 + 122);
        assert!(Close::parse(&body).is_ok());
    }
}
