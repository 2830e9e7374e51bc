//! How far has it come? Answered at once (short polling), or when there is news (long polling, RFC 6202 §2.1).

use std::time::Instant;

use super::vigil::Vigil;
use super::{number, refuse, retry_after, view};
use crate::http::Response;
use crate::http::condition::client_has;
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::jobs::{Job, Known, Status};
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::wait::{Preference, Wait};

/// `GET /check-status`
pub fn check(call: &Call<'_>) -> Result<Answer, Refusal> {
    let Some(given) = call.params()?.text("jobId")? else {
        return Err(Refusal::new(
            400,
            "jobId is missing: the status of which job?",
            "/check-status?jobId=job:1",
        ));
    };
    let number = number("jobId", &given)?;
    let job = call.lab.jobs.job(number, call.now).map_err(|absent| refuse(number, absent))?;
    let (wait, representation) = (Wait::read(call)?, call.representation());
    let (known, is_conditional) = known(call)?;
    let terms = Terms { preference: wait.preference(), representation, is_conditional };
    if wait.is_none() {
        return Ok(terms.answer(&job, known.has(job.status(call.now)), call.now).into());
    }
    let vigil =
        Vigil::new(call.lab.jobs.watch(number), known, wait.until(call.now), call.lab.waiters.enter());
    Ok(Answer::exchange(LongPoll { vigil, terms, form: call.form(), is_complete: false }))
}

/// What is no news to the client: what it says that it has, by If-None-Match or else by `?since=PERCENT`; and if it
/// says nothing, everything but the end. And whether that is the condition on which it wants content (RFC 9110 §13.1.2).
fn known(call: &Call<'_>) -> Result<(Known, bool), Refusal> {
    let fields = &call.request.fields;
    let since = match call.params()?.text("since")? {
        Some(_) => Some(call.params()?.number("since", 0..=100, 0)? as u8),
        None => None,
    };
    if fields.first("If-None-Match").is_some() {
        let representation = call.representation();
        return Ok((Known::those(|status| client_has(fields, &entity_tag(status, representation))), true));
    }
    let known = match since {
        Some(_) => Known::those(|status| status.percent() == since),
        None => Known::those(|status| !status.has_ended()),
    };
    Ok((known, false))
}

/// Text and JSON are not the same bytes, so they have different tags (RFC 9110 §8.8.1).
fn entity_tag(status: Status, representation: Representation) -> String {
    match representation {
        Representation::Text => format!("\"{}\"", status.word()),
        Representation::Json => format!("\"{}.json\"", status.word()),
    }
}

/// How a client wants the status.
#[derive(Clone, Copy)]
struct Terms {
    preference: Preference,
    representation: Representation,
    /// Whether it wants no content when what it knows has not changed.
    is_conditional: bool,
}

impl Terms {
    fn answer(self, job: &Job, is_known: bool, now: Instant) -> Response {
        let status = job.status(now);
        let response = match is_known && self.is_conditional {
            true => Response::new(304).with("Vary", "Accept"),
            false => self.representation.respond(
                || format!("{}\n", view::status_line(status)),
                || view::status_json(job, status, now),
            ),
        };
        // It may be kept, but not used before it was asked whether it still holds.
        let response = response
            .with("ETag", entity_tag(status, self.representation))
            .with("Cache-Control", "no-cache")
            .with("Access-Control-Allow-Origin", "*");
        let response = self.preference.confirm(response);
        match retry_after(job, now) {
            Some(seconds) => response.with("Retry-After", seconds),
            None => response,
        }
    }
}

/// An answer that is held back.
struct LongPoll {
    vigil: Vigil,
    terms: Terms,
    form: Form,
    /// Whether the request is.
    is_complete: bool,
}

impl Exchange for LongPoll {
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {
        self.is_complete = true;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if !self.is_complete {
            return;
        }
        match self.vigil.poll(reply) {
            Some(Ok(job)) => {
                let is_known = self.vigil.knows(&job, reply.now);
                reply.send(self.terms.answer(&job, is_known, reply.now));
            }
            Some(Err(absent)) => reply.refuse(&refuse(self.vigil.number(), absent), self.form),
            None => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.vigil.due().filter(|_| self.is_complete)
    }

    fn handle_shutdown(&mut self) {
        self.vigil.handle_shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_costs_little() {
        assert!(size_of::<LongPoll>() <= 72, "{} bytes", size_of::<LongPoll>());
    }
}
