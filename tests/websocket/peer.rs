//! The other end of a connection: frames as bytes, and what a connection says of them.

use std::borrow::Cow;

use wirelab::websocket::mask::{MaskingKey, mask};
use wirelab::websocket::{Connection, Event, Header, Limits, Opcode, Parameters, Role, Rule};

pub const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

pub fn server() -> Connection {
    Connection::new(Role::Server, Limits::default(), None)
}

pub fn client() -> Connection {
    Connection::new(Role::Client(|| KEY), Limits::default(), None)
}

pub fn compressing(role: Role, parameters: Parameters) -> Connection {
    Connection::new(role, Limits::default(), Some(parameters))
}

/// A frame with these bits and opcode in its first byte, as a client sends it.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some(KEY), payload)
}

/// A frame with these bits and opcode in its first byte, as a server sends it.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, None, payload)
}

fn frame(first: u8, key: Option<MaskingKey>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header { key, ..Header::whole(Opcode::Text, payload) }.encode(&mut bytes);
    bytes[0] = first;
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(key.unwrap_or_default(), &mut bytes[start..]);
    bytes
}

/// The Close that a server fails with.
pub fn failing_close(rule: Rule) -> Vec<u8> {
    let code = rule.code().number().to_be_bytes();
    unmasked(0x88, &[&code, rule.reason().as_bytes()].concat())
}

/// The events in the bytes of each piece, and what was sent meanwhile. The duty of whoever calls is kept: what is not
/// consumed is shown again, and has not been changed.
pub fn hear<'b>(
    connection: &mut Connection,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> (Vec<Event<'static>>, Vec<u8>) {
    let (mut events, mut out) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut consumed = 0;
        loop {
            let (taken, event) = connection.next_event(&mut bytes[consumed..], &mut out);
            let event = into_owned(event);
            consumed += taken;
            assert_eq!(bytes[consumed..], piece[consumed..], "what is not consumed is not changed");
            match event {
                Event::Incomplete | Event::Closed => break,
                event => events.push(event),
            }
        }
        assert_eq!(consumed, bytes.len(), "without an event, everything is consumed");
    }
    (events, out)
}

/// The same at every cut into two pieces and byte by byte, with a new connection each time.
pub fn hear_at_every_cut(connect: impl Fn() -> Connection, bytes: &[u8]) -> (Vec<Event<'static>>, Vec<u8>) {
    let whole = hear(&mut connect(), [bytes]);
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(hear(&mut connect(), [first, second]), whole, "cut at {cut}");
    }
    assert_eq!(hear(&mut connect(), bytes.chunks(1)), whole, "byte by byte");
    whole
}

pub fn text(text: &str) -> Event<'static> {
    Event::Text(Cow::Owned(text.to_owned()))
}

pub fn binary(content: &[u8]) -> Event<'static> {
    Event::Binary(Cow::Owned(content.to_vec()))
}

pub fn ping(payload: &[u8]) -> Event<'static> {
    Event::Ping(Cow::Owned(payload.to_vec()))
}

pub fn pong(payload: &[u8]) -> Event<'static> {
    Event::Pong(Cow::Owned(payload.to_vec()))
}

fn into_owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
        Event::Binary(content) => Event::Binary(Cow::Owned(content.into_owned())),
        Event::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
        Event::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
        Event::Close(close) => Event::Close(close.into_owned()),
        Event::Frame(seen) => Event::Frame(seen),
        Event::Failed(error) => Event::Failed(error),
        Event::Incomplete => Event::Incomplete,
        Event::Closed => Event::Closed,
    }
}
