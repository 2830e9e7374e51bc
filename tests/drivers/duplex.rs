//! One connection, two who write to it: answers to what arrives, and pushes of what happens elsewhere.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use wirelab::session::{Bell, Cause, Flow, Session};

use crate::harness::*;
use crate::sessions::PIECE_BYTES;

for_each_driver!(no_record_is_torn, changes_what_has_arrived_in_place);

const RECORDS: u32 = 200;

/// Each record is whole, none is missing, and none of a kind has overtaken another.
fn no_record_is_torn(driver: Driver) {
    let source = Arc::new(Source::default());
    let opened = Arc::clone(&source);
    let server = Server::start(driver, move || Duplex::of(&opened));
    let client = server.connect();
    read_records(&client, &source);
    drop(client);
    assert_eq!(server.next_ending(), "flow");
}

/// Reads as many of each kind as are due. The first bytes of a push lead to a request, which arrives while the rest of
/// the push is under way; the last ones, to the next push.
fn read_records(client: &TcpStream, source: &Source) {
    let (mut requests, mut stream) = (client, BufReader::new(client));
    let mut next = [0; 2];
    source.produce();
    while next != [RECORDS; 2] {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let number = u32::from_be_bytes(head[1..5].try_into().unwrap());
        let len = u32::from_be_bytes(head[5..].try_into().unwrap());
        let kind = usize::from(head[0]);
        assert_eq!((number, len), (next[kind], len_of(number)), "after {next:?}");
        if head[0] == PUSH {
            requests.write_all(b"?").unwrap();
        }
        let mut content = vec![0; len as usize];
        stream.read_exact(&mut content).unwrap();
        assert!(content.iter().all(|byte| *byte == number as u8), "record {number}");
        next[kind] += 1;
        if head[0] == PUSH && next[kind] < RECORDS {
            source.produce();
        }
    }
}

fn record(kind: u8, number: u32, out: &mut Vec<u8>) {
    let len = len_of(number);
    out.push(kind);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.resize(out.len() + len as usize, number as u8);
}

/// Most are short; some are more than the sockets hold, so that who writes waits with a record that has left in part.
fn len_of(number: u32) -> u32 {
    match number % 10 {
        9 => 8 << 20,
        _ => number.wrapping_mul(2_654_435_761) >> 21,
    }
}

const PUSH: u8 = 0;
const ANSWER: u8 = 1;

/// Where pushes come from.
#[derive(Default)]
struct Source {
    produced: AtomicU32,
    waker: Mutex<Option<Waker>>,
}

impl Source {
    fn produce(&self) {
        self.produced.fetch_add(1, SeqCst);
        if let Some(waker) = &*self.waker.lock().unwrap() {
            waker.wake_by_ref();
        }
    }
}

/// Answers each byte with a record, and pushes one for each that its source has produced.
struct Duplex {
    source: Arc<Source>,
    pushed: u32,
    answered: u32,
    has_ended: bool,
}

impl Duplex {
    fn of(source: &Arc<Source>) -> Duplex {
        Duplex { source: Arc::clone(source), pushed: 0, answered: 0, has_ended: false }
    }
}

impl Session for Duplex {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        for _ in bytes {
            record(ANSWER, self.answered, out);
            self.answered += 1;
        }
    }

    fn receive_eof(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, bell: &dyn Bell, out: &mut Vec<u8>) {
        *self.source.waker.lock().unwrap() = Some(bell.waker());
        while self.pushed < self.source.produced.load(SeqCst) && out.len() < PIECE_BYTES {
            record(PUSH, self.pushed, out);
            self.pushed += 1;
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        if self.has_ended { Flow::Closed } else { Flow::Open }
    }
}

/// As masking does: what arrives is read after it was changed where it is.
fn changes_what_has_arrived_in_place(driver: Driver) {
    let server = Server::start(driver, || Inverting { has_ended: false });
    let mut client = server.connect();
    let sent = pattern(200_000);
    let mut writing = client.try_clone().unwrap();
    let mut back = vec![0; sent.len()];
    thread::scope(|scope| {
        scope.spawn(|| writing.write_all(&sent).unwrap());
        client.read_exact(&mut back).unwrap();
    });
    assert!(back.iter().zip(&sent).all(|(back, sent)| *back == !sent));
}

struct Inverting {
    has_ended: bool,
}

impl Session for Inverting {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        out.extend_from_slice(bytes);
    }

    fn receive_eof(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}
    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, _: &mut Vec<u8>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        if self.has_ended { Flow::Closed } else { Flow::Open }
    }
}
