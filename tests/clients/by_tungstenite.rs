//! The servers, used by the library `tungstenite` for Rust: messages that nobody would think of, and large ones.

use std::net::TcpStream;
use std::time::Duration;

use proptest::prelude::*;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Error, Message, WebSocket};

use crate::server::Server;

on_each_server!(
    echoes_whatever_is_sent,
    echoes_what_was_sent_before_anything_is_read,
    echoes_large_messages,
    closes_when_the_client_does,
    closes_before_the_client_does,
);

fn echoes_whatever_is_sent(binary: &str) {
    let server = Server::start(binary, &[]);
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(sent in prop::collection::vec(sent(), 0..8))| {
        let mut client = open(&server, "/ws/echo");
        for frame in sent.iter().flat_map(Sent::frames) {
            client.write(frame).unwrap();
        }
        client.flush().unwrap();
        for message in sent.iter().filter_map(Sent::answer) {
            prop_assert_eq!(client.read().unwrap(), message);
        }
        close(client);
    });
}

fn echoes_what_was_sent_before_anything_is_read(binary: &str) {
    let server = Server::start(binary, &[]);
    let mut client = open(&server, "/ws/echo");
    for number in 0..10_000 {
        client.write(Message::text(number.to_string())).unwrap();
    }
    client.flush().unwrap();
    for number in 0..10_000 {
        assert_eq!(client.read().unwrap(), Message::text(number.to_string()));
    }
    close(client);
}

fn echoes_large_messages(binary: &str) {
    let server = Server::start(binary, &[]);
    for (target, len) in [("/ws/echo", 16 << 20), ("/ws/echo?max_message=67108864", 64 << 20)] {
        let mut client = open(&server, target);
        let message = Message::binary((0..len).map(|at: u64| ((at * at) >> 9) as u8).collect::<Vec<_>>());
        client.send(message.clone()).unwrap();
        assert!(client.read().unwrap() == message, "{len} bytes came back as others");
        client.send(Message::text("x".repeat(len as usize))).unwrap();
        assert_eq!(client.read().unwrap().len() as u64, len);
        close(client);
    }
}

fn closes_when_the_client_does(binary: &str) {
    let server = Server::start(binary, &[]);
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Error, CloseCode::Library(4999)] {
        let mut client = open(&server, "/ws/echo");
        client.send(Message::text("before")).unwrap();
        client.close(Some(CloseFrame { code, reason: "enough".into() })).unwrap();
        assert_eq!(client.read().unwrap(), Message::text("before"));
        let answer = client.read().unwrap();
        assert!(matches!(&answer, Message::Close(Some(frame)) if frame.code == code), "{answer:?}");
        expect_end(client);
    }
}

fn closes_before_the_client_does(binary: &str) {
    let server = Server::start(binary, &[]);
    for code in [1000, 1001, 1011, 3000, 4999] {
        let mut client = open(&server, &format!("/ws/close/{code}?reason=asked+for"));
        let frame = CloseFrame { code: code.into(), reason: "asked for".into() };
        assert_eq!(client.read().unwrap(), Message::Close(Some(frame)));
        expect_end(client);
    }
}

/// What a client sends.
#[derive(Clone, Debug)]
enum Sent {
    Message(Message),
    /// A text or a binary message in these fragments.
    Fragments(Message, Vec<Vec<u8>>),
}

impl Sent {
    fn frames(&self) -> Vec<Message> {
        match self {
            Sent::Message(message) => vec![message.clone()],
            Sent::Fragments(message, pieces) => {
                let first = if message.is_text() { Data::Text } else { Data::Binary };
                let opcodes = [first].into_iter().chain(std::iter::repeat(Data::Continue));
                let frames = pieces.iter().zip(opcodes).enumerate().map(|(index, (piece, opcode))| {
                    let is_final = index + 1 == pieces.len();
                    Message::Frame(Frame::message(piece.clone(), OpCode::Data(opcode), is_final))
                });
                frames.collect()
            }
        }
    }

    fn answer(&self) -> Option<Message> {
        match self {
            Sent::Message(Message::Ping(payload)) => Some(Message::Pong(payload.clone())),
            Sent::Message(Message::Pong(_)) => None,
            Sent::Message(message) | Sent::Fragments(message, _) => Some(message.clone()),
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..=most);
    let any_text = || "\\PC{0,300}".prop_map(Message::text);
    // Around the lengths at which the header changes its form.
    let border = prop_oneof![120..130usize, 65_530..65_540usize];
    let message = prop_oneof![
        any_text(),
        bytes(300).prop_map(Message::binary),
        border.clone().prop_map(|len| Message::text("x".repeat(len))),
        border.prop_map(|len| Message::binary(vec![0xff; len])),
        bytes(125).prop_map(|payload| Message::Ping(payload.into())),
        bytes(125).prop_map(|payload| Message::Pong(payload.into())),
    ];
    let pieces = (prop_oneof![any_text(), bytes(300).prop_map(Message::binary)], 1..20usize).prop_map(
        |(message, piece)| {
            // Cut anywhere, inside of a character as well, and with an empty fragment at the end.
            let content = message.clone().into_data();
            let pieces = content.chunks(piece).map(<[u8]>::to_vec).chain([Vec::new()]).collect();
            Sent::Fragments(message, pieces)
        },
    );
    prop_oneof![3 => message.prop_map(Sent::Message), 1 => pieces]
}

fn open(server: &Server, target: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(server.address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.set_nodelay(true).expect("a socket");
    let any_size = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let url = format!("ws://{}{target}", server.address);
    let (client, response): (_, Response) =
        tungstenite::client::client_with_config(url, stream, Some(any_size)).expect("the server upgrades");
    assert_eq!(response.status(), 101);
    client
}

/// Closes in good order.
fn close(mut client: WebSocket<TcpStream>) {
    client.close(None).expect("it is open");
    assert_eq!(client.read().unwrap(), Message::Close(None));
    expect_end(client);
}

/// The server ends the TCP connection, and not the client.
fn expect_end(mut client: WebSocket<TcpStream>) {
    let end = client.read().expect_err("nothing follows a Close");
    assert!(matches!(end, Error::ConnectionClosed), "{end}");
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
