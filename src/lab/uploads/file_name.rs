//! The names of the files that hold unfinished uploads: `NUMBER.LENGTH.TYPE`, or `NUMBER.any.TYPE` while nobody knows
//! how long it will be; `NUMBER.partial-LENGTH.TYPE` for a piece of another one, and `NUMBER.parts.TYPE` or
//! `NUMBER.parts-COUNT.TYPE` for one whose parts have [files of their own](super::parts::file_name).
//!
//! How much has come and when, the file itself says: so a server that is killed at any point leaves nothing behind that
//! could contradict it. But content with a checksum does not count before all of it has come, and has to lie somewhere
//! until then: from the moment that some of it may be there, a name says how much counts, `NUMBER-COUNTED.LENGTH.TYPE`.

use crate::http::media_type::is_media_type;
use crate::lab::images::file_name::encoded;
use crate::lab::path::decode;
use crate::session::Name;

/// What is known of an upload from its beginning, or learned on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub number: u64,
    pub shape: Shape,
    /// How long it will be, once the client has said so.
    pub length: Option<u64>,
    pub content_type: String,
    /// What else its client has told of it, which ends with the server: a name has no room for it.
    pub metadata: Option<Box<str>>,
}

/// How an upload comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// From its beginning to its end, and then it is an image.
    Whole,
    /// The same, but then it is a piece of one: a partial upload of tus.
    Partial,
    /// At once, from others of that kind: a final upload of tus. This is the field that says from which.
    Final(Box<str>),
    /// In parts, in any order; in so many, if that was said.
    Parts(Option<u16>),
}

impl Facts {
    /// `counted` is how many bytes of the file count, if it is not all of them.
    ///
    /// # Panics
    /// When the type is not [short enough](crate::lab::images::file_name::is_short_enough).
    pub fn name(&self, counted: Option<u64>) -> Name {
        let counted = counted.map_or_else(String::new, |counted| format!("-{counted}"));
        let length = self.length.map_or_else(|| UNKNOWN.to_owned(), |length| length.to_string());
        let shape = match self.shape {
            Shape::Whole | Shape::Final(_) => length,
            Shape::Partial => format!("{PARTIAL}-{length}"),
            Shape::Parts(None) => PARTS.to_owned(),
            Shape::Parts(Some(count)) => format!("{PARTS}-{count}"),
        };
        let file = format!("{}{counted}.{shape}.{}", self.number, encoded(&self.content_type));
        Name::new(super::FOLDER, file).expect("plain characters, and not too many of them")
    }

    /// What a name says, if it is one that [`name`](Facts::name) makes.
    pub fn parse(file: &str) -> Option<(Facts, Option<u64>)> {
        let (number, rest) = file.split_once('.')?;
        let (shape, content_type) = rest.split_once('.')?;
        let (number, counted) = match number.split_once('-') {
            Some((number, counted)) => (number, Some(counted.parse().ok()?)),
            None => (number, None),
        };
        let content_type = decode(content_type).ok().filter(|given| is_media_type(given.as_bytes()))?;
        let (shape, length) = match shape.split_once('-') {
            Some((PARTIAL, length)) => (Shape::Partial, parse_length(length)?),
            Some((PARTS, count)) => (Shape::Parts(Some(count.parse().ok()?)), None),
            None if shape == PARTS => (Shape::Parts(None), None),
            _ => (Shape::Whole, parse_length(shape)?),
        };
        let facts = Facts { number: number.parse().ok()?, shape, length, content_type, metadata: None };
        (facts.name(counted).file() == file).then_some((facts, counted))
    }
}

/// `None` when it is no length.
fn parse_length(given: &str) -> Option<Option<u64>> {
    match given {
        UNKNOWN => Some(None),
        length => length.parse().ok().map(Some),
    }
}

const UNKNOWN: &str = "any";
const PARTIAL: &str = "partial";
const PARTS: &str = "parts";
