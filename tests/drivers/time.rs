//! Deadlines: of sessions, and of peers that do not read.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use wirelab::drivers::Settings;
use wirelab::session::{Bell, Cause, Flow, Session};

use crate::harness::*;
use crate::sessions::*;

for_each_driver!(
    tells_a_session_when_its_time_has_come,
    a_deadline_may_come_nearer,
    a_deadline_that_moves_later_is_not_early,
    a_paused_session_is_told_the_time,
    drops_a_peer_that_takes_nothing,
    keeps_a_peer_that_takes_a_little,
    a_deadline_in_the_past_does_not_spin,
);

const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(300);

fn tells_a_session_when_its_time_has_come(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("", Flow::Open).until(SOON)).on_timeout(Act::new("too late", Flow::Closed))
    });
    let start = Instant::now();
    assert_eq!(read_all(&mut server.connect()), b"too late");
    assert!(start.elapsed() >= SOON);
}

fn a_deadline_may_come_nearer(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("", Flow::Open).until(LATE))
            .on_bytes(Act::new("", Flow::Open).until(SOON))
            .on_timeout(Act::new("too late", Flow::Closed))
    });
    let mut client = server.connect();
    client.write_all(b"x").unwrap();
    assert_eq!(read_all(&mut client), b"too late");
}

fn a_deadline_that_moves_later_is_not_early(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("", Flow::Open).until(SOON))
            .on_bytes(Act::new("", Flow::Open).until(SOON))
            .on_timeout(Act::new("too late", Flow::Closed))
    });
    let mut client = server.connect();
    let mut last = Instant::now();
    for _ in 0..10 {
        thread::sleep(SOON / 4);
        // Where the machine was too busy for the client to be in time, nothing can be said.
        if last.elapsed() >= SOON {
            return;
        }
        last = Instant::now();
        client.write_all(b"x").unwrap();
    }
    assert_eq!(read_all(&mut client), b"too late");
    assert!(last.elapsed() >= SOON);
}

fn a_paused_session_is_told_the_time(driver: Driver) {
    let server = Server::start(driver, || {
        Scripted::begin(Act::new("paused, ", Flow::Paused).until(SOON))
            .on_bytes(Act::new("heard", Flow::Closed))
            .on_timeout(Act::new("resumed, ", Flow::Open))
    });
    let mut client = server.connect();
    client.write_all(b"x").unwrap();
    assert_eq!(read_all(&mut client), b"paused, resumed, heard");
}

fn drops_a_peer_that_takes_nothing(driver: Driver) {
    let settings = Settings { send_timeout: SOON, ..Settings::default() };
    let transmitted = Arc::new(AtomicUsize::new(0));
    let open = Streaming::of(1 << 30, &transmitted);
    let server = Server::start_with(driver, settings, open);
    let mut client = server.connect();
    client.write_all(b"stream").unwrap();
    assert_eq!(server.next_ending(), "stalled");
}

fn keeps_a_peer_that_takes_a_little(driver: Driver) {
    let settings = Settings { send_timeout: Duration::from_secs(1), ..Settings::default() };
    let transmitted = Arc::new(AtomicUsize::new(0));
    let open = Streaming::of(32 << 20, &transmitted);
    let server = Server::start_with(driver, settings, open);
    let mut client = server.connect();
    client.write_all(b"stream").unwrap();
    let (mut taken, mut piece) = (0, vec![0; 4 << 20]);
    while taken < 12 << 20 {
        taken += client.read(&mut piece).unwrap();
        thread::sleep(SOON / 2);
    }
    taken += read_all(&mut client).len();
    assert_eq!(taken, 32 << 20);
    assert_eq!(server.next_ending(), "flow");
}

/// A session's mistake costs the processor a thousand wakes a second, not all of its time.
fn a_deadline_in_the_past_does_not_spin(driver: Driver) {
    let server = Server::start(driver, || Stuck(Instant::now()));
    let mut client = server.connect();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    let before = server.tally.wakes.load(Relaxed);
    thread::sleep(2 * SOON);
    let wakes = server.tally.wakes.load(Relaxed) - before;
    assert!(wakes < 2000, "{wakes} wakes");
    let mut other = server.connect();
    other.write_all(b"y").unwrap();
    other.read_exact(&mut [0; 1]).unwrap();
}

/// Echoes, and has always been due.
struct Stuck(Instant);

impl Session for Stuck {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
    }

    fn receive_eof(&mut self, _: Instant) {}
    fn handle_timeout(&mut self, _: Instant) {}
    fn handle_shutdown(&mut self, _: Instant) {}
    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}
    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, _: &mut Vec<u8>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.0)
    }

    fn flow(&self) -> Flow {
        Flow::Open
    }
}
