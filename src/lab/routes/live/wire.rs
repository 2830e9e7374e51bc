//! What passes on all other connections, while it passes.

use std::mem;
use std::time::Instant;

use crate::lab::event_stream::{self, Heartbeat};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::inbox::Overrun;
use crate::lab::refusal::Refusal;
use crate::lab::routes::wire::tape;
use crate::lab::watchers::{Full, MAX_WATCHERS, Watch};
use crate::sse;

/// `GET /wire`
pub fn live(call: &Call<'_>) -> Result<Answer, Refusal> {
    tape(call)?; // where nothing is recorded of others, nothing is shown of them
    let heartbeat = Heartbeat::read(call)?;
    let watch = call.lab.watchers.watch(call.card.number).map_err(|Full| {
        Refusal::new(503, format!("{MAX_WATCHERS} watch already, as many as may"), "again when one has gone")
            .with("Retry-After", "10")
    })?;
    Ok(Answer::exchange(Live { watch, heartbeat, is_listening: false, is_stopping: false }))
}

struct Live {
    watch: Watch,
    heartbeat: Heartbeat,
    is_listening: bool,
    is_stopping: bool,
}

impl Live {
    fn send_what_has_passed(&mut self, reply: &mut Reply<'_>) {
        while !reply.is_full() {
            match self.watch.inbox().take() {
                Ok(None) => return,
                Ok(Some(event)) => self.send(&event, reply),
                Err(Overrun) => self.send(&gap(self.watch.inbox().go_on()), reply),
            }
        }
    }

    fn send(&mut self, event: &[u8], reply: &mut Reply<'_>) {
        reply.send_data(event);
        self.heartbeat.note(reply.now);
    }
}

impl Exchange for Live {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        event_stream::begin(event_stream::head(), reply);
        self.heartbeat.note(reply.now);
        if !reply.can_send_content() {
            reply.end(&[]);
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if reply.can_answer() {
            return; // the request is not complete
        }
        if !mem::replace(&mut self.is_listening, true) {
            self.watch.inbox().listen(reply.waker());
        }
        self.send_what_has_passed(reply);
        self.heartbeat.beat(reply);
        if self.is_stopping || reply.peer_has_ended {
            reply.end(&[]);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.heartbeat.due()
    }

    fn handle_shutdown(&mut self) {
        self.is_stopping = true;
    }
}

/// Stands where events are missing, because more came than the reader took.
fn gap(lost: u64) -> Vec<u8> {
    let mut event = Vec::new();
    let data = format!("{lost} events were lost here: more passed than was read");
    sse::Event { kind: Some("gap"), data: &data, ..sse::Event::default() }.encode(&mut event);
    event
}
