//! What comes of watching: news that is asked for or told, and news for many.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// `contrast patterns`: the same news, learnt in different ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patterns {
    /// How many events there were on the topic, and steps of the job.
    pub events: u64,
    /// From one to the next, on average.
    pub every_ms: f64,
    /// Of an event.
    pub data_bytes: usize,
    pub servers: Vec<Billed>,
}

/// What one server, and whoever watched it, had to pay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Billed {
    pub name: String,
    pub bills: Vec<Bill>,
}

/// What was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// Events, each of which is to be heard.
    Topic,
    /// How far something has come: only the latest matters.
    Job,
}

/// The bill for one way, from the first connection until everybody has heard of everything. All counts are those of
/// all watchers together; whoever published is not counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    pub watched: Watched,
    /// `poll, 100ms`, `WebSocket`
    pub way: String,
    /// Whether the server speaks by itself.
    pub is_push: bool,
    pub watchers: usize,
    pub requests: u64,
    /// Of requests and answers, without the headers of TCP and IP.
    pub bytes_up: u64,
    pub bytes_down: u64,
    /// Segments of TCP, those without data included.
    pub packets_up: Option<u64>,
    pub packets_down: Option<u64>,
    /// Times that somebody was told of something new.
    pub told: u64,
    /// Errors of the measurement, or of the server.
    pub lost: u64,
    pub doubled: u64,
    pub lateness: Lateness,
    pub seconds: f64,
    /// Of the server, in user and kernel mode.
    pub cpu_ms: Option<f64>,
}

/// Milliseconds from when something was published until somebody has heard of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// `contrast push`: one publishes, many are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Push {
    pub events: u64,
    /// Of an event.
    pub data_bytes: usize,
    /// Events that were under way at a time.
    pub window: u64,
    pub servers: Vec<Pushed>,
}

/// What one server told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pushed {
    pub name: String,
    pub fan_outs: Vec<FanOut>,
}

/// One topic and its subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FanOut {
    pub way: String,
    /// All of them.
    pub subscribers: usize,
    /// Those who read little or nothing.
    pub slow: usize,
    /// Events to those who read, all of them together.
    pub deliveries_per_second: f64,
    /// Of each event, at the reader that got it last.
    pub lateness_of_last: Lateness,
    pub lost: u64,
    pub doubled: u64,
    pub seconds: f64,
    pub cpu_ms: Option<f64>,
    /// Memory of the server once all have subscribed, and the most that it had until the end.
    pub resident_bytes_before: Option<u64>,
    pub resident_bytes_most: Option<u64>,
    pub fates: Fates,
}

/// What became of those who are slow, seen by themselves once they read on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fates {
    /// They have got every event after all.
    pub caught_up: usize,
    /// They were told that events are missing, and got the rest.
    pub told_of_gap: usize,
    /// They were closed, with a code that says why.
    pub closed_as_slow: usize,
    /// Their connection ended without a word, or events are missing without a word.
    pub cut: usize,
}

impl Bill {
    /// A count for one watcher.
    pub fn each(&self, count: u64) -> f64 {
        count as f64 / self.watchers as f64
    }
}
