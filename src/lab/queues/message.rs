//! A message, and how it stands in the journal: a line of JSON that people can read, and its content behind it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::delivery::Lease;

/// What somebody leaves in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub content: Bytes,
    /// The media type, if it came with one.
    pub content_type: Option<Arc<str>>,
    /// After so many deliveries without an ack it goes to the dead-letter queue; as many as usual if nobody says.
    pub max_deliveries: Option<u32>,
}

/// A parcel in a queue.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub content: Bytes,
    pub content_type: Option<Arc<str>>,
    pub max_deliveries: u32,
    /// Where a dead letter comes from: `queue/id`.
    pub died_in: Option<Arc<str>>,
    pub deliveries: u32,
    pub holder: Option<Holder>,
}

/// Who has a message and has not said what became of it.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    /// What it calls itself.
    pub name: Option<Arc<str>>,
    pub term: Term,
}

/// For how long.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    Lease(Lease),
    /// While the connection lives to which it was pushed, however long that is: as in AMQP.
    Connection {
        ticket: u64,
    },
}

impl Message {
    /// A message that nobody has had yet.
    pub fn new(parcel: Parcel, usual_deliveries: u32) -> Message {
        let Parcel { content, content_type, max_deliveries } = parcel;
        let max_deliveries = max_deliveries.unwrap_or(usual_deliveries);
        Message { content, content_type, max_deliveries, died_in: None, deliveries: 0, holder: None }
    }

    /// Bytes of memory, about.
    pub fn cost(&self) -> usize {
        let Message { content, content_type, .. } = self;
        content.len() + content_type.as_ref().map_or(0, |content_type| content_type.len()) + MESSAGE_BYTES
    }

    /// The value of its row.
    pub fn encode(&self) -> Bytes {
        let mut about = Map::new();
        let mut note =
            |name: &str, value: Option<Value>| value.map(|value| about.insert(name.to_owned(), value));
        note("type", self.content_type.as_deref().map(Value::from));
        note("max_deliveries", Some(self.max_deliveries.into()));
        note("deliveries", Some(self.deliveries.into()));
        note("died_in", self.died_in.as_deref().map(Value::from));
        if let Some(Holder { name, term: Term::Lease(lease) }) = &self.holder {
            note("lease_until", Some(lease.unix_millis.into()));
            note("consumer", name.as_deref().map(Value::from));
        }
        let mut value = serde_json::to_vec(&about).expect("a map of texts and numbers");
        value.push(b'\n');
        value.extend_from_slice(&self.content);
        value.into()
    }

    /// Reads the value of a row. A message that was delivered and is not leased any more is held by a lease that ends
    /// at once: so it goes the way of all that were not acked.
    pub fn parse(value: &Bytes, now: Instant, unix_millis: u64) -> Option<Message> {
        let end = memchr::memchr(b'\n', value)?;
        let about: Map<String, Value> = serde_json::from_slice(&value[..end]).ok()?;
        let number = |name: &str| about.get(name).and_then(Value::as_u64);
        let text = |name: &str| about.get(name).and_then(Value::as_str).map(Arc::from);
        let deliveries = number("deliveries")?.try_into().ok()?;
        let lease = Lease::resumed(number("lease_until").unwrap_or(0), now, unix_millis);
        let holder = (deliveries > 0).then(|| Holder { name: text("consumer"), term: Term::Lease(lease) });
        Some(Message {
            // A copy, as a slice would keep the line in front of it in memory as well.
            content: Bytes::copy_from_slice(&value[end + 1..]),
            content_type: text("type"),
            max_deliveries: number("max_deliveries")?.try_into().ok()?,
            died_in: text("died_in"),
            deliveries,
            holder,
        })
    }
}

/// What a message costs besides its content: its place in the maps of its queue.
const MESSAGE_BYTES: usize = 256;
