//! Hearing by asking, at once or with patience.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::stream::on_many_lines;
use crate::subscriber::{Subscriber, Way};

/// Asks again and again, on one connection.
pub fn sit(subscriber: &mut Subscriber<'_>, mut client: Client) -> io::Result<()> {
    let mut tag = None;
    loop {
        client.try_send(request(subscriber, tag.as_deref()))?;
        let answer = client.try_answer()?;
        assert_eq!(answer.field("X-Gap"), None, "nothing was forgotten");
        subscriber.last_event_id = answer.field("X-Last-Event-ID").map(str::to_owned);
        tag = answer.field("ETag").map(str::to_owned);
        match answer.status {
            200 => {
                let mut goes_on = true;
                for (id, data) in events(&answer) {
                    goes_on = subscriber.hear(Some(id), data);
                }
                if !goes_on {
                    return Ok(());
                }
            }
            // Who asks all the time asks from time to time.
            204 | 304 if subscriber.way == Way::ShortPoll => thread::sleep(INTERVAL),
            204 | 304 => {}
            _ => panic!("{}{}", answer.head, answer.text()),
        }
    }
}

fn request(subscriber: &mut Subscriber<'_>, tag: Option<&str>) -> String {
    let start = subscriber.start();
    let chance = &mut subscriber.chance;
    // Where the server has said that it is, or behind the last event that it has heard: that has to be the same.
    let since = subscriber.last_event_id.take().filter(|_| chance.bool()).unwrap_or(start);
    let (mut query, mut fields) = (format!("since={since}&limit={}", chance.u8(1..)), String::new());
    if subscriber.way == Way::LongPoll {
        let wait = chance.choice(["wait=20ms", "wait=5", "wait=100ms&min_bytes=2000"]).expect("one of them");
        query += &format!("&{wait}");
    }
    if chance.bool() {
        fields += "Accept: application/json\r\n";
    }
    if let Some(tag) = tag.filter(|_| chance.bool()) {
        fields += &format!("If-None-Match: {tag}\r\n");
    }
    format!("GET /topics/{}?{query} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n", subscriber.topics[0])
}

fn events(answer: &Answer) -> Vec<(u64, String)> {
    if answer.has("Content-Type: application/json") {
        let values: Vec<Value> = serde_json::from_slice(&answer.content).expect("it is JSON");
        let event = |value: &Value| {
            (value["id"].as_u64().expect("an id"), value["data"].as_str().expect("data").into())
        };
        return values.iter().map(event).collect();
    }
    let text = answer.text();
    let event = |line: &str| {
        let (id, data) = line.split_once('\t').expect("an id, a tab, the data");
        (id.parse().expect("an id"), on_many_lines(data))
    };
    text.lines().map(event).collect()
}

const INTERVAL: Duration = Duration::from_millis(10);
