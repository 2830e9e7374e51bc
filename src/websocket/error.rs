//! Every rule that a peer can break once the connection speaks frames: the close code that answers it, and the reason
//! that goes with the code.

use std::fmt;

use super::close::Code;

/// A broken rule and where, counted from the start of the bytes in which it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub rule: Rule,
    pub at: usize,
}

impl Fault {
    pub(super) fn new(rule: Rule, at: usize) -> Fault {
        Fault { rule, at }
    }
}

/// A broken rule and where, counted from the first byte behind the opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub rule: Rule,
    /// The offset of the byte that breaks the rule; of the frame, where it takes the whole of it to see the fault.
    pub offset: u64,
}

impl fmt::Display for Error {
    /// Code, rule and source: the line that fixtures show behind `!`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rule.code(), self.rule.reason())
    }
}

impl std::error::Error for Error {}

/// The rules, in the order in which a frame meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    ReservedBits,
    CompressedControl,
    CompressedContinuation,
    OpcodeReserved,
    ControlFragmented,
    ContinuationAlone,
    MessageInterrupted,
    MaskMissing,
    MaskForbidden,
    ControlLong,
    LengthNotMinimal,
    LengthOverflow,
    MessageLong,
    FragmentsMany,
    TextByte,
    TextCut,
    DeflateBroken,
    InflatedLong,
    CloseCut,
    CloseCode,
    CloseReason,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 21] = [
        Rule::ReservedBits,
        Rule::CompressedControl,
        Rule::CompressedContinuation,
        Rule::OpcodeReserved,
        Rule::ControlFragmented,
        Rule::ContinuationAlone,
        Rule::MessageInterrupted,
        Rule::MaskMissing,
        Rule::MaskForbidden,
        Rule::ControlLong,
        Rule::LengthNotMinimal,
        Rule::LengthOverflow,
        Rule::MessageLong,
        Rule::FragmentsMany,
        Rule::TextByte,
        Rule::TextCut,
        Rule::DeflateBroken,
        Rule::InflatedLong,
        Rule::CloseCut,
        Rule::CloseCode,
        Rule::CloseReason,
    ];

    /// The close code that the connection fails with (RFC 6455 §7.4.1).
    pub fn code(self) -> Code {
        self.answer().0
    }

    /// What the Close frame says: the rule and where it stands, in 123 bytes at most.
    pub fn reason(self) -> &'static str {
        self.answer().1
    }

    #[rustfmt::skip]
    fn answer(self) -> (Code, &'static str) {
        use Code as C;
        match self {
            Rule::ReservedBits => (C::PROTOCOL_ERROR,
                "reserved bits stay 0 without an extension that was agreed on (RFC 6455 §5.2)"),
            Rule::CompressedControl => (C::PROTOCOL_ERROR,
                "RSV1 on a control frame: only data is compressed (RFC 7692 §6)"),
            Rule::CompressedContinuation => (C::PROTOCOL_ERROR,
                "RSV1 on a continuation: the first frame of a message bears it (RFC 7692 §6)"),
            Rule::OpcodeReserved => (C::PROTOCOL_ERROR,
                "opcode without a meaning; known are 0, 1, 2, 8, 9 and 10 (RFC 6455 §5.2)"),
            Rule::ControlFragmented => (C::PROTOCOL_ERROR,
                "control frame without FIN: it cannot be fragmented (RFC 6455 §5.5)"),
            Rule::ContinuationAlone => (C::PROTOCOL_ERROR,
                "continuation of no message (RFC 6455 §5.4)"),
            Rule::MessageInterrupted => (C::PROTOCOL_ERROR,
                "a message begins before the one under way has ended (RFC 6455 §5.4)"),
            Rule::MaskMissing => (C::PROTOCOL_ERROR,
                "masked frame required (RFC 6455 §5.1)"),
            Rule::MaskForbidden => (C::PROTOCOL_ERROR,
                "a server masks no frame (RFC 6455 §5.1)"),
            Rule::ControlLong => (C::PROTOCOL_ERROR,
                "control frame with more than 125 bytes (RFC 6455 §5.5)"),
            Rule::LengthNotMinimal => (C::PROTOCOL_ERROR,
                "payload length in more bytes than it needs (RFC 6455 §5.2)"),
            Rule::LengthOverflow => (C::PROTOCOL_ERROR,
                "payload length with its most significant bit set (RFC 6455 §5.2)"),
            Rule::MessageLong => (C::TOO_BIG,
                "message larger than this end keeps (RFC 6455 §10.4)"),
            Rule::FragmentsMany => (C::TOO_BIG,
                "message in more fragments than this end counts (RFC 6455 §10.4)"),
            Rule::TextByte => (C::INVALID_DATA,
                "text with a byte that is not UTF-8 (RFC 6455 §8.1)"),
            Rule::TextCut => (C::INVALID_DATA,
                "text that ends inside of a character (RFC 6455 §8.1)"),
            Rule::DeflateBroken => (C::INVALID_DATA,
                "compressed message that cannot be inflated (RFC 7692 §7.2.2)"),
            Rule::InflatedLong => (C::TOO_BIG,
                "message larger than this end keeps, once inflated (RFC 6455 §10.4)"),
            Rule::CloseCut => (C::PROTOCOL_ERROR,
                "Close with half a code: its body is empty or begins with two bytes (RFC 6455 §5.5.1)"),
            Rule::CloseCode => (C::PROTOCOL_ERROR,
                "close code that no endpoint sends (RFC 6455 §7.4)"),
            Rule::CloseReason => (C::INVALID_DATA,
                "close reason that is not UTF-8 (RFC 6455 §5.5.1)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::close::MAX_REASON_BYTES;
    use super::*;

    #[test]
    fn every_reason_fits_into_a_close_frame_and_names_its_source() {
        for rule in Rule::ALL {
            let reason = rule.reason();
            assert!(reason.len() <= MAX_REASON_BYTES, "{rule:?}");
            assert!(reason.contains(" (RFC ") && reason.contains('§') && reason.ends_with(')'), "{rule:?}");
        }
    }
}
