//! A job as a resource: in the list, by itself, its result, and how it is cancelled.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{job_in_path, refuse, retry_after, view};
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::jobs::{Counts, Job, NotCancelled};
use crate::lab::journal::Ack;
use crate::lab::receipt::{Acknowledged, not_kept};
use crate::lab::refusal::Refusal;

/// `GET /jobs`
pub fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (jobs, counts) = call.lab.jobs.list(call.now);
    let response = call.representation().respond(
        || format!("{}{}", table(&jobs, call), totals(counts, call)),
        || {
            json!({
                "jobs": jobs.iter().map(|job| view::json(job, call.lab, call.now)).collect::<Vec<Value>>(),
                "queued": counts.queued,
                "running": counts.running,
                "ended": counts.ended,
                "workers": call.lab.settings.jobs.workers,
            })
        },
    );
    Ok(read(response).into())
}

/// `/jobs/{id}`
pub fn job(call: &Call<'_>) -> Result<Answer, Refusal> {
    let job = job_in_path(call)?;
    match call.request.method {
        Method::Delete => cancel(&job, call),
        _ if job.status(call.now).has_ended() => {
            let location = format!("/jobs/{}/result", job.number);
            let response = Response::text(303, format!("{} has ended: {location}\n", view::name(&job)));
            Ok(read(response.with("Location", location)).into())
        }
        _ => {
            let response = read(view::page(&job, call.representation(), call.lab, call.now));
            Ok(match retry_after(&job, call.now) {
                Some(seconds) => response.with("Retry-After", seconds).into(),
                None => response.into(),
            })
        }
    }
}

/// `GET /jobs/{id}/result`: that the job has failed is no failure of the request that asks for it.
pub fn result(call: &Call<'_>) -> Result<Answer, Refusal> {
    let job = job_in_path(call)?;
    if job.status(call.now).has_ended() {
        return Ok(read(view::page(&job, call.representation(), call.lab, call.now)).into());
    }
    let name = view::name(&job);
    let refusal = Refusal::new(
        409,
        format!(
            "{name} has no result yet: it is {}, at {}%",
            job.status(call.now).name(),
            job.percent(call.now)
        ),
        format!("again later; /check-status?jobId={name}&wait=30 tells as soon as it has ended"),
    );
    Err(match retry_after(&job, call.now) {
        Some(seconds) => refusal.with("Retry-After", seconds),
        None => refusal,
    })
}

fn cancel(job: &Job, call: &Call<'_>) -> Result<Answer, Refusal> {
    let cancelled = call.lab.jobs.cancel(job.number, Ack::read(call)?, call.now);
    let receipt = cancelled.map_err(|why| match why {
        NotCancelled::Absent(absent) => refuse(job.number, absent),
        NotCancelled::Ended(outcome) => {
            let (name, outcome) = (view::name(job), outcome.name());
            Refusal::new(
                409,
                format!("{name} is {outcome} already: there is nothing left to cancel"),
                format!("GET /jobs/{}/result for how it has ended", job.number),
            )
        }
        NotCancelled::NotKept(failure) => not_kept(&failure),
    })?;
    Ok(Acknowledged::answer(receipt, Response::new(204), call.form()))
}

/// What any page may read, and no cache keeps.
fn read(response: Response) -> Response {
    response.with("Cache-Control", "no-store").with("Access-Control-Allow-Origin", "*")
}

fn table(jobs: &[Job], call: &Call<'_>) -> String {
    let mut table = "        job  status     percent    work  steps    waited\n".to_owned();
    for job in jobs {
        let (name, status) = (view::name(job), job.status(call.now).name());
        let (percent, work, steps) = (job.percent(call.now), job.order.work.as_secs_f64(), job.order.steps);
        let waited = view::waited(job, call.lab, call.now);
        let _ =
            writeln!(table, "{name:>11}  {status:<9}  {percent:>6}%  {work:>4} s  {steps:>5}  {waited:>6} s");
    }
    table
}

fn totals(counts: Counts, call: &Call<'_>) -> String {
    let (Counts { queued, running, ended }, workers) = (counts, call.lab.settings.jobs.workers);
    format!("{queued} queued, {running} running on {workers} workers, {ended} ended\n")
}
