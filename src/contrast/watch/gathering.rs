//! A crowd of watchers at one server, from the first connection to the last event.

use std::time::{Duration, Instant};

use super::tcp_info::{Segments, segments};
use super::{Line, Terms, Watch};
use crate::contrast::client::{Crowd, Pace};
use crate::contrast::failure::Failure;
use crate::contrast::interrupt::Interrupt;
use crate::contrast::servers::Live;

/// Watchers who are connected, listen if they are told, and wait for what comes.
pub struct Gathering {
    crowd: Crowd<Line>,
    pub watch: Watch,
}

impl Gathering {
    /// Brings them together.
    ///
    /// # Errors
    /// Whoever could not come, or was refused.
    pub fn at(live: &Live, terms: Terms, interrupt: &Interrupt) -> Result<Gathering, Failure> {
        let watchers = terms.watchers;
        let mut crowd = Crowd::new(live.url.address, Pace::Sleep, interrupt)?;
        let mut watch = Watch::new(terms);
        crowd.open(&mut watch, watchers)?;
        crowd.run(&mut watch, Instant::now() + PATIENCE)?;
        watch.check()?;
        if !watch.is_gathered() {
            return Err(Failure::Because(format!(
                "{watchers} watchers were not all answered within {PATIENCE:?}"
            )));
        }
        crowd.open(&mut watch, 1)?;
        Ok(Gathering { crowd, watch })
    }

    /// Lets everything happen, and waits until everybody has heard of it; answers how long that took. Who has not heard
    /// of it after `patience` without any news has lost it.
    pub fn watch(&mut self, patience: Duration) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.watch.begin(start);
        loop {
            let before = self.watch.ledger.last_heard;
            self.crowd.run(&mut self.watch, Instant::now() + patience)?;
            self.watch.check()?;
            if self.watch.ledger.is_complete() || self.watch.ledger.last_heard == before {
                break;
            }
        }
        self.watch.ledger.close();
        let end = self.watch.ledger.last_heard.unwrap_or(start);
        Ok(end.saturating_duration_since(start))
    }

    /// Packets of all watchers, those of whoever published left out.
    pub fn segments(&self) -> Option<Segments> {
        let of_watchers = self.crowd.members().filter(|(line, _)| matches!(line, Line::Watcher { .. }));
        let mut sum = Segments::default();
        for (_, stream) in of_watchers {
            let Segments { sent, received } = segments(stream)?;
            sum = Segments { sent: sum.sent + sent, received: sum.received + received };
        }
        Some(sum)
    }
}

/// For those who are to be told, until they have been answered.
const PATIENCE: Duration = Duration::from_secs(10);
