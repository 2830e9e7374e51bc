//! The names of the files that hold unfinished uploads: `NUMBER.LENGTH.TYPE`, or `NUMBER.any.TYPE` while nobody knows
//! how long it will be.
//!
//! What else there is to know, how much has come and when, the file itself says: so a server that is killed at any
//! point leaves nothing behind that could contradict it.

use crate::http::media_type::is_media_type;
use crate::lab::images::file_name::encoded;
use crate::lab::path::decode;
use crate::session::Name;

/// What is known of an upload from its beginning, or learned on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub number: u64,
    /// How long it will be, once the client has said so.
    pub length: Option<u64>,
    pub content_type: String,
    /// What else its client has told of it, which ends with the server: a name has no room for it.
    pub metadata: Option<Box<str>>,
}

impl Facts {
    /// # Panics
    /// When the type is not [short enough](crate::lab::images::file_name::is_short_enough).
    pub fn name(&self) -> Name {
        let length = self.length.map_or_else(|| UNKNOWN.to_owned(), |length| length.to_string());
        let file = format!("{}.{length}.{}", self.number, encoded(&self.content_type));
        Name::new(super::FOLDER, file).expect("plain characters, and not too many of them")
    }

    /// What a name says, if it is one that [`name`](Facts::name) makes.
    pub fn parse(file: &str) -> Option<Facts> {
        let (number, rest) = file.split_once('.')?;
        let (length, content_type) = rest.split_once('.')?;
        let content_type = decode(content_type).ok().filter(|given| is_media_type(given.as_bytes()))?;
        let length = match length {
            UNKNOWN => None,
            length => Some(length.parse().ok()?),
        };
        let facts = Facts { number: number.parse().ok()?, length, content_type, metadata: None };
        (facts.name().file() == file).then_some(facts)
    }
}

const UNKNOWN: &str = "any";
