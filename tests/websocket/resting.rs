//! A speaker that is held back, as somebody who listens lags: and what may not be forgotten meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use wirelab::lab::Lab;
use wirelab::session::{Flow, Service, Session};

use crate::lab::lab;

struct Peer {
    session: <Arc<Lab> as Service>::Session,
    now: Instant,
}

impl Peer {
    fn connect(lab: &Arc<Lab>, now: Instant, request: &str) -> Peer {
        let session = lab.open(now, SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)));
        let mut peer = Peer { session, now };
        peer.say(format!("{request}\r\nHost: lab\r\n\r\n").into_bytes());
        peer
    }

    fn say(&mut self, mut bytes: Vec<u8>) {
        self.session.receive(self.now, &mut bytes, &mut Vec::new());
    }

    /// Takes all that there is to be sent.
    fn take_all(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut out = Vec::new();
            self.session.poll_transmit(self.now, Waker::noop(), &mut out);
            if out.is_empty() {
                return all;
            }
            all.append(&mut out);
        }
    }
}

/// The peer answers the Close, and who rested on would not read that: the server would wait for it in vain.
#[test]
fn a_speaker_that_rests_when_the_server_stops_is_heard_when_it_has_rested() {
    let (lab, now) = (lab(), Instant::now());
    let _reads_nothing = Peer::connect(&lab, now, "GET /topics/a/raw HTTP/1.1");
    let handshake = "GET /topics/a/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut speaker = Peer::connect(&lab, now, handshake);
    speaker.take_all();
    while speaker.session.flow() == Flow::Open {
        speaker.say(long_text());
        speaker.take_all();
    }
    assert_eq!(speaker.session.flow(), Flow::Paused);

    speaker.session.handle_shutdown(now);
    let goodbye = speaker.take_all();
    assert!(goodbye.ends_with(b"the server stops"), "a Close");
    let due = speaker.session.poll_timeout().expect("the rest ends");
    assert!(due < now + Duration::from_secs(1), "before the time is up that the peer has to answer");
    speaker.now = due + Duration::from_millis(1);
    speaker.session.handle_timeout(speaker.now);
    speaker.take_all();
    assert_eq!(speaker.session.flow(), Flow::Open);
}

/// A frame under a mask that changes nothing.
fn long_text() -> Vec<u8> {
    let content = [b'x'; 60_000];
    [&[0x81, 0xFE][..], &(content.len() as u16).to_be_bytes(), &[0; 4], &content].concat()
}
