//! One event of a topic, and its forms on the wire, each made once for everybody who wants it.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::sse;
use crate::websocket::{Kind, frame};

/// What was published.
#[derive(Debug)]
pub struct Event {
    /// Greater than that of any event of the topic before.
    pub id: u64,
    /// What the publisher calls it, if anything.
    pub kind: Option<Box<str>>,
    pub data: Box<str>,
    /// When it was published, in milliseconds since 1970.
    pub at: u64,
    forms: [OnceLock<Box<[u8]>>; Form::COUNT],
}

/// How a subscriber wants its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// A block of an event stream that carries this topic alone.
    Sse,
    /// A line: the data.
    Line,
    /// A line: the id, a tab, the data.
    NumberedLine,
    /// A line: a JSON object.
    Json,
    /// A WebSocket message: the data.
    TextFrame,
    /// A WebSocket message: a JSON object.
    JsonFrame,
}

impl Form {
    const COUNT: usize = Form::JsonFrame as usize + 1;
}

impl Event {
    pub fn new(id: u64, kind: Option<&str>, data: impl Into<Box<str>>, at: u64) -> Event {
        let forms = [const { OnceLock::new() }; Form::COUNT];
        Event { id, kind: kind.map(Box::from), data: data.into(), at, forms }
    }

    /// The event in a form.
    pub fn encoded(&self, form: Form, topic: &str) -> &[u8] {
        self.forms[form as usize].get_or_init(|| self.encode(form, topic).into())
    }

    /// The block of an event stream whose ids say more than that of this event.
    pub fn encoded_with_id(&self, id: &str, topic: &str) -> Vec<u8> {
        let block = self.encoded(Form::Sse, topic);
        let own_id = memchr::memchr(b'\n', block).map_or(0, |end| end + 1); // the field that comes first
        [b"id: ", id.as_bytes(), b"\n", &block[own_id..]].concat()
    }

    /// What it costs to keep: its data and about as much as the rest of it takes. Each form that somebody has wanted
    /// takes as much as it has bytes on top, and there are only six.
    pub fn cost(&self) -> u64 {
        self.data.len() as u64 + COST_BYTES
    }

    pub fn to_json(&self, topic: &str) -> Value {
        let kind = self.kind.as_deref().unwrap_or("message");
        json!({ "event": kind, "topic": topic, "id": self.id, "at": self.at, "data": self.data })
    }

    fn encode(&self, form: Form, topic: &str) -> Vec<u8> {
        match form {
            Form::Sse => self.encode_block(),
            Form::Line => format!("{}\n", on_one_line(&self.data)).into(),
            Form::NumberedLine => format!("{}\t{}\n", self.id, on_one_line(&self.data)).into(),
            Form::Json => format!("{}\n", self.to_json(topic)).into(),
            Form::TextFrame => frame::encode(Kind::Text, self.data.as_bytes()),
            Form::JsonFrame => frame::encode(Kind::Text, self.to_json(topic).to_string().as_bytes()),
        }
    }

    fn encode_block(&self) -> Vec<u8> {
        let (id, mut block) = (self.id.to_string(), Vec::new());
        sse::Event { id: Some(&id), kind: self.kind.as_deref(), data: &self.data }.encode(&mut block);
        block
    }
}

/// Line ends are written as in a string of C, and so is what they are written with.
fn on_one_line(data: &str) -> String {
    data.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

/// An event without its data: what the log has of it, and its type.
const COST_BYTES: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_form_for_every_taste() {
        let event = Event::new(7, Some("greeting"), "hi\nyou", 1);
        for (form, bytes) in [
            (Form::Sse, "id: 7\nevent: greeting\ndata: hi\ndata: you\n\n"),
            (Form::Line, "hi\\nyou\n"),
            (Form::NumberedLine, "7\thi\\nyou\n"),
            (
                Form::Json,
                "{\"event\":\"greeting\",\"topic\":\"t\",\"id\":7,\"at\":1,\"data\":\"hi\\nyou\"}\n",
            ),
        ] {
            assert_eq!(event.encoded(form, "t"), bytes.as_bytes());
        }
        assert_eq!(event.encoded(Form::TextFrame, "t"), b"\x81\x06hi\nyou");
        let block = event.encoded_with_id("t:7,u:2", "t");
        assert_eq!(block, b"id: t:7,u:2\nevent: greeting\ndata: hi\ndata: you\n\n");
    }

    #[test]
    fn an_event_costs_no_less_than_it_takes() {
        assert!(size_of::<Event>() + size_of::<u64>() + 40 <= COST_BYTES as usize);
    }
}
