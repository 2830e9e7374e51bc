//! The time of day as text, made once a second; and the time within an exchange.
//!
//! No session asks the operating system: whoever builds the lab hands it two functions, and `--golden` hands it two
//! that stand still.

use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::http::Date;

/// Where the lab gets the time from.
#[derive(Clone, Copy, Debug)]
pub struct TimeSource {
    /// The monotonic clock.
    pub instant: fn() -> Instant,
    /// Time since 1970-01-01T00:00:00Z.
    pub since_epoch: fn() -> Duration,
}

/// The lab's clock.
#[derive(Debug)]
pub struct Clock {
    source: TimeSource,
    golden: bool,
    date: Mutex<Option<KnownDate>>,
}

#[derive(Clone, Copy, Debug)]
struct KnownDate {
    text: Date,
    good_until: Instant,
}

impl Clock {
    pub fn new(source: TimeSource, golden: bool) -> Clock {
        Clock { source, golden, date: Mutex::new(None) }
    }

    /// The date for answers made at `now`. The text is formatted when the second is over, not before.
    pub fn date(&self, now: Instant) -> Date {
        let mut known = self.date.lock().expect("no one panics while formatting a date");
        match *known {
            Some(date) if now < date.good_until => date.text,
            _ => known.insert(self.format(now)).text,
        }
    }

    /// How long since `start`; nothing under `--golden`.
    pub fn elapsed(&self, start: Instant) -> Duration {
        if self.golden {
            return Duration::ZERO;
        }
        (self.source.instant)().saturating_duration_since(start)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z: what is written down outlives the monotonic clock.
    pub fn unix_millis(&self) -> u64 {
        self.since_epoch().as_millis() as u64
    }

    /// The date of what happened so many milliseconds after 1970-01-01T00:00:00Z, in whole seconds; always the same
    /// under `--golden`.
    pub fn seconds_of(&self, unix_millis: u64) -> u64 {
        if self.golden { GOLDEN_TIME.as_secs() } else { unix_millis / 1000 }
    }

    /// Now, more exactly than the time that a call came with.
    pub fn now(&self) -> Instant {
        (self.source.instant)()
    }

    fn since_epoch(&self) -> Duration {
        if self.golden { GOLDEN_TIME } else { (self.source.since_epoch)() }
    }

    fn format(&self, now: Instant) -> KnownDate {
        let since_epoch = self.since_epoch();
        let rest_of_second = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
        let text = httpdate::fmt_http_date(UNIX_EPOCH + since_epoch);
        KnownDate { text: Date::new(&text), good_until: now + rest_of_second }
    }
}

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
const GOLDEN_TIME: Duration = Duration::from_secs(784_111_777);
