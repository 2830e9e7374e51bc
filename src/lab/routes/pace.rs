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
        begins: None,
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
    /// When the head is due, once the request is complete.
    begins: Option<Instant>,
    sent: u64,
}

impl Drip {
    /// When the next byte is due: the last one when the duration is over.
    fn next_due(&self, begins: Instant) -> Instant {
        let share = self.duration.as_nanos() * u128::from(self.sent + 1) / u128::from(self.bytes);
        begins + Duration::from_nanos(share as u64)
    }

    fn begin(&self, reply: &mut Reply<'_>) {
        reply.begin(Response::text(200, ""), self.length);
        if !reply.can_send_content() {
            reply.end(&[]);
        }
    }

    fn send_due(&mut self, begins: Instant, reply: &mut Reply<'_>) {
        while self.sent < self.bytes && self.next_due(begins) <= reply.now && !reply.is_full() {
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
        self.begins = Some(reply.now + self.delay);
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let Some(begins) = self.begins.filter(|begins| *begins <= reply.now) else { return };
        if reply.can_answer() {
            self.begin(reply);
        }
        if reply.can_send_content() {
            self.send_due(begins, reply);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let begins = self.begins?;
        // The head first: it does not wait for the first byte.
        Some(if self.sent == 0 && self.delay > Duration::ZERO { begins } else { self.next_due(begins) })
    }
}

/// Longer than any experiment, shorter than a forgotten one.
pub const LONGEST: Duration = Duration::from_secs(60);

const MAX_DRIP_BYTES: u64 = 1024 * 1024;
