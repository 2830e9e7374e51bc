//! Answers that take their time. Time is a deadline that the driver watches: nobody else waits.

use std::time::{Duration, Instant};

use crate::http::{Length, Response};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::params;
use crate::lab::refusal::Refusal;

/// `GET /delay/{s}`
pub fn delay(call: &Call<'_>) -> Result<Answer, Refusal> {
    let wait = params::duration("s", &call.captured[0], LONGEST)?;
    Ok(Answer::exchange(Delay { wait, due: None }))
}

/// `GET /drip`
pub fn drip(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let bytes = params.number("numbytes", 1..=MAX_DRIP_BYTES, 10)?;
    let length = match params.choice("framing", &["length", "chunked", "close"])? {
        "length" => Length::Known(bytes),
        "chunked" => Length::Unknown,
        _ => Length::UntilClose,
    };
    Ok(Answer::exchange(Drip {
        bytes,
        length,
        duration: params.duration("duration", LONGEST, Duration::from_secs(2))?,
        delay: params.duration("delay", LONGEST, Duration::ZERO)?,
        phase: Phase::Receiving,
        sent: 0,
    }))
}

struct Delay {
    wait: Duration,
    due: Option<Instant>,
}

impl Exchange for Delay {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.due = Some(reply.now + self.wait);
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if self.due.is_some_and(|due| due <= reply.now) {
            reply.send(Response::text(200, format!("waited {} s\n", self.wait.as_secs_f64())));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// One byte after another, each a chunk of its own where there are chunks.
struct Drip {
    bytes: u64,
    length: Length,
    duration: Duration,
    delay: Duration,
    phase: Phase,
    sent: u64,
}

enum Phase {
    /// The request is not complete.
    Receiving,
    /// The head is due then.
    Waiting {
        until: Instant,
    },
    Dripping {
        since: Instant,
    },
}

impl Drip {
    /// When the next byte is due: the last one when the duration is over.
    fn next_due(&self, since: Instant) -> Instant {
        let share = self.duration.as_nanos() * u128::from(self.sent + 1) / u128::from(self.bytes);
        since + Duration::from_nanos(share as u64)
    }

    fn begin(&mut self, reply: &mut Reply<'_>) {
        reply.begin(Response::text(200, ""), self.length);
        if !reply.can_send_content() {
            return reply.end(&[]);
        }
        self.phase = Phase::Dripping { since: reply.now };
        self.send_due(reply.now, reply);
    }

    fn send_due(&mut self, since: Instant, reply: &mut Reply<'_>) {
        while self.sent < self.bytes && self.next_due(since) <= reply.now && !reply.is_full() {
            self.sent += 1;
            reply.send_data(if self.sent == self.bytes { b"\n" } else { b"*" });
        }
        if self.sent == self.bytes {
            reply.end(&[]);
        }
    }
}

impl Exchange for Drip {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.phase = Phase::Waiting { until: reply.now + self.delay };
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        match self.phase {
            Phase::Waiting { until } if until <= reply.now => self.begin(reply),
            Phase::Dripping { since } => self.send_due(since, reply),
            Phase::Receiving | Phase::Waiting { .. } => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Receiving => None,
            Phase::Waiting { until } => Some(until),
            Phase::Dripping { since } => Some(self.next_due(since)),
        }
    }
}

/// Longer than any experiment, shorter than a forgotten one.
pub const LONGEST: Duration = Duration::from_secs(60);

const MAX_DRIP_BYTES: u64 = 1024 * 1024;
