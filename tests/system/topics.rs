//! Clients of topics: those who publish, and those who read lines.

use std::collections::VecDeque;

use serde_json::Value;

use super::client::{Answer, Client, get, stat};
use super::process::{Server, until};

/// Publishes an event.
pub fn publish(client: &mut Client, topic: &str, data: &str) -> Answer {
    client.send(posted(topic, data));
    client.answer()
}

/// The request that publishes an event.
pub fn posted(topic: &str, data: &str) -> String {
    format!("POST /topics/{topic} HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n{data}", data.len())
}

pub fn delete(client: &mut Client, topic: &str) {
    client.send(format!("DELETE /topics/{topic} HTTP/1.1\r\nHost: lab\r\n\r\n"));
    assert_eq!(client.answer().status, 204);
}

/// The id in what came of publishing.
pub fn id(published: &Answer) -> u64 {
    let text = published.text();
    let id = text.strip_prefix("id ").and_then(|rest| rest.split(',').next());
    id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {text:?}"))
}

/// A stream of lines.
pub struct Lines {
    client: Client,
    begun: Vec<u8>,
    lines: VecDeque<String>,
}

impl Lines {
    pub fn open(server: &Server, target: &str) -> Lines {
        Lines::over(Client::connect(server.address), target)
    }

    /// The same on a connection that is there.
    pub fn over(mut client: Client, target: &str) -> Lines {
        client.send(get(target));
        assert_eq!(client.head().status, 200, "{target}");
        Lines { client, begun: Vec::new(), lines: VecDeque::new() }
    }

    pub fn finish_sending(&self) {
        self.client.finish_sending();
    }

    /// The next line; nothing once the stream has ended in order.
    pub fn next(&mut self) -> Option<String> {
        while self.lines.is_empty() {
            let chunk = self.client.chunk().expect("the stream goes on, or ends in order");
            if chunk.is_empty() {
                assert_eq!(self.begun, b"", "the last line is not whole");
                return None;
            }
            self.begun.extend_from_slice(&chunk);
            let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let lines: Vec<u8> = self.begun.drain(..whole).collect();
            self.lines.extend(String::from_utf8(lines).expect("text").lines().map(str::to_owned));
        }
        self.lines.pop_front()
    }

    pub fn next_json(&mut self) -> Option<Value> {
        self.next().map(|line| json(&line))
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Waits until the server holds so many requests back.
pub fn until_held_back(client: &mut Client, count: u64) {
    until("requests are held back", || stat(client, "longpoll_waiters") == count);
}
