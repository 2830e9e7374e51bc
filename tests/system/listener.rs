//! A client that listens to an event stream, and hears what a page would (WHATWG HTML §9.2.6).

use std::collections::VecDeque;

use wirelab::sse::{Dispatched, Limits, Parsed, Parser};

use super::client::{Answer, Client};
use super::process::Server;

/// One connection whose answer is an event stream.
pub struct Listener {
    client: Client,
    pub head: Answer,
    parser: Parser,
    heard: VecDeque<Dispatched>,
}

impl Listener {
    pub fn open(server: &Server, target: &str) -> Listener {
        Listener::over(Client::connect(server.address), target, "")
    }

    /// The same for who comes again, and names the last event that it has heard.
    pub fn open_behind(server: &Server, target: &str, last_event_id: &str) -> Listener {
        let field = format!("Last-Event-ID: {last_event_id}\r\n");
        Listener::over(Client::connect(server.address), target, &field)
    }

    /// The same on a connection that is there, with more field lines.
    ///
    /// # Panics
    /// When the answer is no event stream in chunks.
    pub fn over(mut client: Client, target: &str, fields: &str) -> Listener {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n"));
        let head = client.head();
        let is_stream = head.has("Content-Type: text/event-stream") && head.has("Transfer-Encoding: chunked");
        assert!(head.status == 200 && is_stream, "{}", head.head);
        Listener { client, head, parser: Parser::new(Limits::default()), heard: VecDeque::new() }
    }

    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The number of its connection.
    pub fn number(&self) -> u64 {
        self.head.field("X-Conn").and_then(|number| number.parse().ok()).expect("a number")
    }

    /// The next event; nothing once the stream has ended in order.
    ///
    /// # Panics
    /// When the stream ends otherwise.
    pub fn next(&mut self) -> Option<Dispatched> {
        while self.heard.is_empty() {
            let chunk = self.client.chunk().expect("the stream goes on, or ends in order");
            if chunk.is_empty() {
                return None;
            }
            self.hear(&chunk);
        }
        self.heard.pop_front()
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        loop {
            let (consumed, parsed) = self.parser.next_event(bytes).expect("no event is that long");
            bytes = &bytes[consumed..];
            match parsed {
                Parsed::Event(event) => self.heard.push_back(event),
                Parsed::Retry(_) => {}
                Parsed::Incomplete => return,
            }
        }
    }

    /// Disappears with a reset.
    pub fn reset(self) {
        self.client.reset();
    }

    /// All that still comes.
    pub fn rest(mut self) -> Vec<Dispatched> {
        std::iter::from_fn(|| self.next()).collect()
    }
}
