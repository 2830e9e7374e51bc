use core::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::*;
use crate::lab::Lab;
use crate::lab::clock::TimeSource;
use crate::lab::exchange::{Exchange, Reply};
use crate::lab::settings::Settings;
use crate::session::{Cause, Name, Session};

/// Has an errand as soon as some content has come, and another one when it is cut.
struct Keeper {
    wants_to_keep: bool,
    due: Vec<&'static str>,
    is_under_way: bool,
    is_cut: bool,
}

impl Exchange for Keeper {
    fn receive(&mut self, _: &[u8], _: &mut Reply<'_>) {
        self.due.push("content");
    }

    fn handle_cut(&mut self) {
        assert!(!self.is_cut, "cut twice");
        self.is_cut = true;
        self.due.push("rest");
    }

    fn demand(&self) -> Demand {
        if self.is_under_way || self.due.is_empty() { Demand::Content } else { Demand::Errand }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.is_under_way = true;
        Some(Errand::Remove { name: Name::new("files", self.due.remove(0))? })
    }

    fn handle_errand(&mut self, _: Done) {
        self.is_under_way = false;
    }

    fn outlives_connection(&self) -> bool {
        self.wants_to_keep && (self.is_under_way || !self.due.is_empty())
    }
}

/// A conversation in which a request has begun that this exchange takes.
fn conversation(framing: &str, wants_to_keep: bool) -> (Conversation, Instant) {
    let (now, time) = (Instant::now(), TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO });
    let lab = Arc::new(Lab::new(Settings::default(), time, None));
    let (card, _) = lab.registry.enter(lab.epoch.moment(now), SocketAddr::from(([127, 0, 0, 1], 50_000)));
    let mut conversation = Conversation::new(lab, card, now);
    let head = format!("POST /echo HTTP/1.1\r\nHost: lab\r\n{framing}\r\n\r\n");
    conversation.receive(now, &mut head.into_bytes(), &mut Vec::new());
    let keeper = Keeper { wants_to_keep, due: Vec::new(), is_under_way: false, is_cut: false };
    conversation.exchange = Some(Box::new(keeper));
    (conversation, now)
}

fn receive(conversation: &mut Conversation, now: Instant, bytes: &str) -> String {
    let mut out = Vec::new();
    conversation.receive(now, &mut bytes.as_bytes().to_vec(), &mut out);
    conversation.poll_transmit(now, Waker::noop(), &mut out);
    String::from_utf8(out).unwrap()
}

fn errand(conversation: &mut Conversation) -> Option<String> {
    match conversation.poll_errand() {
        Some(Errand::Remove { name }) => Some(name.file().to_owned()),
        other => other.map(|errand| panic!("{errand:?}")),
    }
}

#[test]
fn errands_go_on_behind_content_that_is_cut() {
    let (mut conversation, now) = conversation("Content-Length: 10", true);
    receive(&mut conversation, now, "abc");
    assert_eq!((conversation.flow(), errand(&mut conversation)), (Flow::Errand, Some("content".to_owned())));
    assert_eq!((conversation.flow(), errand(&mut conversation)), (Flow::Open, None), "one at a time");
    conversation.receive_eof(now);
    let mut out = Vec::new();
    conversation.poll_transmit(now, Waker::noop(), &mut out);
    assert!(out.starts_with(b"HTTP/1.1 400 ") && conversation.flow() == Flow::Closed);
    conversation.handle_close(now, Cause::Flow);
    assert_eq!(errand(&mut conversation), None, "the first one is under way");
    conversation.handle_errand(now, Done::Removed(Ok(())));
    assert_eq!(errand(&mut conversation), Some("rest".to_owned()));
    conversation.handle_errand(now, Done::Removed(Ok(())));
    assert_eq!(errand(&mut conversation), None);
}

#[test]
fn errands_go_on_before_the_connection_closes() {
    let (mut conversation, now) = conversation("Transfer-Encoding: chunked", true);
    assert!(receive(&mut conversation, now, "oh\r\n").starts_with("HTTP/1.1 400 "));
    assert_eq!((conversation.flow(), errand(&mut conversation)), (Flow::Errand, Some("rest".to_owned())));
    assert_eq!(conversation.flow(), Flow::HalfClosed);
    conversation.handle_errand(now, Done::Removed(Ok(())));
    assert_eq!((conversation.flow(), errand(&mut conversation)), (Flow::HalfClosed, None));
}

#[test]
fn a_connection_that_breaks_cuts_content_as_well() {
    let (mut conversation, now) = conversation("Content-Length: 10", true);
    conversation.handle_close(now, Cause::Stopped);
    assert_eq!(errand(&mut conversation), Some("rest".to_owned()));
}

#[test]
fn an_exchange_that_has_promised_nothing_leaves_its_errands() {
    let (mut conversation, now) = conversation("Content-Length: 10", false);
    receive(&mut conversation, now, "abc");
    assert_eq!(errand(&mut conversation), Some("content".to_owned()));
    conversation.receive_eof(now);
    conversation.poll_transmit(now, Waker::noop(), &mut Vec::new());
    conversation.handle_close(now, Cause::Flow);
    conversation.handle_errand(now, Done::Removed(Ok(())));
    assert_eq!(errand(&mut conversation), None);
}
