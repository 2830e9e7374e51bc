//! What is to be said against a run.

use std::fmt::Display;

/// Places where a rule is broken.
#[derive(Default)]
pub struct Complaints(Vec<String>);

impl Complaints {
    /// Complains of an event, a message, or somebody: by how it begins.
    pub fn add(&mut self, of: &str, what: impl Display) {
        self.0.push(format!("{:?} {what}", start_of(of)));
    }

    /// # Panics
    /// When there are any, with the first few.
    pub fn hear(self) {
        let Complaints(lines) = self;
        assert!(lines.is_empty(), "{} complaints:\n{}", lines.len(), lines[..lines.len().min(20)].join("\n"));
    }
}

/// As much of a text as tells which it is.
pub fn start_of(text: &str) -> String {
    text.chars().take(30).collect()
}
