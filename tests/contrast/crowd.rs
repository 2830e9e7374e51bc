//! What a crowd counts, at servers that do one thing each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use wirelab::contrast::client::load::Load;
use wirelab::contrast::client::meter::Reading;
use wirelab::contrast::client::schedule::Schedule;
use wirelab::contrast::client::visits::Visits;
use wirelab::contrast::client::{Crowd, Pace};
use wirelab::contrast::interrupt::Interrupt;

/// A server of one thread a connection, which does this with each; it lasts as long as the test.
fn server(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each request with these bytes; answers whether the connection goes on.
fn answer(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let mut request = [0; REQUEST.len()];
    stream.read_exact(&mut request).is_ok() && stream.write_all(bytes).is_ok()
}

/// Asks a server on so many connections, until it has answered a few times or none of them is left.
fn ask(address: SocketAddr, connections: usize, pipelined: usize) -> Reading {
    let mut load = Load::new(REQUEST, pipelined);
    let mut crowd = Crowd::new(address, Pace::Sleep, &Interrupt::default()).expect("a crowd");
    crowd.open(&mut load, connections).expect("they are open");
    assert_eq!(crowd.len(), connections);
    load.meter.start();
    load.ask_when_answered();
    let start = Instant::now();
    while load.meter.answers() < ENOUGH && !crowd.is_empty() {
        crowd.run(&mut load, Instant::now() + A_WHILE).expect("nothing interrupts");
        assert!(start.elapsed() < PATIENCE);
    }
    load.stop_asking(Instant::now());
    crowd.run(&mut load, Instant::now() + PATIENCE).expect("nothing interrupts");
    load.give_up();
    load.meter.take()
}

#[test]
fn every_answer_counts_once() {
    let address = server(|mut stream| while answer(&mut stream, OK) {});
    for pipelined in [1, 7] {
        let reading = ask(address, 3, pipelined);
        assert!(reading.answers >= ENOUGH && reading.all_answers >= reading.answers, "{reading:?}");
        assert_eq!((reading.errors.total(), reading.reconnects), (0, 0), "{reading:?}");
        let latency = reading.latency;
        assert!(latency.p50_us <= latency.p99_us && latency.p99_us <= latency.p999_us);
        assert!(latency.p999_us <= latency.max_us && latency.p50_us > 0.0);
    }
}

#[test]
fn a_server_that_closes_after_each_answer_is_visited_again() {
    let address = server(|mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    let reading = ask(address, 2, 1);
    assert!(reading.answers >= ENOUGH && reading.reconnects >= ENOUGH, "{reading:?}");
    assert_eq!(reading.errors.total(), 0, "{reading:?}");
}

#[test]
fn an_answer_that_lasts_until_the_end_of_the_stream_counts() {
    let address = server(|mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\n\r\nhello");
    });
    let reading = ask(address, 1, 1);
    assert!(reading.answers >= ENOUGH && reading.reconnects >= ENOUGH, "{reading:?}");
    assert_eq!(reading.errors.total(), 0, "{reading:?}");
}

#[test]
fn no_error_is_silent() {
    let status = server(
        |mut stream| while answer(&mut stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") {},
    );
    let reading = ask(status, 1, 1);
    assert_eq!(reading.errors.status, reading.all_answers);
    assert_eq!(reading.first_error.as_deref(), Some("status 404"));

    let malformed = server(|mut stream| {
        answer(&mut stream, b"HTTP/1.1 yes\r\n\r\n");
    });
    let reading = ask(malformed, 2, 1);
    assert_eq!((reading.all_answers, reading.errors.malformed), (0, 2), "{reading:?}");

    let broken = server(|mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    });
    let reading = ask(broken, 2, 1);
    assert_eq!((reading.all_answers, reading.errors.broken), (0, 2), "{reading:?}");

    let unasked = server(|mut stream| {
        answer(&mut stream, &[OK, OK].concat());
        while answer(&mut stream, OK) {}
    });
    let reading = ask(unasked, 1, 1);
    assert_eq!((reading.errors.malformed, reading.errors.total()), (1, 1), "{reading:?}");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let (mut load, interrupt) = (Load::new(REQUEST, 1), Interrupt::default());
    let mut crowd = Crowd::new(address, Pace::Sleep, &interrupt).expect("a crowd");
    crowd.open(&mut load, 3).expect("it does not wait for ever");
    assert!(crowd.is_empty());
    assert_eq!(load.meter.take().errors.connect, 3);
}

/// The server does nothing for a while, once. A client that waits for it would see that in one answer of a thousand;
/// by the clock, everybody who came meanwhile has waited.
#[test]
fn latency_by_the_clock_leaves_out_nobody_who_has_waited() {
    let address = server(|mut stream| {
        answer(&mut stream, OK);
        thread::sleep(STALL);
        while answer(&mut stream, OK) {}
    });
    let mut load = Load::new(REQUEST, 1);
    let mut crowd = Crowd::new(address, Pace::Spin, &Interrupt::default()).expect("a crowd");
    crowd.open(&mut load, 1).expect("it is open");
    load.meter.start();
    let start = Instant::now();
    let mut schedule = Schedule::new(start, 1000.0);
    schedule.end(start + 2 * STALL);
    load.ask_on_schedule(schedule);
    crowd.run(&mut load, Instant::now() + PATIENCE).expect("nothing interrupts");
    load.give_up();
    let reading = load.meter.take();
    assert_eq!(reading.errors.total(), 0, "{reading:?}");
    assert_eq!(reading.all_answers, 2 * STALL.as_millis() as u64, "{reading:?}");
    // Half of all requests were due in the stall, and half of those in its first half.
    let reached = |share: f64| share * STALL.as_secs_f64() * 1e6;
    assert!(reading.latency.max_us >= reached(0.99), "{reading:?}");
    assert!(reading.latency.p99_us >= reached(0.9), "{reading:?}");
}

#[test]
fn what_has_no_answer_in_the_end_is_an_error() {
    let address = server(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut load = Load::new(REQUEST, 1);
    let mut crowd = Crowd::new(address, Pace::Sleep, &Interrupt::default()).expect("a crowd");
    crowd.open(&mut load, 2).expect("they are open");
    load.ask_when_answered();
    crowd.run(&mut load, Instant::now() + A_WHILE).expect("nothing interrupts");
    load.stop_asking(Instant::now());
    load.give_up();
    assert_eq!(load.meter.take().errors.unanswered, 2);
}

#[test]
fn visitors_come_again_until_it_is_over() {
    let address = server(|mut stream| {
        answer(&mut stream, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    let mut visits = Visits::new(REQUEST);
    let mut crowd = Crowd::new(address, Pace::Sleep, &Interrupt::default()).expect("a crowd");
    crowd.invite(2);
    visits.meter.start();
    let start = Instant::now();
    while visits.meter.answers() < ENOUGH {
        crowd.run(&mut visits, Instant::now() + A_WHILE).expect("nothing interrupts");
        assert!(start.elapsed() < PATIENCE);
    }
    visits.stop();
    crowd.run(&mut visits, Instant::now() + PATIENCE).expect("nothing interrupts");
    let reading = visits.meter.take();
    assert!(crowd.is_empty());
    assert!(reading.answers >= ENOUGH, "{reading:?}");
    assert_eq!(reading.errors.total(), 0, "{reading:?}");
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// Answers that show what comes of the next one.
const ENOUGH: u64 = 5;

const A_WHILE: Duration = Duration::from_millis(50);
const STALL: Duration = Duration::from_millis(200);

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
