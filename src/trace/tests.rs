use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::*;
use crate::session::Echo;
use crate::wire::script::Script;

/// A tracer that prints into a string.
fn printing(tape: Option<Arc<Tape>>) -> (Arc<Tracer>, Arc<Mutex<String>>) {
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&printed);
    let print = move |text: &str| sink.lock().expect("no panic").push_str(text);
    (Arc::new(Tracer::new(tape, Some(Box::new(print)), None)), printed)
}

fn echo(number: u64, now: Instant, tracer: &Arc<Tracer>) -> Traced<CountingEcho> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 51234));
    let echo = CountingEcho { echo: Echo::default(), number, received: 0, sent: 0 };
    Traced::new(echo, peer, now, tracer)
}

struct CountingEcho {
    echo: Echo,
    number: u64,
    received: u64,
    sent: u64,
}

impl Counted for CountingEcho {
    fn number(&self) -> u64 {
        self.number
    }

    fn received(&self) -> u64 {
        self.received
    }

    fn sent(&self) -> u64 {
        self.sent
    }
}

impl Session for CountingEcho {
    fn receive(&mut self, now: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        let before = out.len();
        self.echo.receive(now, bytes, out);
        self.received += bytes.len() as u64;
        self.sent += (out.len() - before) as u64;
    }

    fn receive_eof(&mut self, now: Instant) {
        self.echo.receive_eof(now);
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, now: Instant) {
        self.echo.handle_shutdown(now);
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, _: &mut Vec<u8>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        self.echo.flow()
    }
}

#[test]
fn a_trace_is_a_script() {
    let (tracer, printed) = printing(None);
    let start = Instant::now();
    let now = start + Duration::from_millis(12);
    let (mut session, mut out) = (echo(3, start, &tracer), Vec::new());
    session.receive(now, &mut b"a\r\n".to_owned(), &mut out);
    session.receive(now, &mut b"\x81\x00".to_owned(), &mut out);
    session.receive_eof(now);
    session.handle_close(now, Cause::Flow);

    let printed = printed.lock().expect("no panic").clone();
    let comment = "# connection 3, 127.0.0.1:51234, +0.012 s\n";
    let turn = |lines: &[&str]| lines.iter().map(|line| format!("{comment}{line}\n")).collect::<String>();
    let expected = [r"C: a\r\n", r"S: a\r\n", "C| 81 00", "S| 81 00", "C <eof>", "S <close>"];
    assert_eq!(printed, turn(&expected));
    assert_eq!(printed.parse::<Script>().expect("a script").turns().len(), 3);
}

#[test]
fn a_tape_holds_what_passed() {
    let tape = Tape::new(DEFAULT_TAPE_BYTES);
    let tracer = Arc::new(Tracer::new(tape.clone(), None, None));
    let now = Instant::now();
    let (mut session, mut out) = (echo(3, now, &tracer), b"before".to_vec());
    session.receive(now, &mut b"ab".to_owned(), &mut out);
    session.receive(now, &mut b"c".to_owned(), &mut out);
    session.receive_eof(now);

    let chunks = tape.expect("a tape").connection(3);
    let seen: Vec<_> = chunks.iter().map(|chunk| (chunk.side, chunk.offset, &chunk.bytes[..])).collect();
    let (client, server) = (Side::Client, Side::Server);
    let expected: [(_, _, &[u8]); 5] =
        [(client, 0, b"ab"), (server, 0, b"ab"), (client, 2, b"c"), (server, 2, b"c"), (client, 3, b"")];
    assert_eq!(seen, expected);
}

#[test]
fn a_label_says_what_was_asked_last() {
    let tracer = Arc::new(Tracer::new(Tape::new(DEFAULT_TAPE_BYTES), None, None));
    let (now, mut out) = (Instant::now(), Vec::new());
    let [mut session, mut other] = [3, 4].map(|number| echo(number, now, &tracer));
    let unasked = session.label();
    session.receive(now, &mut b"GET /first HTTP/1.1\r\n\r\n".to_owned(), &mut out);
    session.receive(now, &mut b"GET /second\x07 HTTP/1.1\r\nHost: lab\r\n\r\n".to_owned(), &mut out);
    other.receive(now, &mut b"GET /other HTTP/1.1\r\n\r\n".to_owned(), &mut out);
    assert_eq!(session.label(), format!(r"{unasked}, which was asked last: GET /second\x07 HTTP/1.1"));
    session.receive(now, &mut [b'x'; 200], &mut out);
    assert!(session.label().ends_with(&format!(": {}", "x".repeat(MAX_LABEL_BYTES))));
}

/// Is shown connection 3 while it looks.
#[derive(Default)]
struct Onlooker {
    is_looking: AtomicBool,
    seen: Mutex<String>,
}

impl Audience for Onlooker {
    fn watches(&self, number: u64) -> bool {
        self.is_looking.load(Relaxed) && number == 3
    }

    fn show(&self, number: u64, _now: Instant, lines: &str) {
        let mut seen = self.seen.lock().expect("no panic");
        seen.push_str(&format!("{number}\n{lines}"));
    }
}

#[test]
fn an_audience_sees_what_passes_while_it_looks() {
    let (onlooker, now) = (Arc::new(Onlooker::default()), Instant::now());
    let tracer = Arc::new(Tracer::new(None, None, Some(Arc::clone(&onlooker) as _)));
    let (mut early, mut out) = (echo(3, now, &tracer), Vec::new());
    early.receive(now, &mut b"unseen".to_owned(), &mut out);
    onlooker.is_looking.store(true, Relaxed);
    out.clear();
    early.receive(now, &mut b"a\r\n".to_owned(), &mut out);
    early.receive_eof(now);
    tracer.remark(3, now, "as it should be\nand is");
    early.handle_close(now, Cause::Flow);
    let mut other = echo(4, now, &tracer);
    other.receive(now, &mut b"unseen".to_owned(), &mut out);
    drop(echo(3, now, &tracer));
    let seen =
        ["C: a\\r\\n", "S: a\\r\\n", "C <eof>", "# 3: as it should be\n# 3: and is", "S <close>", "# opened"];
    let expected: String = seen.iter().map(|lines| format!("3\n{lines}\n")).collect();
    assert_eq!(*onlooker.seen.lock().expect("no panic"), expected);
}

#[test]
fn an_audience_sees_where_a_large_block_begins_and_how_long_it_is() {
    let (onlooker, now) = (Arc::new(Onlooker::default()), Instant::now());
    onlooker.is_looking.store(true, Relaxed);
    let tracer = Arc::new(Tracer::new(None, None, Some(Arc::clone(&onlooker) as _)));
    let mut session = echo(3, now, &tracer);
    session.receive(now, &mut vec![b'x'; MAX_KEPT_BYTES + 1], &mut Vec::new());
    let block = format!(": {}\n# and 1 more bytes\n", "x".repeat(MAX_KEPT_BYTES));
    assert_eq!(*onlooker.seen.lock().expect("no panic"), format!("3\n# opened\n3\nC{block}3\nS{block}"));
}
