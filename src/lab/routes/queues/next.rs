//! `GET /queues/{q}/next`: a message is leased, and until there is one, the client waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::consumer;
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::queues::{Consumer, Delivery, Hold, LONGEST_LEASE, Lease};
use crate::lab::refusal::Refusal;
use crate::lab::wait::{Preference, Wait, Waiting};

/// `GET /queues/{q}/next`
pub fn next(call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.request.method == Method::Head {
        let why = "HEAD would lease a message, and nobody would get it";
        return Err(Refusal::new(405, why, "GET").with("Allow", "GET, OPTIONS"));
    }
    let wait = Wait::read(call)?;
    let lease = call.params()?.duration("lease", LONGEST_LEASE, USUAL_LEASE)?;
    Ok(Answer::exchange(Next {
        consumer: consumer(call)?,
        until: wait.until(call.now),
        preference: wait.preference(),
        lease_millis: lease.as_millis() as u32,
        waiting: None,
        is_complete: false,
        server_stops: false,
    }))
}

/// Many wait, so what waits is small: a connection that does costs little more than one that is idle.
struct Next {
    consumer: Consumer,
    until: Instant,
    preference: Preference,
    lease_millis: u32,
    /// Counted from when it was held back.
    waiting: Option<Waiting>,
    /// Whether the request is.
    is_complete: bool,
    server_stops: bool,
}

impl Next {
    fn hold(&self, reply: &Reply<'_>) -> Hold {
        let lease = Duration::from_millis(self.lease_millis.into());
        Hold::Lease(Lease::of(lease, reply.now, reply.lab.clock.unix_millis()))
    }
}

impl Exchange for Next {
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {
        self.is_complete = true;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if !self.is_complete {
            return;
        }
        let hold = self.hold(reply);
        if let Some(delivery) = self.consumer.take(reply.now, hold) {
            return reply.send(self.preference.confirm(delivered(delivery)));
        }
        if self.server_stops || reply.peer_has_ended || self.until <= reply.now {
            return reply.send(self.preference.confirm(Response::new(204).with("Cache-Control", "no-store")));
        }
        self.waiting.get_or_insert_with(|| reply.lab.waiters.enter());
        self.consumer.wait(hold, reply.waker());
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let look_again = self.consumer.look_again();
        self.is_complete.then(|| look_again.map_or(self.until, |look_again| look_again.min(self.until)))
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

/// A message as content, as it was posted; what is known of its delivery stands in the head.
fn delivered(delivery: Delivery) -> Response {
    let Delivery { tag, content, content_type, died_in } = delivery;
    let mut response = Response::new(200);
    response.content = content;
    response.content_type = content_type.map(|content_type: Arc<str>| content_type.to_string().into());
    let response = response
        .with("Cache-Control", "no-store")
        .with("X-Delivery-Tag", tag.to_string())
        .with("X-Message-Id", tag.id.to_string())
        .with("X-Redelivered", if tag.is_redelivered() { "1" } else { "0" })
        .with("X-Deliveries", tag.delivery.to_string());
    match died_in {
        Some(died_in) => response.with("X-Died-In", died_in.to_string()),
        None => response,
    }
}

/// As long as the usual visibility timeout of Amazon SQS.
const USUAL_LEASE: Duration = Duration::from_secs(30);
