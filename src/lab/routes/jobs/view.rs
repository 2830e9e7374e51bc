//! A job as it is shown: as a line, as a page, as JSON.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Response;
use crate::lab::Lab;
use crate::lab::jobs::{Job, Status};
use crate::lab::representation::Representation;

/// How far it has come, and no more: what is news and comes by all ways alike.
pub fn status_line(status: Status) -> String {
    format!("JobStatus: {status}")
}

/// The same for programs, of the status that the job has now or had before.
pub fn status_json(job: &Job, status: Status, now: Instant) -> Value {
    let percent = status.percent().unwrap_or_else(|| job.percent(now));
    json!({ "job": name(job), "status": status.name(), "percent": percent })
}

pub fn name(job: &Job) -> String {
    format!("job:{}", job.number)
}

/// All that is known of it.
pub fn page(job: &Job, representation: Representation, lab: &Lab, now: Instant) -> Response {
    let (order, waited) = (job.order, waited(job, lab, now));
    representation.respond(
        || {
            format!(
                "job: {}\nstatus: {}\npercent: {}\nwork: {} s in {} steps\nwaited: {waited} s for a worker\n",
                name(job),
                job.status(now).name(),
                job.percent(now),
                order.work.as_secs_f64(),
                order.steps,
            )
        },
        || json(job, lab, now),
    )
}

pub fn json(job: &Job, lab: &Lab, now: Instant) -> Value {
    let mut json = status_json(job, job.status(now), now);
    json["work_s"] = job.order.work.as_secs_f64().into();
    json["steps"] = job.order.steps.into();
    json["waited_s"] = waited(job, lab, now).into();
    json
}

/// Seconds, to the millisecond; it depends on the very moments of two requests, so there are none under `--golden`.
pub fn waited(job: &Job, lab: &Lab, now: Instant) -> f64 {
    let waited = if lab.settings.golden { Duration::ZERO } else { job.waited(now) };
    waited.as_millis() as f64 / 1000.0
}

/// As Retry-After counts them (RFC 9110 §10.2.3): begun seconds, and never 0, which would be to ask without a break.
pub fn whole_seconds(time: Duration) -> u64 {
    time.as_nanos().div_ceil(Duration::from_secs(1).as_nanos()).max(1) as u64
}
