//! What is watched, and when there is news.

use std::time::Duration;

use super::way::Way;

/// What is watched, how, and by how many.
#[derive(Clone, Debug)]
pub struct Terms {
    pub way: Way,
    pub watched: Source,
    pub watchers: usize,
    pub events: u64,
    pub rhythm: Rhythm,
    /// Of the data of an event, if that is more than its number and its time take.
    pub data_bytes: usize,
}

/// Where news comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is published on this topic.
    Topic(String),
    /// A job makes steps.
    Job,
}

/// When the next event is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// One in each of these spans, at a moment that nobody who polls can fall into step with.
    Every(Duration),
    /// As soon as fewer than so many are under way to somebody.
    Window(u64),
}
