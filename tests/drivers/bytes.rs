//! Bytes arrive whole, in order, at the reader's pace, and at the price of one read and one write.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::thread;
use std::time::Duration;

use wirelab::drivers::Settings;
use wirelab::session::Echo;

use crate::harness::*;
use crate::sessions::*;

for_each_driver!(
    echoes_many_megabytes,
    answers_a_client_that_half_closes_at_once,
    a_reader_who_stops_bounds_the_writer,
    a_slow_reader_delays_nobody,
    a_fast_reader_delays_nobody,
    a_request_costs_one_read_and_one_write,
);

/// More than the sockets hold, so that writes fall short; both directions at once.
fn echoes_many_megabytes(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let sent = pattern(32 << 20);
    let mut writing = server.connect();
    let mut reading = writing.try_clone().unwrap();
    let back = thread::scope(|scope| {
        scope.spawn(|| {
            writing.write_all(&sent).unwrap();
            writing.shutdown(Shutdown::Write).unwrap();
        });
        read_all(&mut reading)
    });
    assert!(back == sent);
    assert_eq!(server.next_ending(), "flow");
}

fn answers_a_client_that_half_closes_at_once(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    for len in [1, 1000, 65_535, 65_536, 65_537, 200_000] {
        let mut client = server.connect();
        let sent = pattern(len);
        client.write_all(&sent).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert!(read_all(&mut client) == sent, "{len} bytes");
        assert_eq!(server.next_ending(), "flow");
    }
}

fn a_reader_who_stops_bounds_the_writer(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(1 << 30, &transmitted));
    let mut reader = server.connect();
    reader.write_all(b"stream").unwrap();
    let made = settled(&transmitted);
    assert!(made < 32 << 20, "{made} bytes for a reader who takes none");
    let mut some = vec![0; 8 << 20];
    reader.read_exact(&mut some).unwrap();
    assert!(settled(&transmitted) > made, "taking some makes room for more");
    drop(reader);
    assert!(server.next_ending().starts_with("failed"));
}

fn a_slow_reader_delays_nobody(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(1 << 30, &transmitted));
    let mut slow = server.connect();
    slow.write_all(b"stream").unwrap();
    settled(&transmitted);
    let mut quick = server.connect();
    for _ in 0..100 {
        expect_echo(&mut quick, b"are you there?");
    }
}

/// A reader who always takes everything does not keep the driver to itself.
fn a_fast_reader_delays_nobody(driver: Driver) {
    let transmitted = Arc::new(AtomicUsize::new(0));
    let server = Server::start(driver, Streaming::of(usize::MAX, &transmitted));
    let mut fast = server.connect();
    fast.write_all(b"stream").unwrap();
    let closer = fast.try_clone().unwrap();
    let mut quick = server.connect();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut taken = vec![0; 1 << 20];
            while fast.read(&mut taken).is_ok_and(|count| count > 0) {}
        });
        for _ in 0..100 {
            expect_echo(&mut quick, b"are you there?");
        }
        closer.shutdown(Shutdown::Both).unwrap();
    });
}

fn a_request_costs_one_read_and_one_write(driver: Driver) {
    let server = Server::start(driver, Echo::default);
    let mut client = server.connect();
    expect_echo(&mut client, b"warm up");
    let count = || {
        let tally = &server.tally;
        // A driver may add up its counts a moment after the answer has left.
        thread::sleep(Duration::from_millis(50));
        [&tally.reads, &tally.writes, &tally.would_block].map(|counter| counter.load(Relaxed))
    };
    let before = count();
    for _ in 0..1000 {
        expect_echo(&mut client, b"once more");
    }
    let after = count();
    assert_eq!(after[0] - before[0], 1000, "reads");
    assert_eq!(after[1] - before[1], 1000, "writes");
    assert_eq!(after[2] - before[2], 0, "calls that would have blocked");
}

/// The mistake that can be asked for: bytes beyond the first buffer wait for the next ones to arrive.
#[test]
fn reading_once_leaves_bytes_behind() {
    let settings = Settings { read_once: true, ..Settings::default() };
    let server = Server::start_with(Driver::Epoll, settings, Echo::default);
    let mut client = server.connect();
    let sent = pattern(10_000);
    client.write_all(&sent).unwrap();
    let mut back = vec![0; 10_000];
    client.read_exact(&mut back[..4096]).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(client.read(&mut [0; 1]).is_err(), "more than one buffer came back");
    client.write_all(b"!").unwrap();
    client.read_exact(&mut back[4096..8192]).unwrap();
    assert!(back[..8192] == sent[..8192]);
}
