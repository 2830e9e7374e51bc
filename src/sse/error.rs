//! What a parser gives up at. The standard refuses no byte and sets no limit; memory does.

use std::fmt;

/// A limit that a stream has broken, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub rule: Rule,
    /// The offset of the byte that is too much, counted from the first byte of the stream; of the end of its line,
    /// where an empty one is too much.
    pub offset: u64,
}

/// The limits, in the order in which a byte meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    LineLong,
    DataLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = match self.rule {
            Rule::LineLong => "the line is longer than this end keeps",
            Rule::DataLong => "the data of the event is longer than this end keeps",
        };
        write!(f, "byte {}: {claim}", self.offset)
    }
}

impl std::error::Error for Error {}
