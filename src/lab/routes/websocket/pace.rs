//! News at a steady pace, whether anybody answers or not.

use std::time::{Duration, Instant};

use crate::lab::dialogue::{Dialogue, Line, Message, open};
use crate::lab::exchange::{Answer, Call};
use crate::lab::params;
use crate::lab::refusal::Refusal;

/// `/ws/ticker/{s}`
pub fn ticker(call: &Call<'_>) -> Result<Answer, Refusal> {
    let interval = params::duration("s", &call.captured[0], LONGEST)?.max(SHORTEST);
    let due = call.now + interval;
    open(call, |_| Ticker { interval, due, ticks: 0 })
}

struct Ticker {
    interval: Duration,
    due: Instant,
    ticks: u64,
}

impl Dialogue for Ticker {
    fn receive(&mut self, _message: Message<'_>, _line: &mut Line<'_>) {}

    fn poll(&mut self, line: &mut Line<'_>) {
        if line.now < self.due {
            return;
        }
        self.ticks += 1;
        line.send_text(&format!("tick {}", self.ticks));
        // Ticks that were missed, because the client did not read, are not made up for.
        let next = self.due + self.interval;
        self.due = if next > line.now { next } else { line.now + self.interval };
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.due)
    }
}

const SHORTEST: Duration = Duration::from_millis(10);

const LONGEST: Duration = Duration::from_secs(3600);
