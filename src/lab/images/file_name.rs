//! The names of the files that hold images: `DIGEST-NUMBER.TYPE`.
//!
//! All that is known of an image stands there, so one rename makes it known, and a listing of the folder is all that a
//! server has to read when it starts. The number makes every name new: whoever removes a file cannot meet the same
//! content that has just come again.

use super::id::ImageId;
use crate::http::media_type::is_media_type;
use crate::lab::path::decode;
use crate::session::Name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    pub id: ImageId,
    pub number: u64,
    pub content_type: String,
}

impl FileName {
    /// # Panics
    /// When the type is not [short enough](is_short_enough).
    pub fn name(&self) -> Name {
        let file = format!("{}-{}.{}", self.id, self.number, encoded(&self.content_type));
        Name::new(super::FOLDER, file).expect("plain characters, and not too many of them")
    }

    /// What a name says, if it is one that [`name`](FileName::name) makes.
    pub fn parse(file: &str) -> Option<FileName> {
        let (known, content_type) = file.split_once('.')?;
        let (id, number) = known.split_once('-')?;
        let content_type = decode(content_type).ok().filter(|given| is_media_type(given.as_bytes()))?;
        let known = FileName { id: ImageId::parse(id)?, number: number.parse().ok()?, content_type };
        (known.name().file() == file).then_some(known)
    }
}

/// Whether a media type fits into a name.
pub fn is_short_enough(content_type: &str) -> bool {
    encoded(content_type).len() <= MAX_TYPE_BYTES
}

/// What is not plain as `%XX`.
pub fn encoded(content_type: &str) -> String {
    let mut encoded = String::new();
    for byte in content_type.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'+' | b'=' => encoded.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

/// What is left of 255 bytes beside the digest and the longest number.
const MAX_TYPE_BYTES: usize = 160;
