//! A message on its way to a consumer: how it is held, what it is called, and what may have become of it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// A message on its way to a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub tag: Tag,
    pub content: Bytes,
    pub content_type: Option<Arc<str>>,
    /// Where a dead letter comes from: `queue/id`.
    pub died_in: Option<Arc<str>>,
}

/// How a consumer takes a message.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// For a time.
    Lease(Lease),
    /// For as long as it is there, and never more than so many at a time: AMQP's `basic.qos`.
    Window(usize),
}

/// A time by which a consumer has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub until: Instant,
    /// The same in milliseconds since 1970-01-01T00:00:00Z, which a new process understands as well.
    pub unix_millis: u64,
}

impl Lease {
    /// A lease from now on, by both clocks.
    pub fn of(time: Duration, now: Instant, unix_millis: u64) -> Lease {
        Lease { until: now + time, unix_millis: unix_millis + time.as_millis() as u64 }
    }

    /// What is left of it in a new process. The wall clock may have been set back: no lease is longer than the longest.
    pub(super) fn resumed(lease_until: u64, now: Instant, unix_millis: u64) -> Lease {
        let left = Duration::from_millis(lease_until.saturating_sub(unix_millis)).min(LONGEST_LEASE);
        Lease { until: now + left, unix_millis: lease_until }
    }
}

/// The name of one delivery of one message.
///
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

/// Why nothing can be said about a delivery any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// There was no such delivery.
    Unknown,
    /// It was acked before.
    Acked,
    /// Its lease has ended, or it was given back.
    Over,
}

/// As long as the longest visibility timeout of Amazon SQS.
pub const LONGEST_LEASE: Duration = Duration::from_secs(12 * 60 * 60);

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
