//! When a request was sent, understood, worked on, answered: four instants, told by Server-Timing
//! (W3C Server Timing §2), the last of them by a trailer field.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::pace::LONGEST;
use crate::http::{Length, Response, Version};
use crate::lab::content::Content;
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::{Form, Refusal};

/// `/timeline`
pub fn timeline(call: &Call<'_>) -> Result<Answer, Refusal> {
    let media_type = call.request.fields.text("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json");
    Ok(Answer::exchange(Timeline {
        work: call.params()?.duration("work", LONGEST, Duration::ZERO)?,
        json: if is_json { Some(Content::expected(call)?) } else { None },
        begun: call.begun,
        form: call.form(),
        version: call.request.version,
        phase: Phase::Receiving,
    }))
}

struct Timeline {
    work: Duration,
    /// Content to decode, when it is said to be JSON.
    json: Option<Content>,
    begun: Instant,
    form: Form,
    version: Version,
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    Receiving,
    Working {
        boundary: Duration,
        decode: Duration,
        since: Instant,
        until: Instant,
    },
    /// Head and content have been handed to the driver; it polls again when they have left.
    Flushing {
        since: Instant,
    },
}

impl Timeline {
    fn decode(&self) -> Result<(), Refusal> {
        let Some(content) = &self.json else { return Ok(()) };
        serde_json::from_slice::<Value>(content.bytes()).map(drop).map_err(|error| {
            Refusal::new(
                400,
                format!("the content is not JSON (RFC 8259): {error}"),
                "curl -H 'Content-Type: application/json' -d '{\"a\": 1}'",
            )
        })
    }

    /// The work is done: the answer, and with it all the times that are known before it leaves.
    fn answer(&mut self, reply: &mut Reply<'_>) {
        let Phase::Working { boundary, decode, since, .. } = self.phase else { return };
        let handle = reply.lab.clock.elapsed(since);
        let timing = [timed("boundary", boundary), timed("decode", decode), timed("handle", handle)];
        let response = Response::text(200, EXPLANATION).with("Server-Timing", timing.join(", "));
        if self.version == Version::Http10 {
            return reply.send(response);
        }
        reply.begin(response.with("Trailer", "Server-Timing"), Length::Unknown);
        reply.send_data(EXPLANATION.as_bytes());
        match reply.can_send_trailers() {
            true => self.phase = Phase::Flushing { since: reply.lab.clock.now() },
            false => reply.end(&[]),
        }
    }
}

impl Exchange for Timeline {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if let Some(content) = &mut self.json
            && let Err(refusal) = content.push(data)
        {
            reply.close_after_exchange();
            reply.refuse(&refusal, self.form);
        }
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let clock = &reply.lab.clock;
        let boundary = clock.elapsed(self.begun);
        let found = clock.now();
        if let Err(refusal) = self.decode() {
            return reply.refuse(&refusal, self.form);
        }
        let (decode, since) = (clock.elapsed(found), clock.now());
        // The clock may stand still, the time of the calls does not.
        let until = since.max(reply.now) + self.work;
        self.phase = Phase::Working { boundary, decode, since, until };
        if self.work.is_zero() {
            self.answer(reply);
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        match self.phase {
            Phase::Working { until, .. } if until <= reply.now => self.answer(reply),
            Phase::Flushing { since } => {
                reply.end(&[("Server-Timing", &timed("flush", reply.lab.clock.elapsed(since)))]);
            }
            Phase::Receiving | Phase::Working { .. } => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Working { until, .. } => Some(until),
            Phase::Receiving | Phase::Flushing { .. } => None,
        }
    }
}

/// A metric in milliseconds.
fn timed(name: &str, duration: Duration) -> String {
    format!("{name};dur={:.3}", duration.as_secs_f64() * 1000.0)
}

const EXPLANATION: &str = "\
t0   the first byte of your request arrived here
       boundary  until the end of the request was found
t1   the request was whole; its content was still only bytes
       decode    the content from JSON, if Content-Type says application/json
       handle    the work: ?work=50ms
t50  the answer began
       flush     until the kernel had taken the last byte of it
t51  that byte was on its way; who reads it, and when, is not known here

Server-Timing in the head has the first three in milliseconds, Server-Timing in the trailer section the last:
nobody can say in a head how long the content behind it will take. See both: curl -v
";
