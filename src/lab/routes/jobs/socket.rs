//! Each step of a job as it happens: a message each, until the server closes with the job's end.

use std::time::Instant;

use super::{job_in_path, view};
use crate::lab::dialogue::{Dialogue, JSON_PROTOCOL, Line, Message, open};
use crate::lab::exchange::{Answer, Call};
use crate::lab::jobs::{Known, Status, Watch};
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::websocket::Code;

/// `/jobs/{id}/ws`
pub fn socket(call: &Call<'_>) -> Result<Answer, Refusal> {
    let job = job_in_path(call)?;
    open(call, |protocol| {
        let is_json = protocol == Some(JSON_PROTOCOL);
        let representation = if is_json { Representation::Json } else { Representation::Text };
        Progress { watch: call.lab.jobs.watch(job.number), seen: None, representation, next: None }
    })
}

struct Progress {
    watch: Watch,
    seen: Option<Status>,
    representation: Representation,
    /// When the job changes next.
    next: Option<Instant>,
}

impl Dialogue for Progress {
    fn receive(&mut self, _message: Message<'_>, _line: &mut Line<'_>) {}

    fn poll(&mut self, line: &mut Line<'_>) {
        self.watch.listen(|| line.waker());
        let now = line.now;
        let Ok(job) = self.watch.job(now) else { return line.close(Code::NORMAL, "forgotten") };
        while let Some(status) = job.following(self.seen, now) {
            line.send_text(&match self.representation {
                Representation::Text => view::status_line(status),
                Representation::Json => view::status_json(&job, status, now).to_string(),
            });
            self.seen = Some(status);
        }
        let status = job.status(now);
        if status.has_ended() {
            return line.close(Code::NORMAL, status.name());
        }
        self.next = job.next_news(Known::only(status), now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }
}
