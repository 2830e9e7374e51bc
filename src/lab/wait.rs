//! How long a client is willing to wait for news: `Prefer: wait=30` (RFC 7240 §4.3) or `?wait=30`.

use std::time::{Duration, Instant};

use super::exchange::Call;
use super::refusal::Refusal;
use crate::http::Response;

/// A client's patience. Whoever waits carries it, so it is kept as a number of milliseconds: a third of the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    millis: u32,
    is_preferred: bool,
}

impl Wait {
    /// What the client says, by its query or else by its preference; no wait at all if it says nothing.
    ///
    /// A preference that cannot be understood is ignored (RFC 7240 §2), a parameter is refused.
    pub fn read(call: &Call<'_>) -> Result<Wait, Refusal> {
        let asked = call.params()?.duration("wait", LONGEST_WAIT, Duration::MAX)?;
        if asked < Duration::MAX {
            return Ok(Wait::new(asked, false));
        }
        let preferred = call.request.fields.all("Prefer").find_map(preferred_wait);
        Ok(preferred.map_or(Wait::default(), |time| Wait::new(time.min(LONGEST_WAIT), true)))
    }

    fn new(time: Duration, is_preferred: bool) -> Wait {
        Wait { millis: time.as_millis() as u32, is_preferred }
    }

    /// Whether the client wants its answer at once.
    pub fn is_none(self) -> bool {
        self.millis == 0
    }

    /// When its patience ends.
    pub fn until(self, now: Instant) -> Instant {
        now + self.time()
    }

    fn time(self) -> Duration {
        Duration::from_millis(self.millis.into())
    }

    /// Says in the answer that the preference was heeded (RFC 7240 §3).
    pub fn confirm(self, response: Response) -> Response {
        match self.is_preferred {
            true => response.with("Preference-Applied", format!("wait={}", self.time().as_secs())),
            false => response,
        }
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
const LONGEST_WAIT: Duration = Duration::from_secs(120);

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
