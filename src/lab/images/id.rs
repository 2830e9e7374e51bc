//! What an image is called: the SHA-256 of its content, in hexadecimal.
//!
//! Why not SHA-1, which names so much else: two contents with the same SHA-1 can be made by whoever wants to, and then
//! one client's image would be taken for another's. Of SHA-256 nobody can, and processors compute both about as fast.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::http::grammar::hex_digit;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId([u8; 32]);

impl ImageId {
    pub fn of(content: Sha256) -> ImageId {
        ImageId(content.finalize().into())
    }

    /// 64 hexadecimal digits, the letters small: an image has one name.
    pub fn parse(text: &str) -> Option<ImageId> {
        let digits = text.as_bytes();
        let is_small = digits.iter().all(|byte| !byte.is_ascii_uppercase());
        if digits.len() != 64 || !is_small {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(digits[0])? << 4 | hex_digit(digits[1])?;
        }
        Some(ImageId(bytes))
    }

    /// The same as the Repr-Digest field has it (RFC 9530 §3).
    pub fn repr_digest(&self) -> String {
        format!("sha-256=:{}:", STANDARD.encode(self.0))
    }

    pub fn path(&self) -> String {
        format!("/images/{self}")
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
