//! Hearing an answer that never ends: as events, as lines of JSON, as lines.

use std::io;

use serde_json::Value;
use wirelab::sse::{Dispatched, Limits, Parsed, Parser};

use crate::client::Client;
use crate::subscriber::{Subscriber, Way};

/// Asks once, and listens.
pub fn sit(subscriber: &mut Subscriber<'_>, mut client: Client) -> io::Result<()> {
    client.try_send(request(subscriber))?;
    let head = client.try_head()?;
    assert_eq!(head.status, 200, "{}", head.head);
    match subscriber.way {
        Way::Events => hear_events(subscriber, &mut client)?,
        _ => hear_lines(subscriber, &mut client)?,
    }
    // It has heard enough. Some say so.
    if subscriber.chance.bool() {
        client.reset();
    }
    Ok(())
}

fn request(subscriber: &mut Subscriber<'_>) -> String {
    let path = match subscriber.way {
        Way::Events => "events",
        Way::Json => "json",
        _ => "raw",
    };
    let (start, chance) = (subscriber.start(), &mut subscriber.chance);
    let heartbeat = chance.choice(["10ms", "1", "0"]).expect("one of them");
    let (mut query, mut fields) = (format!("heartbeat={heartbeat}"), String::new());
    match &subscriber.last_event_id {
        // As an EventSource does it: the URL stays the same, and the field wins.
        Some(id) if chance.bool() => {
            query += "&since=all";
            fields += &format!("Last-Event-ID: {id}\r\n");
        }
        Some(id) if chance.bool() => query += &format!("&last_event_id={id}"),
        _ => query += &format!("&since={start}"),
    }
    let topics = subscriber.topics.join(",");
    format!("GET /topics/{topics}/{path}?{query} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n")
}

fn hear_events(subscriber: &mut Subscriber<'_>, client: &mut Client) -> io::Result<()> {
    let mut parser = Parser::new(Limits::default());
    loop {
        let chunk = client.chunk()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let mut rest = &chunk[..];
        while let (consumed, Parsed::Event(event)) = next(&mut parser, rest) {
            rest = &rest[consumed..];
            assert!(["message", "kind"].contains(&&*event.kind), "{event:?}");
            let id = id_in(&event);
            subscriber.last_event_id = Some(event.last_event_id);
            if !subscriber.hear(Some(id), event.data) {
                return Ok(());
            }
        }
    }
}

/// The next event in these bytes; times of reconnection are passed over.
pub fn next(parser: &mut Parser, bytes: &[u8]) -> (usize, Parsed) {
    let mut passed = 0;
    loop {
        let (consumed, parsed) = parser.next_event(&bytes[passed..]).expect("no event is as long as a limit");
        passed += consumed;
        if !matches!(parsed, Parsed::Retry(_)) {
            return (passed, parsed);
        }
    }
}

/// The id of an event, which in a stream of several topics says how far each of them has come.
fn id_in(event: &Dispatched) -> u64 {
    let mut parts = event.last_event_id.split(',').map(|part| part.split_once(':').unwrap_or(("", part)));
    let of_topic = parts.find(|(topic, _)| topic.is_empty() || event.data.starts_with(topic));
    of_topic.and_then(|(_, id)| id.parse().ok()).unwrap_or_else(|| panic!("no id: {event:?}"))
}

fn hear_lines(subscriber: &mut Subscriber<'_>, client: &mut Client) -> io::Result<()> {
    let mut begun = Vec::new();
    loop {
        let chunk = client.chunk()?;
        if chunk.is_empty() {
            return Ok(());
        }
        begun.extend_from_slice(&chunk);
        let whole = begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = begun.drain(..whole).collect();
        for line in str::from_utf8(&lines).expect("lines are UTF-8").lines() {
            if !hear_line(subscriber, line) {
                return Ok(());
            }
        }
    }
}

fn hear_line(subscriber: &mut Subscriber<'_>, line: &str) -> bool {
    if subscriber.way == Way::Lines {
        // An empty one is a sign of life.
        return line.is_empty() || subscriber.hear(None, on_many_lines(line));
    }
    let value: Value = serde_json::from_str(line).expect("a line of JSON");
    match value["event"].as_str() {
        Some("open" | "keepalive") => true,
        Some("message" | "kind") => {
            let data = value["data"].as_str().expect("data").to_owned();
            subscriber.hear(value["id"].as_u64(), data)
        }
        _ => panic!("{line}"),
    }
}

/// Data that stood on one line.
pub fn on_many_lines(line: &str) -> String {
    let mut data = String::new();
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        data.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('\\') => '\\',
                other => panic!("a backslash before {other:?} in {line}"),
            },
            char => char,
        });
    }
    data
}
