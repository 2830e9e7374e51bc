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

fn echo(number: u64, now: Instant, tracer: &Arc<Tracer>) -> Traced<Echo> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 51234));
    Traced::new(Echo::default(), number, peer, now, tracer)
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
