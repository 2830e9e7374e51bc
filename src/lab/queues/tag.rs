//! The name of one delivery of one message.

use std::fmt;
use std::str::FromStr;

/// `7.2` is the second delivery of message 7: what an ack has to name. Whoever was late with the first delivery cannot
/// settle the second, which somebody else may be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub id: u64,
    /// Counted from 1.
    pub delivery: u32,
}

impl Tag {
    /// Whether the message may have been worked on before: AMQP's `redelivered`.
    pub fn is_redelivered(self) -> bool {
        self.delivery > 1
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.delivery)
    }
}

/// The text is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTag;

impl FromStr for Tag {
    type Err = NoTag;

    /// A tag has one spelling: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Tag, NoTag> {
        let (id, delivery) = text.split_once('.').ok_or(NoTag)?;
        let tag = Tag { id: id.parse().map_err(|_| NoTag)?, delivery: delivery.parse().map_err(|_| NoTag)? };
        if tag.to_string() == text { Ok(tag) } else { Err(NoTag) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_one_spelling() {
        assert_eq!("7.2".parse(), Ok(Tag { id: 7, delivery: 2 }));
        for text in
            ["", ".", "7", "7.", ".2", "07.2", "+7.2", "7.2.", "7.-2", " 7.2", "18446744073709551616.1"]
        {
            assert_eq!(text.parse::<Tag>(), Err(NoTag), "{text:?}");
        }
    }
}
