//! `GET /queues/{q}/events`: messages are pushed as server-sent events, as many as the client has room for.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{consumer, prefetch};
use crate::lab::event_stream::{self, Heartbeat};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::queues::{Consumer, Delivery, Hold};
use crate::lab::refusal::Refusal;
use crate::sse::Event;

/// `GET /queues/{q}/events`
///
/// What is pushed here has no lease that could end: it is the client's while the connection lives, and given back when
/// that ends. A client that comes again says by Last-Event-ID what it has seen, and not what it has done, so that is
/// no ack.
pub fn events(call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::exchange(Pushing {
        consumer: consumer(call)?,
        hold: Hold::Window(prefetch(call)?),
        heartbeat: Heartbeat::read(call)?,
        server_stops: false,
    }))
}

struct Pushing {
    consumer: Consumer,
    hold: Hold,
    heartbeat: Heartbeat,
    server_stops: bool,
}

impl Pushing {
    /// Sends what the window has room for.
    fn push(&mut self, reply: &mut Reply<'_>) {
        while !reply.is_full()
            && let Some(delivery) = self.consumer.take(reply.now, self.hold)
        {
            reply.send_data(&encode(&delivery));
            self.heartbeat.note(reply.now);
        }
    }
}

impl Exchange for Pushing {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        event_stream::begin(event_stream::head(), reply);
        if !reply.can_send_content() {
            return reply.end(&[]);
        }
        self.heartbeat.note(reply.now);
    }

    /// Waits only when everything has left: who is called has to be able to come.
    fn poll(&mut self, reply: &mut Reply<'_>) {
        if reply.can_answer() {
            return; // the request is not complete
        }
        if self.server_stops || reply.peer_has_ended {
            return reply.end(&[]);
        }
        let before = reply.sent();
        self.push(reply);
        self.heartbeat.beat(reply);
        if reply.sent() == before {
            self.consumer.wait(self.hold, reply.waker());
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.heartbeat.due(), self.consumer.look_again()].into_iter().flatten().min()
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

/// A delivery as an event, its tag as the id. An event holds text, and knows one line end; any other content comes as
/// `event: base64`, so that what comes out is what was put in.
fn encode(delivery: &Delivery) -> Vec<u8> {
    let tag = delivery.tag.to_string();
    let plain = str::from_utf8(&delivery.content).ok().filter(|text| !text.contains('\r'));
    let encoded = if plain.is_none() { STANDARD.encode(&delivery.content) } else { String::new() };
    let kind = plain.is_none().then_some("base64");
    let mut event = Vec::new();
    Event { id: Some(&tag), kind, data: plain.unwrap_or(&encoded) }.encode(&mut event);
    event
}
