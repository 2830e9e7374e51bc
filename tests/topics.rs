//! Topics by themselves: what a listener hears of a history that is short, and what is left of them after a restart.

#[path = "topics/model.rs"]
mod model;
#[path = "topics/properties.rs"]
mod properties;
#[path = "topics/restarting.rs"]
mod restarting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use wirelab::lab::clock::{Clock, TimeSource};
use wirelab::lab::journal::Journal;
use wirelab::lab::settings::TopicSettings;
use wirelab::lab::topics::Topics;
use wirelab::lab::topics::log::History;

/// Topics of a server on which it is always the same moment.
fn topics(history: History, most: usize, journal: Arc<dyn Journal>) -> Topics {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO };
    Topics::new(&TopicSettings { history, most }, journal, Arc::new(Clock::new(time, true)))
}

const ALL: History = History { events: usize::MAX, bytes: u64::MAX, age_millis: u64::MAX };
