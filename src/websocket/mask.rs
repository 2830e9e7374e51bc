//! Masking: the payload xor a key of four bytes, over and over (RFC 6455 §5.3).
//!
//! A client masks so that no page can choose the bytes that its browser sends: a proxy in between must not take
//! them for a request (§10.3). Masking twice is unmasking.

/// The four bytes of a frame's header that its payload is masked with.
pub type MaskingKey = [u8; 4];

/// Masks or unmasks bytes in place; the first of them meets the first byte of the key.
pub fn mask(key: MaskingKey, payload: &mut [u8]) {
    // Eight bytes at a time is what the compiler makes wide instructions of.
    let [a, b, c, d] = key;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// The key as the payload goes on with it, so many bytes later.
pub fn turned(mut key: MaskingKey, by: usize) -> MaskingKey {
    key.rotate_left(by % 4);
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_masked_hello_of_the_rfc() {
        let mut payload = *b"Hello";
        mask([0x37, 0xfa, 0x21, 0x3d], &mut payload);
        assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // RFC 6455 §5.7
    }

    proptest! {
        /// `j = i MOD 4`, `transformed-octet-i = original-octet-i XOR masking-key-octet-j` (RFC 6455 §5.3)
        #[test]
        fn words_mask_as_single_bytes_do(key: MaskingKey, payload: Vec<u8>) {
            let one_by_one: Vec<u8> = payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            let mut masked = payload;
            mask(key, &mut masked);
            prop_assert_eq!(masked, one_by_one);
        }

        #[test]
        fn a_payload_in_two_pieces_is_masked_as_a_whole(key: MaskingKey, payload: Vec<u8>, place: prop::sample::Index) {
            let (mut whole, mut pieces) = (payload.clone(), payload);
            mask(key, &mut whole);
            let cut = place.index(pieces.len() + 1);
            let (first, second) = pieces.split_at_mut(cut);
            mask(key, first);
            mask(turned(key, cut), second);
            prop_assert_eq!(pieces, whole);
        }
    }
}
