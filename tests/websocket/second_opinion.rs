//! tungstenite at the other end.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Message, WebSocket};
use wirelab::websocket::{Close, Code, Connection, Event, Limits, Role};

use crate::peer::{KEY, binary, hear, ping, pong, text};

/// A connection whose two directions are memory.
#[derive(Default)]
struct Memory {
    incoming: io::Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite(role: TheirRole) -> WebSocket<Memory> {
    WebSocket::from_raw_socket(Memory::default(), role, Some(WebSocketConfig::default()))
}

/// What tungstenite reads in these bytes, until it needs more or the connection is over.
fn read(theirs: &mut WebSocket<Memory>, bytes: Vec<u8>) -> Vec<Message> {
    theirs.get_mut().incoming = io::Cursor::new(bytes);
    std::iter::from_fn(|| theirs.read().ok()).collect()
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let payload = || prop::collection::vec(any::<u8>(), 0..=125);
    let one = prop_oneof![
        "\\PC{0,200}".prop_map(Message::text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Message::binary),
        payload().prop_map(|payload| Message::Ping(payload.into())),
        payload().prop_map(|payload| Message::Pong(payload.into())),
    ];
    prop::collection::vec(one, 0..6)
}

fn event(message: &Message) -> Event<'static> {
    match message {
        Message::Text(content) => text(content.as_str()),
        Message::Binary(content) => binary(content),
        Message::Ping(payload) => ping(payload),
        Message::Pong(payload) => pong(payload),
        other => panic!("{other:?} was not sent"),
    }
}

fn send(ours: &mut Connection, message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Text(content) => ours.send_text(content.as_str(), out),
        Message::Binary(content) => ours.send_binary(content, out),
        Message::Ping(payload) => ours.send_ping(payload, out),
        Message::Pong(payload) => ours.send_pong(payload, out),
        other => panic!("{other:?} is not sent"),
    }
}

proptest! {
    #[test]
    fn both_read_what_the_other_sends(messages in messages(), we_serve: bool, chunk in 1usize..40) {
        let (our_role, their_role) = match we_serve {
            true => (Role::Server, TheirRole::Client),
            false => (Role::Client(|| KEY), TheirRole::Server),
        };
        let mut ours = Connection::new(our_role, Limits::default(), None);
        let mut theirs = tungstenite(their_role);

        for message in &messages {
            theirs.send(message.clone()).unwrap();
        }
        let sent = std::mem::take(&mut theirs.get_mut().outgoing);
        let (events, pongs) = hear(&mut ours, sent.chunks(chunk));
        prop_assert_eq!(events, messages.iter().map(event).collect::<Vec<_>>());
        let pings = messages.iter().filter_map(|message| match message {
            Message::Ping(payload) => Some(Message::Pong(payload.clone())),
            _ => None,
        });
        prop_assert_eq!(read(&mut theirs, pongs), pings.collect::<Vec<_>>());

        let mut sent = Vec::new();
        messages.iter().for_each(|message| send(&mut ours, message, &mut sent));
        prop_assert_eq!(read(&mut theirs, sent), messages);
    }
}

#[test]
fn each_answers_the_close_of_the_other() {
    let frame = CloseFrame { code: CloseCode::Library(4321), reason: "enough".into() };
    let close = Close { code: Code::new(4321), reason: "enough".into() };

    let (mut ours, mut theirs) =
        (Connection::new(Role::Server, Limits::default(), None), tungstenite(TheirRole::Client));
    theirs.close(Some(frame.clone())).unwrap();
    let (events, answer) = hear(&mut ours, [&theirs.get_mut().outgoing[..]]);
    assert_eq!(events, [Event::Close(close)]);
    assert!(
        matches!(&read(&mut theirs, answer)[..], [Message::Close(Some(answer))] if answer.code == frame.code)
    );

    let (mut ours, mut theirs) =
        (Connection::new(Role::Server, Limits::default(), None), tungstenite(TheirRole::Client));
    let mut out = Vec::new();
    ours.send_close(Code::new(4321).unwrap(), "enough", &mut out);
    assert_eq!(read(&mut theirs, out), [Message::Close(Some(frame))]);
    theirs.flush().ok();
    let (events, answer) = hear(&mut ours, [&theirs.get_mut().outgoing[..]]);
    assert!(matches!(&events[..], [Event::Close(close)] if close.code == Code::new(4321)), "{events:?}");
    assert!(ours.is_over() && answer.is_empty());
}
