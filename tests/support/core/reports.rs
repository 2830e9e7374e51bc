//! What a core has reported, as lines of a fixture.

use std::fmt::Display;

use wirelab::wire::notation::encode;
use wirelab::wire::script::Expected;

/// What was reported, content that arrived in pieces joined.
#[derive(Default)]
pub struct Reports {
    data: Vec<u8>,
    lines: Vec<Expected>,
}

impl Reports {
    pub fn add(&mut self, event: impl Into<String>) {
        self.end_data();
        self.lines.push(Expected::Event(event.into()));
    }

    pub fn add_data(&mut self, data: &[u8]) {
        self.data.extend_from_slice(data);
    }

    pub fn add_error(&mut self, error: impl Display) {
        self.end_data();
        self.lines.push(Expected::Error(error.to_string()));
    }

    pub fn take(&mut self) -> Vec<Expected> {
        self.end_data();
        std::mem::take(&mut self.lines)
    }

    fn end_data(&mut self) {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            self.lines.push(Expected::Event(format!("Data \"{}\"", visible(&data))));
        }
    }
}

pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    encode(bytes, &mut text);
    text
}
