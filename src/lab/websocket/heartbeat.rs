//! Who is still there: a ping from time to time, and its pong in time (RFC 6455 §5.5.2).
//!
//! TCP does not tell that a peer was unplugged: as long as nobody writes, both ends look alive for ever.

use std::time::Duration;

use crate::lab::moment::Moment;

/// Every connection carries one, so the times are kept as numbers of milliseconds: half the size.
pub(super) struct Heartbeat {
    interval: Millis,
    timeout: Millis,
    /// When the next ping is due, or the pong of the last one.
    due: Moment,
    pings: u32,
    is_pong_due: bool,
}

#[derive(Clone, Copy)]
struct Millis(u32);

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    /// A ping with this number, in decimal digits, which a person can read in a dump.
    Ping(u32),
    /// The pong has not come.
    Lost,
}

impl Heartbeat {
    pub fn new(interval: Duration, timeout: Duration, now: Moment) -> Heartbeat {
        let due = now + interval;
        let (interval, timeout) = (Millis::from(interval), Millis::from(timeout));
        Heartbeat { interval, timeout, due, pings: 0, is_pong_due: false }
    }

    /// When to poll.
    pub fn due(&self) -> Moment {
        self.due
    }

    pub fn timeout(&self) -> Duration {
        self.timeout.into()
    }

    pub fn poll(&mut self, now: Moment) -> Beat {
        match () {
            () if now < self.due => Beat::Nothing,
            () if self.is_pong_due => Beat::Lost,
            () => {
                self.pings += 1;
                (self.is_pong_due, self.due) = (true, now + self.timeout());
                Beat::Ping(self.pings)
            }
        }
    }

    /// A pong has come. One that nobody asked for, "a unidirectional heartbeat", answers no ping (§5.5.3).
    pub fn hear(&mut self, payload: &[u8], now: Moment) {
        if self.is_pong_due && payload == self.pings.to_string().as_bytes() {
            (self.is_pong_due, self.due) = (false, now + Duration::from(self.interval));
        }
    }

    /// A frame is coming, and no pong can stand inside of it.
    pub fn wait_for_frame(&mut self, now: Moment) {
        if self.is_pong_due {
            self.due = now + self.timeout();
        }
    }

    /// For so long nothing was read from the peer, which had not read what was sent to it: that is no silence of its.
    pub fn excuse(&mut self, time: Duration) {
        self.due += time;
    }
}

/// More than the seven weeks that fit are seven weeks.
impl From<Duration> for Millis {
    fn from(duration: Duration) -> Millis {
        Millis(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX))
    }
}

impl From<Millis> for Duration {
    fn from(Millis(millis): Millis) -> Duration {
        Duration::from_millis(millis.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::lab::moment::Epoch;

    fn start() -> Moment {
        let start = Instant::now();
        Epoch::new(start).moment(start)
    }

    #[test]
    fn a_pong_in_time_puts_the_next_ping_off() {
        let (start, second) = (start(), Duration::from_secs(1));
        let mut heartbeat = Heartbeat::new(25 * second, 8 * second, start);
        assert_eq!(heartbeat.poll(start + 24 * second), Beat::Nothing);
        assert_eq!(heartbeat.poll(start + 25 * second), Beat::Ping(1));
        heartbeat.hear(b"1", start + 26 * second);
        assert_eq!(heartbeat.due(), start + 51 * second);
    }

    #[test]
    fn a_pong_that_answers_no_ping_is_none() {
        let (start, second) = (start(), Duration::from_secs(1));
        let mut heartbeat = Heartbeat::new(second, second, start);
        heartbeat.hear(b"0", start);
        assert_eq!(heartbeat.poll(start + second), Beat::Ping(1));
        heartbeat.hear(b"2", start + second);
        assert_eq!(heartbeat.poll(start + 2 * second), Beat::Lost);
    }
}
