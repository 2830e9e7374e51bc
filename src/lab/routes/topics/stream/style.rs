//! What a stream looks like: an event stream, lines, or lines of JSON.

use serde_json::{Value, json};

use crate::lab::event_stream;
use crate::lab::topics::event::{Event, Form};
use crate::lab::topics::start::Gap;
use crate::sse;

/// The look of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Events,
    Lines,
    Json,
}

impl Style {
    pub fn content_type(self) -> &'static str {
        match self {
            Style::Events => "text/event-stream",
            Style::Lines => "text/plain; charset=utf-8",
            Style::Json => "application/x-ndjson",
        }
    }

    /// How an event of the only topic looks.
    pub fn form(self) -> Form {
        match self {
            Style::Events => Form::Sse,
            Style::Lines => Form::Line,
            Style::Json => Form::Json,
        }
    }

    /// An event of one topic among several; only in an event stream its id says how far all of them have come.
    pub fn event(self, event: &Event, topic: &str, id: &str) -> Vec<u8> {
        match self {
            Style::Events => event.encoded_with_id(id, topic),
            Style::Lines | Style::Json => event.encoded(self.form(), topic).to_vec(),
        }
    }

    pub fn opening<'t>(self, id: &str, topics: impl Iterator<Item = &'t str>) -> Vec<u8> {
        match self {
            Style::Events => event_stream::first_bytes(Some(id)),
            Style::Lines => Vec::new(),
            Style::Json => {
                let topics: Vec<_> = topics.collect();
                line(&json!({ "event": "open", "topics": topics, "last_id": id }))
            }
        }
    }

    pub fn sign_of_life(self) -> &'static [u8] {
        match self {
            Style::Events => b":\n",
            Style::Lines => b"\n",
            Style::Json => b"{\"event\":\"keepalive\"}\n",
        }
    }

    pub fn gap(self, topic: &str, id: &str, gap: Gap) -> Vec<u8> {
        match self {
            Style::Events => {
                let mut block = Vec::new();
                let data = gap.to_json(topic).to_string();
                sse::Event { id: Some(id), kind: Some("gap"), data: &data }.encode(&mut block);
                block
            }
            Style::Lines => format!("(gap: {})\n", gap.to_text()).into_bytes(),
            Style::Json => line(&json!({ "event": "gap", "gap": gap.to_json(topic) })),
        }
    }

    pub fn end(self, topic: &str) -> Vec<u8> {
        match self {
            Style::Events => {
                let mut block = Vec::new();
                sse::Event { id: None, kind: Some("end"), data: topic }.encode(&mut block);
                block
            }
            Style::Lines => b"(end)\n".to_vec(),
            Style::Json => line(&json!({ "event": "end", "topic": topic })),
        }
    }
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}
