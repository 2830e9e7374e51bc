//! The cores alone, HTTP's and from an opening handshake on WebSocket's: what they report, whatever is answered.

mod http;
mod reports;
mod websocket;

use std::time::Duration;

use wirelab::wire::receive_buffer::ReceiveBuffer;
use wirelab::wire::script::Expected;

use super::player::Player;
use http::Http;
use reports::Reports;
use websocket::WebSocket;

/// A connection whose every request is answered as soon as it is complete, an opening handshake by 101.
pub struct Core {
    http: Http,
    websocket: Option<WebSocket>,
    pending: ReceiveBuffer,
    reports: Reports,
}

impl Core {
    pub fn new() -> Core {
        Core {
            http: Http::new(),
            websocket: None,
            pending: ReceiveBuffer::default(),
            reports: Reports::default(),
        }
    }

    fn understand(&mut self, bytes: &mut [u8]) -> usize {
        let mut consumed = 0;
        if self.websocket.is_none() {
            (consumed, self.websocket) = self.http.understand(bytes, &mut self.reports);
        }
        if let Some(websocket) = &mut self.websocket {
            consumed += websocket.understand(&mut bytes[consumed..], &mut self.reports);
        }
        consumed
    }
}

impl Player for Core {
    fn receive(&mut self, bytes: &[u8]) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.feed(&mut bytes.to_vec(), |bytes| self.understand(bytes));
        self.http.note(pending.bytes());
        self.pending = pending;
    }

    fn receive_eof(&mut self) {
        if self.websocket.is_none() {
            self.http.receive_eof(self.pending.bytes(), &mut self.reports);
        }
    }

    fn advance(&mut self, time: Duration) {
        if self.websocket.is_none() {
            self.http.advance(time, self.pending.bytes(), &mut self.reports);
        }
    }

    fn take(&mut self) -> Vec<Expected> {
        self.reports.take()
    }
}
