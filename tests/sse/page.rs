//! The page at the end of a stream: what it gets of the bytes.

use std::time::Duration;

use wirelab::sse::{Dispatched, Error, Limits, Parsed, Parser};

/// All that comes of these pieces, and the limit that they break.
pub fn hear<'b>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> (Vec<Parsed>, Result<(), Error>) {
    let (mut parser, mut heard) = (Parser::new(limits), Vec::new());
    for piece in pieces {
        let mut rest = piece;
        loop {
            match parser.next_event(rest) {
                Ok((consumed, Parsed::Incomplete)) => {
                    assert_eq!(consumed, rest.len(), "without an event, everything is consumed");
                    break;
                }
                Ok((consumed, parsed)) => {
                    rest = &rest[consumed..];
                    heard.push(parsed);
                }
                Err(error) => {
                    assert_eq!(parser.next_event(b"data\n\n"), Err(error), "an error is the end");
                    return (heard, Err(error));
                }
            }
        }
    }
    (heard, Ok(()))
}

/// The same at every cut into two pieces and byte by byte.
pub fn hear_at_every_cut(limits: Limits, stream: &[u8]) -> (Vec<Parsed>, Result<(), Error>) {
    let whole = hear(limits, [stream]);
    for cut in 0..=stream.len() {
        let (first, second) = stream.split_at(cut);
        assert_eq!(hear(limits, [first, second]), whole, "cut at {cut}");
    }
    assert_eq!(hear(limits, stream.chunks(1)), whole, "byte by byte");
    whole
}

pub fn event(kind: &str, data: &str, last_event_id: &str) -> Parsed {
    let [kind, data, last_event_id] = [kind, data, last_event_id].map(str::to_owned);
    Parsed::Event(Dispatched { kind, data, last_event_id })
}

pub fn message(data: &str) -> Parsed {
    event("message", data, "")
}

pub fn retry(millis: u64) -> Parsed {
    Parsed::Retry(Duration::from_millis(millis))
}
