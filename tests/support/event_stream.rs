//! The parser of event streams alone: what a page would get.

use std::time::Duration;

use wirelab::sse::{Dispatched, Limits, Parsed, Parser};
use wirelab::wire::notation::encode;
use wirelab::wire::script::Expected;

use super::player::Player;

/// The client's end of an event stream.
pub struct EventStream {
    parser: Parser,
    reports: Vec<Expected>,
}

impl EventStream {
    pub fn new() -> EventStream {
        EventStream { parser: Parser::new(Limits::default()), reports: Vec::new() }
    }
}

impl Player for EventStream {
    fn receive(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let (consumed, parsed) = self.parser.next_event(rest).expect("no fixture is as long as a limit");
            rest = &rest[consumed..];
            self.reports.push(Expected::Event(match parsed {
                Parsed::Event(event) => shown(&event),
                Parsed::Retry(time) => format!("Retry {} ms", time.as_millis()),
                Parsed::Incomplete => return,
            }));
        }
    }

    /// "Once the end of the file is reached, any pending data must be discarded" (WHATWG HTML §9.2.6).
    fn receive_eof(&mut self) {}

    fn advance(&mut self, _: Duration) {
        unreachable!("a stream is parsed without a clock");
    }

    fn take(&mut self) -> Vec<Expected> {
        std::mem::take(&mut self.reports)
    }
}

fn shown(event: &Dispatched) -> String {
    let mut text = format!("Event {} {}", event.kind, quoted(&event.data));
    if !event.last_event_id.is_empty() {
        text.push_str(&format!(", last event ID {}", quoted(&event.last_event_id)));
    }
    text
}

fn quoted(text: &str) -> String {
    let mut visible = String::new();
    encode(text.as_bytes(), &mut visible);
    format!("\"{visible}\"")
}
