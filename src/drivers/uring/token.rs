//! What an operation carries through the kernel, so that its completion finds its way back.

/// Whose operation it is: the key of a connection, which is given to others again, and a number, which is not for a
/// long time. A completion that comes late meets nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    key: u32,
    generation: u32,
}

/// What kind of operation it is, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Accept,
    Stop,
    Alarm,
    Cancel,
    Close,
    Receive(Whose),
    Watch(Whose),
    /// The place where the ring keeps the bytes, and whose they are.
    Send(u32),
    /// The place where the ring keeps what is transferred.
    Transfer(u32),
}

impl Whose {
    /// `count` is how many connections there were before.
    pub(super) fn new(key: usize, count: u64) -> Whose {
        let key = u32::try_from(key).expect("fewer connections than a system can have descriptors");
        Whose { key, generation: (count % GENERATIONS) as u32 }
    }

    pub(super) fn key(self) -> usize {
        self.key as usize
    }
}

impl Token {
    /// The kind in the highest byte, then the generation, then the key.
    pub(super) fn encode(self) -> u64 {
        let (kind, generation, key) = match self {
            Token::Accept => (0, 0, 0),
            Token::Stop => (1, 0, 0),
            Token::Alarm => (2, 0, 0),
            Token::Cancel => (3, 0, 0),
            Token::Close => (4, 0, 0),
            Token::Receive(whose) => (5, whose.generation, whose.key),
            Token::Watch(whose) => (6, whose.generation, whose.key),
            Token::Send(place) => (7, 0, place),
            Token::Transfer(place) => (8, 0, place),
        };
        kind << KIND_SHIFT | u64::from(generation) << GENERATION_SHIFT | u64::from(key)
    }

    /// # Panics
    /// When no token was encoded to it.
    pub(super) fn decode(code: u64) -> Token {
        let key = code as u32;
        let whose = || Whose { key, generation: (code >> GENERATION_SHIFT & (GENERATIONS - 1)) as u32 };
        match code >> KIND_SHIFT {
            0 => Token::Accept,
            1 => Token::Stop,
            2 => Token::Alarm,
            3 => Token::Cancel,
            4 => Token::Close,
            5 => Token::Receive(whose()),
            6 => Token::Watch(whose()),
            7 => Token::Send(key),
            8 => Token::Transfer(key),
            kind => unreachable!("an operation of the kind {kind} was never begun"),
        }
    }
}

const KIND_SHIFT: u32 = 56;
const GENERATION_SHIFT: u32 = 32;

/// A key would have to be used 16 million times while one operation of its first connection is under way, and it is not
/// given away before that has ended: this is the second lock on the same door.
const GENERATIONS: u64 = 1 << (KIND_SHIFT - GENERATION_SHIFT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_went() {
        let largest = Whose::new(u32::MAX as usize, GENERATIONS - 1);
        for token in [
            Token::Accept,
            Token::Stop,
            Token::Alarm,
            Token::Cancel,
            Token::Close,
            Token::Receive(Whose::new(0, 0)),
            Token::Receive(largest),
            Token::Watch(largest),
            Token::Send(7),
            Token::Transfer(7),
        ] {
            assert_eq!(Token::decode(token.encode()), token);
        }
        assert_eq!(largest.key(), u32::MAX as usize);
    }

    #[test]
    fn who_has_a_key_next_is_somebody_else() {
        assert_ne!(Whose::new(3, 1), Whose::new(3, 2));
        assert_ne!(Token::Receive(Whose::new(3, 1)).encode(), Token::Receive(Whose::new(3, 2)).encode());
    }
}
