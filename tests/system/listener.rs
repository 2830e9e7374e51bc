//! A client that listens to an event stream, and takes its events apart (WHATWG HTML §9.2.6).

use super::client::{Answer, Client};
use super::process::Server;

/// One connection whose answer is an event stream.
pub struct Listener {
    client: Client,
    pub head: Answer,
    /// What has come of an event that is not whole.
    begun: String,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub data: String,
}

impl Listener {
    pub fn open(server: &Server, target: &str) -> Listener {
        Listener::over(Client::connect(server.address), target, "")
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
        Listener { client, head, begun: String::new() }
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
    /// When the stream ends otherwise, or inside an event.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.begun.split_once("\n\n") {
                let event = parse(block);
                self.begun = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = self.client.chunk().expect("the stream goes on, or ends in order");
            if chunk.is_empty() {
                assert_eq!(self.begun, "", "the last event is not whole");
                return None;
            }
            self.begun += &String::from_utf8(chunk).expect("an event stream is UTF-8");
        }
    }

    /// Disappears with a reset.
    pub fn reset(self) {
        self.client.reset();
    }

    /// All that still comes.
    pub fn rest(mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// What a block of lines dispatches, if anything: comments and the reconnection time do not.
fn parse(block: &str) -> Option<Event> {
    let (mut event, mut data) = (Event::default(), Vec::new());
    for line in block.split('\n') {
        match line.split_once(": ").unwrap_or((line, "")) {
            ("id", id) => event.id = id.to_owned(),
            ("event", kind) => event.kind = kind.to_owned(),
            ("data", line) => data.push(line),
            ("retry" | "", _) => {}
            (name, _) => panic!("the field {name} in {block:?}"),
        }
    }
    event.data = data.join("\n");
    (!data.is_empty()).then_some(event)
}
