//! What a conversation measures, reads and time, and what one finds out about another: no fixture shows it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use wirelab::lab::Lab;
use wirelab::lab::clock::TimeSource;
use wirelab::lab::journal::{Ack, Change, Failure, Found, Journal, Promise, Receipt};
use wirelab::lab::settings::Settings;
use wirelab::session::{Flow, Service, Session};

type Conversation = <Arc<Lab> as Service>::Session;

fn open(settings: Settings, now: Instant) -> Conversation {
    visit(&lab(settings), now)
}

fn lab(settings: Settings) -> Arc<Lab> {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO };
    Arc::new(Lab::new(settings, time, None))
}

fn visit(lab: &Arc<Lab>, now: Instant) -> Conversation {
    lab.open(now, SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)))
}

/// What is sent on bytes that arrive in these pieces, each part of it taken at once.
fn answers(conversation: &mut Conversation, pieces: &[&[u8]]) -> String {
    let (now, mut out, mut all) = (Instant::now(), Vec::new(), Vec::new());
    for piece in pieces {
        conversation.receive(now, &mut piece.to_vec(), &mut out);
        while !out.is_empty() {
            all.append(&mut out);
            conversation.poll_transmit(now, Waker::noop(), &mut out);
        }
    }
    String::from_utf8(all).expect("answers of text")
}

#[test]
fn reads_are_counted_for_each_head_by_itself() {
    let mut conversation = open(Settings::default(), Instant::now());
    let posted = answers(
        &mut conversation,
        &[b"POST /raw HTTP/1.1\r\nHost: lab\r\nContent-Length: 3\r\n\r\n", b"a", b"b", b"cGET /raw HTT"],
    );
    assert!(posted.contains(", in 1 read\n"), "{posted}");
    let got = answers(
        &mut conversation,
        &[b"P/1.1\r\n", b"Host: lab\r\n\r\nGET /raw HTTP/1.1\r\nHost: lab\r\n\r\n"],
    );
    assert_eq!(got.matches(", in 3 reads\n").count(), 1, "{got}");
    assert_eq!(got.matches(", in 1 read\n").count(), 1, "{got}");
}

#[test]
fn a_slow_reader_has_its_time_to_hang_up_when_the_last_byte_has_left() {
    let start = Instant::now();
    let mut conversation = open(Settings::default(), start);
    let mut out = Vec::new();
    conversation.receive(
        start,
        &mut b"GET /plaintext HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n".to_owned(),
        &mut out,
    );
    assert_eq!(conversation.poll_timeout(), None, "bytes that have not left are the driver's to watch");

    let left = start + Duration::from_secs(30);
    out.clear();
    conversation.poll_transmit(left, Waker::noop(), &mut out);
    assert_eq!(conversation.flow(), Flow::HalfClosed);
    let until = conversation.poll_timeout().expect("nobody lingers for ever");
    assert!(until > left, "it is over before the peer has read that it is");
    conversation.handle_timeout(until);
    assert_eq!(conversation.flow(), Flow::Closed);
}

#[test]
fn who_has_said_all_need_not_be_asked_again() {
    let start = Instant::now();
    let (mut out, settings) = (Vec::new(), Settings { heartbeat: Duration::ZERO, ..Settings::default() });
    let mut conversation = open(settings, start);
    conversation.receive(start, &mut b"GET /plaintext HTTP/1.1\r\nHost: lab\r\n\r\n".to_owned(), &mut out);
    assert!(!conversation.handle_sent(start), "there is no other request");
    assert!(conversation.poll_timeout().is_some(), "nobody may be idle for ever");

    out.clear();
    let stream = b"GET /topics/news/events HTTP/1.1\r\nHost: lab\r\n\r\n";
    conversation.receive(start, &mut stream.to_owned(), &mut out);
    assert!(conversation.handle_sent(start), "it has not begun to listen");
    out.clear();
    conversation.poll_transmit(start, Waker::noop(), &mut out);
    assert!(out.is_empty() && !conversation.handle_sent(start), "there is no event");
    assert_eq!((conversation.poll_timeout(), conversation.flow()), (None, Flow::Open));
    conversation.receive_eof(start);
    assert!(conversation.handle_sent(start), "it has to hear that it is over");
}

#[test]
fn a_peer_that_is_turned_away_is_told_so_even_if_it_has_finished_sending() {
    let now = Instant::now();
    let mut conversation = open(Settings { max_connections: 0, ..Settings::default() }, now);
    conversation.receive_eof(now);
    let mut out = Vec::new();
    conversation.poll_transmit(now, Waker::noop(), &mut out);
    assert!(out.starts_with(b"HTTP/1.1 503 "), "{}", out.escape_ascii());
    assert_eq!(conversation.flow(), Flow::Closed);
}

#[test]
fn who_has_finished_sending_hears_all_that_waits_for_it() {
    let (now, lab) = (Instant::now(), lab(Settings::default()));
    let event = "x".repeat(1000);
    let post = format!("POST /topics/news HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n{event}");
    for _ in 0..200 {
        answers(&mut visit(&lab, now), &[post.as_bytes()]);
    }
    let (mut listener, mut out, mut all) = (visit(&lab, now), Vec::new(), Vec::new());
    let request = b"GET /topics/news/raw?since=all HTTP/1.1\r\nHost: lab\r\n\r\n";
    listener.receive(now, &mut request.to_owned(), &mut out);
    listener.receive_eof(now);
    while !out.is_empty() {
        all.append(&mut out);
        listener.poll_transmit(now, Waker::noop(), &mut out);
    }
    assert_eq!(memchr::memmem::find_iter(&all, event.as_bytes()).count(), 200);
    assert!(all.ends_with(b"\r\n0\r\n\r\n"), "it does not end in order");
    assert_eq!(listener.flow(), Flow::Closed);
}

#[test]
fn a_server_that_stops_answers_no_request_before_it_is_complete() {
    for target in WAITING {
        let (lab, now) = (lab(Settings::default()), Instant::now());
        answers(&mut visit(&lab, now), &[b"POST /submit?work=60s HTTP/1.1\r\nHost: lab\r\n\r\n"]);
        let (mut asking, mut out) = (visit(&lab, now), Vec::new());
        let head = format!("GET {target} HTTP/1.1\r\nHost: lab\r\nContent-Length: 1\r\n\r\n");
        asking.receive(now, &mut head.into_bytes(), &mut out);
        asking.handle_shutdown(now);
        asking.poll_transmit(now, Waker::noop(), &mut out);
        assert_eq!(out.escape_ascii().to_string(), "", "{target}");
        asking.receive(now, &mut b"x".to_owned(), &mut out);
        asking.poll_transmit(now, Waker::noop(), &mut out);
        let answer = out.escape_ascii().to_string();
        assert!(answer.starts_with("HTTP/1.1 20") || answer.starts_with("HTTP/1.1 30"), "{target}: {answer}");
        assert_ne!(asking.flow(), Flow::Open, "{target} does not end");
    }
}

#[test]
fn who_publishes_to_services_is_answered_when_the_event_is_kept_for_them() {
    for (outcome, status) in [(Ok(()), "202 Accepted"), (Err(Failure::Busy), "503 Service Unavailable")] {
        let (now, disk) = (Instant::now(), Arc::new(SlowDisk::default()));
        let lab = Arc::into_inner(lab(Settings::default())).expect("nobody else has it");
        let lab = Arc::new(lab.keep(disk.clone(), Found::default()).expect("nothing is found"));
        // What a server waits for before it serves.
        disk.promises.lock().unwrap().drain(..).for_each(|promise| promise.settle(Ok(())));
        answers(&mut visit(&lab, now), &[b"DELETE /pipeline/services/format HTTP/1.1\r\nHost: lab\r\n\r\n"]);
        let (mut publisher, mut out) = (visit(&lab, now), Vec::new());
        let request = b"GET /pipeline?mode=pubsub&work=0 HTTP/1.1\r\nHost: lab\r\n\r\n";
        publisher.receive(now, &mut request.to_owned(), &mut out);
        publisher.poll_transmit(now, Waker::noop(), &mut out);
        let mut promises = disk.promises.lock().unwrap();
        assert_eq!((promises.len(), out.is_empty(), publisher.poll_timeout()), (5, true, None));
        for promise in promises.drain(..).rev() {
            assert!(out.is_empty(), "{}", out.escape_ascii());
            promise.settle(outcome.clone());
            publisher.poll_transmit(now, Waker::noop(), &mut out);
        }
        assert!(out.starts_with(format!("HTTP/1.1 {status}\r\n").as_bytes()), "{}", out.escape_ascii());
    }
}

#[test]
fn a_service_far_behind_is_not_waited_for_longer_than_clients_wait() {
    let (lab, start) = (lab(Settings::default()), Instant::now());
    let ask = |request: &str| {
        let request = format!("{request} HTTP/1.1\r\nHost: lab\r\n\r\n");
        answers(&mut visit(&lab, start), &[request.as_bytes()])
    };
    ask("DELETE /pipeline/services/upload");
    for _ in 0..12 {
        ask("GET /pipeline?mode=pubsub&work=0");
    }
    // Whoever starts it has gone before it is done with anything.
    ask("PUT /pipeline/services/upload");
    let (mut publisher, mut out) = (visit(&lab, start), Vec::new());
    let request = b"GET /pipeline?mode=pubsub&work=10 HTTP/1.1\r\nHost: lab\r\n\r\n";
    publisher.receive(start, &mut request.to_owned(), &mut out);
    for seconds in (0..120).step_by(10) {
        publisher.poll_transmit(start + Duration::from_secs(seconds), Waker::noop(), &mut out);
        assert_eq!(out.escape_ascii().to_string(), "", "after {seconds} s");
    }
    publisher.poll_transmit(start + Duration::from_secs(120), Waker::noop(), &mut out);
    let answer = String::from_utf8(out).expect("text");
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    assert!(answer.contains("not yet; waiting in /queues/pipeline.upload: 1\n"), "{answer}");
}

#[test]
fn a_member_who_answers_no_ping_has_left_the_room_before_it_hangs_up() {
    let (lab, start) = (lab(Settings::default()), Instant::now());
    let presence = || {
        let request: &[u8] = b"GET /ws/chat/lobby/presence HTTP/1.1\r\nHost: lab\r\n\r\n";
        answers(&mut visit(&lab, start), &[request])
    };
    let (mut ghost, mut out) = (visit(&lab, start), Vec::new());
    ghost.receive(
        start,
        &mut b"GET /ws/chat?name=ghost&ping=1&timeout=1 HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_owned(),
        &mut out,
    );
    for (seconds, is_there) in [(0, true), (1, true), (2, false)] {
        out.clear();
        ghost.poll_transmit(start + Duration::from_secs(seconds), Waker::noop(), &mut out);
        assert_eq!(presence().ends_with("\r\n\r\nghost\n"), is_there, "after {seconds} s");
        while !out.is_empty() {
            out.clear();
            ghost.poll_transmit(start + Duration::from_secs(seconds), Waker::noop(), &mut out);
        }
    }
    assert_eq!(ghost.flow(), Flow::HalfClosed);
}

/// A journal whose disk a test lets settle what waits for it.
#[derive(Default)]
struct SlowDisk {
    promises: Mutex<Vec<Promise>>,
}

impl Journal for SlowDisk {
    fn append(&self, _changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure> {
        if ack == Ack::Memory {
            return Ok(Receipt::done());
        }
        let (receipt, promise) = Receipt::pending();
        self.promises.lock().unwrap().push(promise);
        Ok(receipt)
    }
}

/// What holds a request back, or goes on for long.
const WAITING: [&str; 14] = [
    "/jobs/1?wait=60",
    "/jobs/1/events",
    "/check-status?jobId=job:1&wait=60",
    "/topics/news?wait=60",
    "/topics/news/events",
    "/topics/news/raw",
    "/topics/news/json",
    "/topics/news/presence?wait=60",
    "/queues/q/next?wait=60",
    "/queues/q/events",
    "/stream",
    "/firehose",
    "/firehose?policy=close",
    "/wire",
];
