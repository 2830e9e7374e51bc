//! What is done once before anybody comes: answers of each kind, to nobody.
//!
//! The parts of a program are brought into memory where they are used for the first time. Whoever comes first would
//! wait for that in the middle of an answer, and what a connection takes would look like more than it is. So a lab that
//! is thrown away again answers a few requests before the doors open. Nothing of it is counted, logged or kept.

use core::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::Lab;
use super::clock::TimeSource;
use super::settings::Settings;
use crate::session::{Cause, Service, Session};

/// Goes once through what most connections do. It takes less than a millisecond.
pub fn rehearse(time: TimeSource) {
    let lab = Arc::new(Lab::new(Settings { tape_bytes: TAPE_BYTES, ..Settings::default() }, time, None));
    let now = (time.instant)();
    let mut sessions = SCENES.map(|scene| {
        let mut session = lab.open(now, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        play(&mut session, scene, now);
        session
    });
    for session in &mut sessions {
        transmit(session, now, &mut Vec::new());
        session.receive_eof(now);
        session.handle_close(now, Cause::Flow);
    }
}

/// What one connection asks for, and what it is answered.
fn play(session: &mut impl Session, scene: &str, now: Instant) -> Vec<u8> {
    let mut answer = Vec::new();
    session.receive(now, &mut scene.as_bytes().to_vec(), &mut answer);
    transmit(session, now, &mut answer);
    answer
}

fn transmit(session: &mut impl Session, now: Instant, sent: &mut Vec<u8>) {
    let mut piece = Vec::new();
    loop {
        session.poll_transmit(now, Waker::noop(), &mut piece);
        let has_said_all = piece.is_empty();
        sent.append(&mut piece);
        if has_said_all || !session.handle_sent(now) {
            return;
        }
    }
}

/// A subscriber comes before its publisher.
const SCENES: [&str; 4] = [
    "GET /topics/rehearsal/events HTTP/1.1\r\nHost: nobody\r\n\r\n",
    "POST /topics/rehearsal HTTP/1.1\r\nHost: nobody\r\nContent-Length: 5\r\n\r\nhello",
    "GET /plaintext HTTP/1.1\r\nHost: nobody\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: nobody\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

/// Enough to be written to.
const TAPE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const TIME: TimeSource =
        TimeSource { instant: Instant::now, since_epoch: || UNIX_EPOCH.elapsed().unwrap_or_default() };

    #[test]
    fn each_scene_goes_well() {
        let (lab, now) = (Arc::new(Lab::new(Settings::default(), TIME, None)), Instant::now());
        let mut sessions = SCENES.map(|_| lab.open(now, SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
        for (session, scene) in sessions.iter_mut().zip(SCENES) {
            let answer = play(session, scene, now);
            assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", answer.escape_ascii());
        }
        let mut event = Vec::new();
        sessions[0].poll_transmit(now, Waker::noop(), &mut event);
        assert!(event.escape_ascii().to_string().contains("data: hello"), "{}", event.escape_ascii());
    }
}
