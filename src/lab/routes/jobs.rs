//! Work that outlives its request, and every way to learn how far it has come: ask now and then (short polling), have
//! the answer held back until there is news (long polling), or let the news come by itself. How the work is done is
//! known in `lab::jobs`.

mod events;
mod resource;
mod socket;
mod status;
pub(super) mod submit;
pub(super) mod view;
mod vigil;

use std::time::Instant;

use crate::http::Method;
use crate::lab::exchange::Call;
use crate::lab::jobs::{Absent, Job, Known};
use crate::lab::params;
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;

/// A job from its request to its result.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/submit",
        methods: &[Method::Post],
        about: "a job: work in steps, which goes on after the answer; fail=1 lets it fail, Idempotency-Key submits once, wait=5 waits for the end",
        example: "curl -i -X POST \"http://{at}/submit?work=3s&steps=10\"",
        answer: submit::submit,
    },
    Route {
        pattern: "/check-status",
        methods: &[Method::Get],
        about: "how far a job has come; wait=30 holds the answer back until it is done, with since=PERCENT or If-None-Match until there is news",
        example: "curl -i \"http://{at}/check-status?jobId=job:1&wait=30&since=0\"",
        answer: status::check,
    },
    Route {
        pattern: "/checkstatus",
        methods: &[Method::Get],
        about: "the same, as it is spelt elsewhere",
        example: "curl \"http://{at}/checkstatus?jobId=job:1\"",
        answer: status::check,
    },
    Route {
        pattern: "/jobs",
        methods: &[Method::Get],
        about: "the jobs that there are, and how long each has waited for a worker",
        example: "curl http://{at}/jobs",
        answer: resource::list,
    },
    Route {
        pattern: "/jobs/{id}",
        methods: &[Method::Get, Method::Delete],
        about: "a job; when it has ended, where its result is; DELETE cancels it",
        example: "curl -i -X DELETE http://{at}/jobs/1",
        answer: resource::job,
    },
    Route {
        pattern: "/jobs/{id}/result",
        methods: &[Method::Get],
        about: "how a job has ended; 409 until it has",
        example: "curl -i http://{at}/jobs/1/result",
        answer: resource::result,
    },
    Route {
        pattern: "/jobs/{id}/events",
        methods: &[Method::Get],
        about: "each step of a job as an event, and 204 when it has ended, so that an EventSource does not come again",
        example: "curl -iN http://{at}/jobs/1/events",
        answer: events::events,
    },
    Route {
        pattern: "/jobs/{id}/ws",
        methods: &[Method::Get],
        about: "WebSocket: each step of a job as a message, and a Close at its end",
        example: "websocat ws://{at}/jobs/1/ws",
        answer: socket::socket,
    },
];

/// The number of a job that stands in a path or a query under `name`: `job:1`, or `1`.
fn number(name: &str, given: &str) -> Result<u64, Refusal> {
    let digits = given.strip_prefix("job:").unwrap_or(given);
    params::number(name, digits, 1..=u64::MAX).map_err(|_| {
        let due = "the name of a job, such as job:1";
        Refusal::new(400, format!("{name} is {given:?}, and has to be {due}"), "GET /jobs for the names")
    })
}

/// The job in the path.
fn job_in_path(call: &Call<'_>) -> Result<Job, Refusal> {
    let number = number("the job", &call.captured[0])?;
    call.lab.jobs.job(number, call.now).map_err(|absent| refuse(number, absent))
}

fn refuse(number: u64, absent: Absent) -> Refusal {
    match absent {
        Absent::Unknown { last: 0 } => Refusal::new(
            404,
            format!("there is no job:{number}, nor any other yet"),
            "POST /submit for the first",
        ),
        Absent::Unknown { last } => Refusal::new(
            404,
            format!("there is no job:{number}: the highest number so far is {last}"),
            "GET /jobs for those that there are, POST /submit for another",
        ),
        Absent::Forgotten => Refusal::new(
            410,
            format!("job:{number} ended so long ago that it is remembered no more"),
            "GET /jobs for those that are remembered",
        ),
    }
}

/// When it pays to ask again: at the next change, and Retry-After counts whole seconds. Nothing when there will be none.
fn retry_after(job: &Job, now: Instant) -> Option<String> {
    let change = job.next_news(Known::only(job.status(now)), now)?;
    Some(view::whole_seconds(change - now).to_string())
}
