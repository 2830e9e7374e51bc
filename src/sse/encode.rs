//! Events as the bytes of an event stream (WHATWG HTML §9.2.5).
//!
//! ```text
//! event   = *( comment / field ) end-of-line
//! comment = colon *any-char end-of-line
//! field   = 1*name-char [ colon [ space ] *any-char ] end-of-line
//! ```
//!
//! The space behind the colon is always sent: a client removes one, and without it would remove the first one of a
//! value that begins with a space. Lines end with LF alone, the shortest of the three ends.

use std::time::Duration;

/// An event to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'e> {
    /// What the client names as the last event ID when it comes again. Without one it keeps the one before; an empty
    /// one makes it forget that, so that it names none.
    pub id: Option<&'e str>,
    /// The type that the client dispatches it as; `message` without one, or with an empty one.
    pub kind: Option<&'e str>,
    /// Lines, ended by LF, CRLF or CR. The client joins them by LF. Empty data is data: an event is left out only where
    /// no data field comes at all (§9.2.6), so there is always one.
    pub data: &'e str,
}

impl Event<'_> {
    /// Appends the event with the blank line that dispatches it.
    ///
    /// # Panics
    /// When the id or the type is no [field value](is_field_value).
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in [("id", self.id), ("event", self.kind)] {
            if let Some(value) = value {
                push_checked(name, value, out);
            }
        }
        for line in lines(self.data) {
            push_field("data", line, out);
        }
        out.push(b'\n');
    }
}

/// Whether a text can be an id or a type: a line end would end it, and an id with a NUL is ignored (§9.2.6).
pub fn is_field_value(text: &str) -> bool {
    !text.contains(['\r', '\n', '\0'])
}

/// Appends a comment, which no client dispatches: it shows that the connection is alive. No blank line follows, since
/// to some clients each of those is an event, if an empty one, once there was an id.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    for line in lines(text) {
        match line {
            "" => out.extend_from_slice(b":\n"),
            _ => push_field("", line, out),
        }
    }
}

/// Appends how long a client that has lost the connection waits before it comes again, in whole milliseconds. It holds
/// from this line on, and needs no blank one (§9.2.6).
pub fn encode_retry(time: Duration, out: &mut Vec<u8>) {
    push_field("retry", &time.as_millis().to_string(), out);
}

/// Appends where the stream stands, as an id without an event: a client that is cut off before it hears one names this
/// when it comes again. A block without data dispatches nothing, but its blank line sets the last event ID (§9.2.6).
///
/// # Panics
/// When the id is no [field value](is_field_value).
pub fn encode_id(id: &str, out: &mut Vec<u8>) {
    push_checked("id", id, out);
    out.push(b'\n');
}

fn push_checked(name: &str, value: &str, out: &mut Vec<u8>) {
    assert!(is_field_value(value), "{name} {value:?} would be read as something else");
    push_field(name, value, out);
}

fn push_field(name: &str, value: &str, out: &mut Vec<u8>) {
    for part in [name, ": ", value, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// What stands between line ends: for an empty text one line, and behind a line end at the end of the text another.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.find(['\r', '\n']);
        rest = end.map(|end| text[end..].strip_prefix("\r\n").unwrap_or(&text[end + 1..]));
        Some(end.map_or(text, |end| &text[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(event: &Event<'_>) -> String {
        let mut out = Vec::new();
        event.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_has_only_the_fields_that_it_needs() {
        let event = Event { data: "hi", ..Event::default() };
        assert_eq!(encoded(&event), "data: hi\n\n");
        let event = Event { id: Some("7"), kind: Some("tick"), data: "hi" };
        assert_eq!(encoded(&event), "id: 7\nevent: tick\ndata: hi\n\n");
        assert_eq!(encoded(&Event { id: Some(""), kind: Some(""), data: "" }), "id: \nevent: \ndata: \n\n");
    }

    #[test]
    fn each_line_of_data_has_a_field() {
        for (data, fields) in [
            ("", "data: \n"),
            ("\n", "data: \ndata: \n"),
            ("\r", "data: \ndata: \n"),
            ("\r\n", "data: \ndata: \n"),
            ("\n\r", "data: \ndata: \ndata: \n"),
            ("a\nb\rc\r\nd", "data: a\ndata: b\ndata: c\ndata: d\n"),
            ("a\r\r\nb\n", "data: a\ndata: \ndata: b\ndata: \n"),
            (" a", "data:  a\n"),
            (":a: b", "data: :a: b\n"),
            ("\0\u{2028}\u{e4}", "data: \0\u{2028}\u{e4}\n"),
        ] {
            assert_eq!(encoded(&Event { data, ..Event::default() }), format!("{fields}\n"), "{data:?}");
        }
    }

    #[test]
    fn an_id_and_a_type_are_one_line() {
        for value in ["a\nb", "a\r", "\0"] {
            for event in [
                Event { id: Some(value), ..Event::default() },
                Event { kind: Some(value), ..Event::default() },
            ] {
                assert!(std::panic::catch_unwind(|| encoded(&event)).is_err(), "{event:?}");
            }
        }
        assert!(is_field_value("") && is_field_value(" job:1, \u{e4}"));
    }

    #[test]
    fn comments_and_the_reconnection_time_need_no_blank_line() {
        let mut out = Vec::new();
        encode_comment("ok", &mut out);
        encode_comment("", &mut out);
        encode_comment("two\r\nlines", &mut out);
        encode_retry(Duration::from_micros(2_500_999), &mut out);
        assert_eq!(out, b": ok\n:\n: two\n: lines\nretry: 2500\n");
    }

    #[test]
    fn an_id_alone_is_a_block_without_data() {
        let mut out = Vec::new();
        encode_id("a:7,b:0", &mut out);
        assert_eq!(out, b"id: a:7,b:0\n\n");
        assert!(std::panic::catch_unwind(|| encode_id("7\n", &mut Vec::new())).is_err());
    }
}
