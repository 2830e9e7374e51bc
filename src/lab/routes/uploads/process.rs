//! `?process=1`: what a course on backends does with every image that comes in, by a job, behind the answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::join::Manner;
use crate::http::Response;
use crate::lab::exchange::{Call, Reply};
use crate::lab::idempotency;
use crate::lab::images::Image;
use crate::lab::jobs::{LONGEST_WORK, Order};
use crate::lab::journal::{Ack, Receipt};
use crate::lab::refusal::Refusal;
use crate::lab::routes::jobs::submit::{location, monitored, not_submitted};
use crate::lab::routes::jobs::view;

/// What is to be done with an image, a third of the work each.
pub(super) struct Process {
    order: Order,
    key: Option<Arc<str>>,
}

impl Process {
    pub fn read(call: &Call<'_>) -> Result<Option<Process>, Refusal> {
        let params = call.params()?;
        if params.number("process", 0..=1, 0)? == 0 {
            return Ok(None);
        }
        let work = params.duration("work", LONGEST_WORK, USUAL_WORK)?;
        let order = Order {
            work: Duration::from_millis(work.as_millis() as u64),
            steps: STEPS.len() as u8,
            fails: params.number("fail", 0..=1, 0)? == 1,
        };
        Ok(Some(Process { order, key: idempotency::key(&call.request.fields)?.map(Into::into) }))
    }

    /// Submits the job, and answers what is said of it when it is written down.
    ///
    /// The image is there by now. A client that is refused, or has gone before, finds it there when it asks once more,
    /// and gets the job then.
    pub fn submit(
        &self,
        image: &Image,
        manner: &Manner,
        reply: &Reply<'_>,
    ) -> Result<(Receipt, Response), Refusal> {
        let (lab, now) = (reply.lab, reply.now);
        let ack = if lab.journal.keeps() { manner.ack } else { Ack::Memory };
        let submitted = lab.jobs.submit(self.order, self.key.clone(), ack, now);
        let (job, receipt) = submitted.map_err(|why| not_submitted(&why, &lab.settings.jobs))?;
        let (name, path) = (view::name(&job), image.path());
        let response = manner.representation.respond(
            || format!("{name}: {}\n{path}\n", STEPS.join(", ")),
            || json!({ "job": name, "location": location(&job), "steps": STEPS, "image": path }),
        );
        Ok((receipt, monitored(response, &job, now)))
    }
}

const STEPS: [&str; 3] = ["compress", "format", "notify"];

/// A second each: long enough to see that the answer does not wait for it.
const USUAL_WORK: Duration = Duration::from_secs(3);
