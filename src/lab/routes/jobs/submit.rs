//! A job is submitted: the answer is a handle, and comes long before the end.

use std::time::{Duration, Instant};

use serde_json::json;

use super::vigil::Vigil;
use super::{refuse, retry_after, view};
use crate::http::Response;
use crate::lab::content::Content;
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::idempotency;
use crate::lab::jobs::{Full, Job, Known, LONGEST_WORK, NotSubmitted, Order};
use crate::lab::journal::{Ack, Receipt};
use crate::lab::receipt::{Acknowledged, has_happened, not_kept};
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::settings::JobSettings;
use crate::lab::wait::{Preference, Wait};

/// `POST /submit`
pub fn submit(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (order, ack, wait) = (order(call)?, Ack::read(call)?, Wait::read(call)?);
    let key = idempotency::key(&call.request.fields)?;
    let (form, representation) = (call.form(), call.representation());
    Content::gather(call, move |_, reply| {
        let (now, lab) = (reply.now, reply.lab);
        let submitted = lab.jobs.submit(order, key.map(Into::into), ack, now);
        let (job, receipt) = submitted.map_err(|why| not_submitted(&why, &lab.settings.jobs))?;
        if wait.is_none() {
            let accepted = wait.confirm(accepted(&job, representation, now));
            return Ok(Acknowledged::answer(receipt, accepted, form));
        }
        let until_end = Known::those(|status| !status.has_ended());
        let vigil = Vigil::new(lab.jobs.watch(job.number), until_end, wait.until(now), lab.waiters.enter());
        Ok(Answer::exchange(Submission {
            receipt: Some(receipt),
            vigil,
            preference: wait.preference(),
            form,
            representation,
        }))
    })
}

fn order(call: &Call<'_>) -> Result<Order, Refusal> {
    let params = call.params()?;
    let work = params.duration("work", LONGEST_WORK, USUAL_WORK)?;
    Ok(Order {
        work: Duration::from_millis(work.as_millis() as u64),
        steps: params.number("steps", 1..=100, 10)? as u8,
        fails: params.number("fail", 0..=1, 0)? == 1,
    })
}

fn accepted(job: &Job, representation: Representation, now: Instant) -> Response {
    let (name, location) = (view::name(job), location(job));
    let response =
        representation.respond(|| format!("{name}\n"), || json!({ "job": name, "location": location }));
    monitored(response, job, now)
}

/// "The representation sent with this response ought to describe the request's current status and point to (or embed)
/// a status monitor" (RFC 9110 §15.3.3).
pub(in crate::lab::routes) fn monitored(response: Response, job: &Job, now: Instant) -> Response {
    let response = response.with_status(202).with("Location", location(job));
    match retry_after(job, now) {
        Some(seconds) => response.with("Retry-After", seconds),
        None => response,
    }
}

pub(in crate::lab::routes) fn location(job: &Job) -> String {
    format!("/jobs/{}", job.number)
}

pub(in crate::lab::routes) fn not_submitted(why: &NotSubmitted, settings: &JobSettings) -> Refusal {
    match why {
        NotSubmitted::Full(Full(time)) => {
            let seconds = view::whole_seconds(*time);
            let JobSettings { workers, most_waiting } = settings;
            Refusal::new(
                429,
                format!("{workers} jobs run and {most_waiting} wait for a worker, as many as may"),
                format!("again in {seconds} s; the server's options --workers and --max-jobs-waiting set the limits"),
            )
            .with("Retry-After", seconds.to_string())
        }
        NotSubmitted::KeyTaken(number) => Refusal::new(
            422,
            format!("this Idempotency-Key is that of job:{number}, for which something else was asked"),
            "the same request once more for the same answer, or a key that is new",
        ),
        NotSubmitted::NotKept(failure) => not_kept(failure),
    }
}

/// Waits for the end of the job as long as the client does: with luck it gets the result, and never has to ask.
struct Submission {
    /// Until the job is written down; before, nobody is told of it, whatever else it is time for.
    receipt: Option<Receipt>,
    vigil: Vigil,
    preference: Preference,
    form: Form,
    representation: Representation,
}

impl Exchange for Submission {
    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Some(receipt) = &self.receipt {
            match receipt.poll(|| reply.waker()) {
                Some(Ok(())) => self.receipt = None,
                Some(Err(failure)) => {
                    let job = format!("job:{}", self.vigil.number());
                    return reply.refuse(&has_happened(&job, &failure), self.form);
                }
                None => return,
            }
        }
        let (representation, now) = (self.representation, reply.now);
        match self.vigil.poll(reply) {
            Some(Ok(job)) => {
                let response = match job.status(now).has_ended() {
                    true => view::page(&job, representation, reply.lab, now)
                        .with("Content-Location", format!("/jobs/{}/result", job.number)),
                    false => accepted(&job, representation, now),
                };
                reply.send(self.preference.confirm(response));
            }
            Some(Err(absent)) => reply.refuse(&refuse(self.vigil.number(), absent), self.form),
            None => {}
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.vigil.due().filter(|_| self.receipt.is_none())
    }

    fn handle_shutdown(&mut self) {
        self.vigil.handle_shutdown();
    }
}

/// Time enough to ask by hand now and then.
const USUAL_WORK: Duration = Duration::from_secs(10);
