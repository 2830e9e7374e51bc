//! The ways to learn of news, and what there is to be learnt of.

use std::fmt;
use std::time::Duration;

/// A way to learn of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Ask, and ask again after a time.
    ShortPoll(Duration),
    /// Ask, and be answered when there is something to say.
    LongPoll,
    /// Be told, by one answer that does not end.
    EventStream,
    /// Be told, by messages of another protocol.
    WebSocket,
}

/// What a watcher wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Every event of a topic.
    Topic(String),
    /// How far a job has come.
    Job(u64),
}

impl Way {
    /// Whether the server speaks by itself once it was asked to.
    pub fn is_push(self) -> bool {
        match self {
            Way::ShortPoll(_) | Way::LongPoll => false,
            Way::EventStream | Way::WebSocket => true,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::ShortPoll(interval) => write!(f, "poll, {interval:?}"),
            Way::LongPoll => f.write_str("long poll"),
            Way::EventStream => f.write_str("event stream"),
            Way::WebSocket => f.write_str("WebSocket"),
        }
    }
}

impl Feed {
    /// The request target for somebody who knows of everything up to here: an event's id, or per cent of a job.
    pub fn target(&self, way: Way, known: u64) -> String {
        match (self, way) {
            (Feed::Topic(topic), Way::ShortPoll(_)) => format!("/topics/{topic}?since={known}"),
            (Feed::Topic(topic), Way::LongPoll) => format!("/topics/{topic}?since={known}&wait={PATIENCE}"),
            (Feed::Topic(topic), Way::EventStream) => format!("/topics/{topic}/events"),
            (Feed::Topic(topic), Way::WebSocket) => format!("/topics/{topic}/ws"),
            (Feed::Job(job), Way::ShortPoll(_)) => format!("/check-status?jobId=job:{job}"),
            (Feed::Job(job), Way::LongPoll) => {
                format!("/check-status?jobId=job:{job}&wait={PATIENCE}&since={known}")
            }
            (Feed::Job(job), Way::EventStream) => format!("/jobs/{job}/events"),
            (Feed::Job(job), Way::WebSocket) => format!("/jobs/{job}/ws"),
        }
    }
}

/// Seconds that a long poll may be held back: "generally 30 seconds is a safer value" (RFC 6202 §5.5).
const PATIENCE: u32 = 30;
