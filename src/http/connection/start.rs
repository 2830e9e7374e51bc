//! What may stand before a head, and what no head begins with.

use crate::http::error::{Fault, Rule};

/// "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF)
/// received prior to the request-line" (RFC 9112 §2.2).
pub(super) fn skip_empty_lines(bytes: &[u8], skipped: &mut u8) -> Result<usize, (usize, Fault)> {
    let mut start = 0;
    while bytes[start..].starts_with(b"\r\n") {
        if *skipped == MAX_EMPTY_LINES {
            return Err((start, Fault { rule: Rule::EmptyLines, at: 0 }));
        }
        *skipped += 1;
        start += 2;
    }
    Ok(start)
}

/// Refuses what cannot become a request by its first byte: a peer of another protocol waits for an answer to it, and may
/// never send the end of a line.
pub(super) fn check_first_byte(head: &[u8]) -> Result<(), Fault> {
    match head.first() {
        Some(b'\r' | b'\n' | b' '..) | None => Ok(()),
        Some(&TLS_HANDSHAKE) => Err(Fault { rule: Rule::Tls, at: 0 }),
        Some(_) => Err(Fault { rule: Rule::MethodByte, at: 0 }),
    }
}

/// The first byte of a record that holds a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Old clients sent one behind a POST; a person who types Enter a few times is forgiven, a flood is not.
const MAX_EMPTY_LINES: u8 = 8;
