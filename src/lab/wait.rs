//! How long a client is willing to wait for news: `Prefer: wait=30` (RFC 7240 §4.3) or `?wait=30`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::exchange::Call;
use super::refusal::Refusal;
use crate::http::Response;

/// A client's patience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    time: Duration,
    preference: Preference,
}

/// What the client preferred, in whole seconds, if that is what counted: all that the answer has to know of a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preference(Option<u8>);

impl Wait {
    /// What the client says, by its query or else by its preference; no wait at all if it says nothing.
    ///
    /// A preference that cannot be understood is ignored (RFC 7240 §2), a parameter is refused.
    pub fn read(call: &Call<'_>) -> Result<Wait, Refusal> {
        if let Some(time) = call.params()?.duration_if_given("wait", LONGEST_WAIT)? {
            return Ok(Wait { time, preference: Preference(None) });
        }
        let preferred = call.request.fields.all("Prefer").find_map(preferred_wait);
        Ok(preferred.map_or(Wait::default(), |time| {
            let time = time.min(LONGEST_WAIT);
            Wait { time, preference: Preference(Some(time.as_secs() as u8)) }
        }))
    }

    /// Whether the client wants its answer at once.
    pub fn is_none(self) -> bool {
        self.time.is_zero()
    }

    /// When its patience ends.
    pub fn until(self, now: Instant) -> Instant {
        now + self.time
    }

    pub fn preference(self) -> Preference {
        self.preference
    }

    /// Says in the answer that the preference was heeded.
    pub fn confirm(self, response: Response) -> Response {
        self.preference.confirm(response)
    }
}

impl Preference {
    /// Says in the answer that the preference was heeded (RFC 7240 §3).
    pub fn confirm(self, response: Response) -> Response {
        match self.0 {
            Some(seconds) => response.with("Preference-Applied", format!("wait={seconds}")),
            None => response,
        }
    }
}

/// How many requests are held back until there is news.
#[derive(Debug, Default)]
pub struct Waiters(Arc<AtomicU64>);

impl Waiters {
    /// One more, for as long as it is kept.
    pub fn enter(&self) -> Waiting {
        self.0.fetch_add(1, Relaxed);
        Waiting(Arc::clone(&self.0))
    }

    pub fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A request that is held back.
#[must_use = "it is forgotten as soon as this is dropped"]
#[derive(Debug)]
pub struct Waiting(Arc<AtomicU64>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The seconds of `wait` in a list of preferences, each with parameters of its own.
fn preferred_wait(preferences: &[u8]) -> Option<Duration> {
    let preferences = str::from_utf8(preferences).ok()?.split(',');
    preferences.filter_map(|preference| preference.split(';').next()?.split_once('=')).find_map(
        |(name, value)| {
            let value = value.trim().trim_matches('"');
            let is_wait =
                name.trim().eq_ignore_ascii_case("wait") && value.bytes().all(|byte| byte.is_ascii_digit());
            is_wait.then(|| value.parse().ok().map(Duration::from_secs)).flatten()
        },
    )
}

/// What RFC 6202 §5.5 has seen to work is up to 120 s; proxies usually give up after 60.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_found_among_other_preferences() {
        for (preferences, seconds) in [
            ("wait=10", Some(10)),
            ("respond-async, Wait = \"5\"; x=1, wait=7", Some(5)),
            ("waiting=10", None),
            ("wait", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("wait=", None),
        ] {
            let found = preferred_wait(preferences.as_bytes());
            assert_eq!(found, seconds.map(Duration::from_secs), "{preferences}");
        }
    }
}
