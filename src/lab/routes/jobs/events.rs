//! Each step of a job as it happens: an event stream that ends with the job.

use std::time::Instant;

use super::{job_in_path, view};
use crate::http::Response;
use crate::lab::event_stream::{Heartbeat, begin, head, last_event_id};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::jobs::{Known, Status, Watch};
use crate::lab::refusal::Refusal;
use crate::sse::{Event, encode_comment};

/// `GET /jobs/{id}/events`
///
/// Who comes for the first time learns how far the job is, who comes again gets every step that it has missed. When
/// there is nothing left to tell, 204 tells an EventSource not to come again (WHATWG HTML §9.2).
pub fn events(call: &Call<'_>) -> Result<Answer, Refusal> {
    let job = job_in_path(call)?;
    let seen = last_event_id(call)?.and_then(|word| Status::from_word(&word));
    let status = job.status(call.now);
    if status.has_ended() && seen.is_none_or(|seen| seen == status) {
        return Ok(Answer::uncached(Response::new(204).with("Access-Control-Allow-Origin", "*")));
    }
    Ok(Answer::exchange(Events {
        watch: call.lab.jobs.watch(job.number),
        seen,
        heartbeat: Heartbeat::read(call)?,
        next: None,
        is_open: false,
        server_stops: false,
    }))
}

struct Events {
    watch: Watch,
    /// What the client knows.
    seen: Option<Status>,
    heartbeat: Heartbeat,
    /// When the job changes next.
    next: Option<Instant>,
    /// Whether the stream has begun.
    is_open: bool,
    server_stops: bool,
}

impl Exchange for Events {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        begin(head(), reply);
        if !reply.can_send_content() {
            return reply.end(&[]);
        }
        self.heartbeat.note(reply.now);
        self.is_open = true;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if !self.is_open {
            return;
        }
        self.watch.listen(|| reply.waker());
        let now = reply.now;
        let Ok(job) = self.watch.job(now) else { return reply.end(&[]) };
        while let Some(status) = job.following(self.seen, now) {
            reply.send_data(&encoded(status));
            self.heartbeat.note(now);
            self.seen = Some(status);
        }
        if job.status(now).has_ended() || reply.peer_has_ended || self.server_stops {
            return reply.end(&[]);
        }
        if self.heartbeat.is_due(now) {
            let mut comment = Vec::new();
            encode_comment("", &mut comment);
            reply.send_data(&comment);
            self.heartbeat.note(now);
        }
        self.next = job.next_news(Known::only(job.status(now)), now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next.into_iter().chain(self.heartbeat.due()).min()
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

fn encoded(status: Status) -> Vec<u8> {
    let kind = if status.has_ended() { status.name() } else { "progress" };
    let mut bytes = Vec::new();
    Event { id: Some(&status.word()), kind: Some(kind), data: &view::status_line(status) }.encode(&mut bytes);
    bytes
}
