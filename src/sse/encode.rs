//! Events as bytes of an event stream (WHATWG HTML §9.2.5).

use std::time::Duration;

/// An event to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'e> {
    /// What the client names as the last event ID when it comes again. Without one it keeps the one before.
    pub id: Option<&'e str>,
    /// The type that the client dispatches it as; `message` without one.
    pub kind: Option<&'e str>,
    /// Lines, ended by LF, CRLF or CR. The client joins them by LF.
    pub data: &'e str,
}

impl Event<'_> {
    /// Appends the event with the blank line that dispatches it.
    ///
    /// # Panics
    /// When the id or the type holds a line end or a NUL, by which the client would read something else.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(id) = self.id {
            push_field("id", id, out);
        }
        if let Some(kind) = self.kind {
            push_field("event", kind, out);
        }
        for line in lines(self.data) {
            push_field("data", line, out);
        }
        out.push(b'\n');
    }
}

/// Appends a comment, which no client dispatches: it shows that the connection is alive.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    for line in lines(text) {
        push_field("", line, out);
    }
    out.push(b'\n');
}

/// Appends how long a client that has lost the connection waits before it comes again; it counts milliseconds.
pub fn encode_retry(time: Duration, out: &mut Vec<u8>) {
    push_field("retry", &time.as_millis().to_string(), out);
    out.push(b'\n');
}

fn push_field(name: &str, value: &str, out: &mut Vec<u8>) {
    assert!(!value.contains(['\r', '\n', '\0']) || name == "data", "{name} holds a byte that ends it");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The lines between line ends, one for an empty text.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.find(['\r', '\n']);
        let line = end.map_or(text, |end| &text[..end]);
        rest = end.map(|end| text[end..].strip_prefix("\r\n").unwrap_or(&text[end + 1..]));
        Some(line)
    })
}
