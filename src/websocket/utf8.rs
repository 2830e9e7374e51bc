//! Text that arrives in pieces: UTF-8 is checked as far as it has come (RFC 6455 §8.1, RFC 3629).
//!
//! A piece may end inside of a character. Its bytes wait in a [`Character`] until the next piece completes it; a byte
//! that no character can go on with is found at once, not at the end of the message.

/// The bytes of a character that is not complete yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Character {
    bytes: [u8; MAX_CHARACTER_BYTES],
    len: u8,
}

impl Character {
    /// Whether no character has begun.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes of it are there.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// Appends the characters that `piece` completes to `text`, and keeps the beginning of one that it does not.
    ///
    /// # Errors
    /// Where the first byte is that cannot stand there; `text` may have grown by what comes before.
    pub fn append(&mut self, piece: &[u8], text: &mut String) -> Result<(), usize> {
        let mut start = 0;
        while self.len > 0 && start < piece.len() {
            self.go_on(piece[start], text).map_err(|ImpossibleByte| start)?;
            start += 1;
        }
        let end = start + complete_bytes(&piece[start..]);
        text.push_str(check(&piece[start..end]).map_err(|at| start + at)?);
        for (at, byte) in piece.iter().enumerate().skip(end) {
            self.go_on(*byte, text).map_err(|ImpossibleByte| at)?;
        }
        Ok(())
    }

    fn go_on(&mut self, byte: u8, text: &mut String) -> Result<(), ImpossibleByte> {
        self.bytes[self.len()] = byte;
        self.len += 1;
        match str::from_utf8(&self.bytes[..self.len()]) {
            Ok(character) => {
                text.push_str(character);
                self.len = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(ImpossibleByte),
        }
    }
}

/// The text that these bytes are.
///
/// # Errors
/// Where the first byte is that cannot stand there; the end, where a character is not complete.
pub fn check(bytes: &[u8]) -> Result<&str, usize> {
    str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        match error.error_len() {
            None => bytes.len(),
            // The bytes that are counted could begin a character: the one behind them does not go on with it.
            Some(count) if is_first_byte(bytes[start]) => start + count,
            Some(_) => start,
        }
    })
}

struct ImpossibleByte;

/// How many bytes stand before a character that the piece ends inside of; all, when it ends with a whole one.
fn complete_bytes(piece: &[u8]) -> usize {
    let last = piece.iter().rev().take(MAX_CHARACTER_BYTES - 1).position(|byte| !is_following_byte(*byte));
    match last.map(|behind| piece.len() - 1 - behind) {
        Some(start) if piece.len() - start < character_bytes(piece[start]) => start,
        _ => piece.len(),
    }
}

/// How many bytes the character has that begins with `first` (RFC 3629 §3).
fn character_bytes(first: u8) -> usize {
    match first {
        0b1100_0000..=0b1101_1111 => 2,
        0b1110_0000..=0b1110_1111 => 3,
        0b1111_0000..=0b1111_0111 => 4,
        _ => 1,
    }
}

/// Whether a character of two bytes or more can begin with this one. The others of the form 110xxxxx would say in two
/// bytes what fits into one; those above 0xf4 lie behind U+10FFFF.
fn is_first_byte(byte: u8) -> bool {
    matches!(byte, 0xc2..=0xf4)
}

fn is_following_byte(byte: u8) -> bool {
    matches!(byte, 0b1000_0000..=0b1011_1111)
}

const MAX_CHARACTER_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first piece at which the text breaks, and where in all the bytes.
    fn appended(pieces: &[&[u8]]) -> Result<(String, Character), usize> {
        let (mut text, mut character, mut before) = (String::new(), Character::default(), 0);
        for piece in pieces {
            character.append(piece, &mut text).map_err(|at| before + at)?;
            before += piece.len();
        }
        Ok((text, character))
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        let (text, character) = appended(&[b"\xf0", b"\x9f\xa6", b"\x80!"]).unwrap();
        assert_eq!((text.as_str(), character.is_empty()), ("\u{1f980}!", true));
    }

    #[test]
    fn each_impossible_byte_is_found_where_it_stands() {
        for (bytes, at) in [
            (&b"ab\xff"[..], 2),
            (b"\x80", 0),
            (b"\xc0\x80", 0),
            (b"\xc3(", 1),
            (b"\xe0\x80\x80", 1),
            (b"\xed\xa0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xf5\x80", 0),
            (b"\xe2\x82(", 2),
            (b"a\xf0\x9f\xa6\xff", 4),
        ] {
            assert_eq!(check(bytes), Err(at), "{bytes:x?}");
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.split_at(cut);
                assert_eq!(appended(&[first, second]), Err(at), "{first:x?} {second:x?}");
            }
        }
    }

    #[test]
    fn what_could_still_become_a_character_is_no_fault() {
        for bytes in [&b"\xc3"[..], b"\xe0\xa0", b"\xed\x9f", b"\xf4\x8f\xbf", b"\xf0\x90"] {
            assert_eq!(check(bytes), Err(bytes.len()));
            assert!(!appended(&[bytes]).unwrap().1.is_empty(), "{bytes:x?}");
        }
    }
}
