//! One connection from its first byte to its last: HTTP/1.1, and from an accepted upgrade on WebSocket.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::conversation::Conversation;
use super::registry::Card;
use super::websocket::WebSocket;
use crate::session::{Bell, Cause, Done, Errand, Flow, Session};
use crate::trace::Counted;

/// A [`Session`] that speaks what its connection is at. The protocols lie in one another's place, so that a connection
/// that has left HTTP costs no more than one that has not.
pub enum Visit {
    Http(Conversation),
    WebSocket(WebSocket),
}

impl Visit {
    /// Goes on in the other protocol if the last call has led there. What has come behind the handshake is its first
    /// input, and what it answers leaves with the 101.
    fn follow(&mut self, now: Instant, out: &mut Vec<u8>) {
        if let Visit::Http(conversation) = self
            && let Some(websocket) = conversation.take_upgrade(now, out)
        {
            *self = Visit::WebSocket(websocket);
        }
    }

    fn card(&self) -> &Card {
        match self {
            Visit::Http(conversation) => conversation.card(),
            Visit::WebSocket(websocket) => websocket.card(),
        }
    }

    fn speaker(&mut self) -> &mut dyn Session {
        match self {
            Visit::Http(conversation) => conversation,
            Visit::WebSocket(websocket) => websocket,
        }
    }
}

impl Counted for Visit {
    fn number(&self) -> u64 {
        self.card().number
    }

    fn received(&self) -> u64 {
        self.card().bytes_in.load(Relaxed)
    }

    fn sent(&self) -> u64 {
        self.card().bytes_out.load(Relaxed)
    }
}

impl Session for Visit {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        match self {
            Visit::Http(conversation) => conversation.receive(now, bytes, out),
            Visit::WebSocket(websocket) => websocket.receive(now, bytes, out),
        }
        self.follow(now, out);
    }

    fn receive_eof(&mut self, now: Instant) {
        self.speaker().receive_eof(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.speaker().handle_timeout(now);
    }

    fn handle_shutdown(&mut self, now: Instant) {
        self.speaker().handle_shutdown(now);
    }

    fn handle_close(&mut self, now: Instant, cause: Cause<'_>) {
        self.speaker().handle_close(now, cause);
    }

    fn poll_transmit(&mut self, now: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        match self {
            Visit::Http(conversation) => conversation.poll_transmit(now, bell, out),
            Visit::WebSocket(websocket) => websocket.poll_transmit(now, bell, out),
        }
        self.follow(now, out);
    }

    fn handle_sent(&mut self, now: Instant) -> bool {
        match self {
            Visit::Http(conversation) => conversation.handle_sent(now),
            Visit::WebSocket(websocket) => websocket.handle_sent(now),
        }
    }

    fn poll_send_buffer(&mut self) -> Option<usize> {
        self.speaker().poll_send_buffer()
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.speaker().poll_errand()
    }

    fn handle_errand(&mut self, now: Instant, done: Done) {
        self.speaker().handle_errand(now, done);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Visit::Http(conversation) => conversation.poll_timeout(),
            Visit::WebSocket(websocket) => websocket.poll_timeout(),
        }
    }

    fn label(&self) -> String {
        match self {
            Visit::Http(conversation) => conversation.label(),
            Visit::WebSocket(websocket) => websocket.label(),
        }
    }

    fn flow(&self) -> Flow {
        match self {
            Visit::Http(conversation) => conversation.flow(),
            Visit::WebSocket(websocket) => websocket.flow(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Traced;

    #[test]
    fn a_connection_is_small_and_costs_the_same_in_either_protocol() {
        assert_eq!(size_of::<Visit>(), size_of::<Conversation>().max(size_of::<WebSocket>()));
        assert!(size_of::<Traced<Visit>>() <= 200, "{} bytes", size_of::<Traced<Visit>>());
    }
}
