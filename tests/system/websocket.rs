//! A WebSocket client by hand: sends the frames that it is told, allowed or not, and takes apart what comes.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;

use super::client::{Answer, Client};
use super::process::Server;

/// One connection whose opening handshake is done.
pub struct WebSocket {
    client: Client,
}

/// One frame of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode, as they came.
    pub first: u8,
    pub payload: Vec<u8>,
}

impl WebSocket {
    pub fn open(server: &Server, target: &str) -> WebSocket {
        WebSocket::open_with(server, target, "").0
    }

    /// The same with more field lines; and the server's answer.
    pub fn open_with(server: &Server, target: &str, fields: &str) -> (WebSocket, Answer) {
        WebSocket::over(Client::connect(server.address), target, fields)
    }

    /// The same on a connection that is there.
    ///
    /// # Panics
    /// When the server does not change the protocol.
    pub fn over(client: Client, target: &str, fields: &str) -> (WebSocket, Answer) {
        WebSocket::try_over(client, target, fields).expect("an answer")
    }

    /// The same, unless the connection breaks before.
    pub fn try_over(mut client: Client, target: &str, fields: &str) -> io::Result<(WebSocket, Answer)> {
        client.try_send(handshake(target, fields))?;
        let answer = client.try_head()?;
        assert_eq!(answer.status, 101, "{}", answer.head);
        Ok((WebSocket { client }, answer))
    }

    pub fn stream(&self) -> &TcpStream {
        self.client.stream()
    }

    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub fn into_client(self) -> Client {
        self.client
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.client.send(bytes);
    }

    /// Takes the next frame.
    ///
    /// # Panics
    /// When it breaks a rule for frames of servers: it is masked, or its length is longer than it needs to be.
    pub fn frame(&mut self) -> Frame {
        self.try_frame().expect("the whole of a frame")
    }

    /// The same, unless the connection ends or breaks before it is complete.
    pub fn try_frame(&mut self) -> io::Result<Frame> {
        let [first, length] = self.bytes()?;
        assert_eq!(length & MASK, 0, "a masked frame");
        let length = match length {
            126 => {
                let length = u16::from_be_bytes(self.bytes()?).into();
                assert!(length > 125, "{length} in 16 bits");
                length
            }
            127 => {
                let length = u64::from_be_bytes(self.bytes()?);
                assert!(length > 0xffff, "{length} in 64 bits");
                length
            }
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.client.reader().read_exact(&mut payload)?;
        Ok(Frame { first, payload })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.client.reader().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes a text message in one frame, without compression.
    pub fn text(&mut self) -> String {
        let frame = self.frame();
        assert_eq!(frame.first, FIN | TEXT, "{frame:?}");
        String::from_utf8(frame.payload).expect("text is UTF-8")
    }

    /// Sends a text, and takes it back.
    pub fn echo(&mut self, content: &str) {
        self.send(text(content));
        assert_eq!(self.text(), content);
    }

    /// Takes a Close, and answers its code and reason.
    pub fn close(&mut self) -> (u16, String) {
        let frame = self.frame();
        assert_eq!(frame.first, FIN | CLOSE, "{frame:?}");
        let (code, reason) = frame.payload.split_at_checked(2).expect("a code");
        let code = u16::from_be_bytes(code.try_into().expect("two bytes"));
        (code, String::from_utf8(reason.to_vec()).expect("a reason is UTF-8"))
    }

    /// Whether the connection ends here, as TCP ends it in good order: with no byte more, and with no reset.
    pub fn expect_end(&mut self) {
        match self.client.reader().read(&mut [0; 1]) {
            Ok(0) => {}
            Ok(_) => panic!("something follows"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the server does not close"),
            Err(error) => panic!("no end in good order: {error}"),
        }
    }

    /// Disappears with a reset.
    pub fn reset(self) {
        self.client.reset();
    }

    /// Closes, and waits until the server has.
    pub fn leave(mut self) {
        self.send(frame(FIN | CLOSE, &1000u16.to_be_bytes()));
        assert_eq!(self.close().0, 1000);
        self.expect_end();
    }
}

/// The request that opens a WebSocket, with the key of RFC 6455 §1.3.
pub fn handshake(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// A text message in one frame.
pub fn text(content: &str) -> Vec<u8> {
    frame(FIN | TEXT, content.as_bytes())
}

/// A frame with this first byte, masked, its length in as few bytes as it needs.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// What stands in front of a masked payload of so many bytes.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let length = match length {
        0..=125 => vec![MASK | length as u8],
        126..=0xffff => [&[MASK | 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[MASK | 127][..], &length.to_be_bytes()].concat(),
    };
    [&[first], &length[..], &KEY].concat()
}

pub const FIN: u8 = 0b1000_0000;
pub const RSV1: u8 = 0b0100_0000;
pub const RSV2: u8 = 0b0010_0000;
pub const RSV3: u8 = 0b0001_0000;
pub const MASK: u8 = 0b1000_0000;

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;

pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
