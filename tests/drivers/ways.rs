//! Errands that say who is to see to them: what a session says meanwhile, and who it was in the end.

use std::io::{Read, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use socket2::SockRef;
use wirelab::session::{Assignment, Bell, Cause, Doer, Done, Errand, Flow, Session, Way, Work};

use crate::harness::*;

for_each_driver!(
    in_place_nothing_comes_between,
    aside_the_session_goes_on_first,
    a_driver_has_its_own_way,
    work_that_panics_is_told_and_ends_nothing,
    work_goes_on_when_its_peer_has_gone_and_ends_with_the_driver,
);

fn in_place_nothing_comes_between(driver: Driver) {
    assert_eq!(told(driver, Way::InPlace), "1 done by the same, 2");
}

fn aside_the_session_goes_on_first(driver: Driver) {
    for way in [Way::Aside, Way::Thread] {
        assert_eq!(told(driver, way), "1 2, done by another", "{way:?}");
    }
}

fn a_driver_has_its_own_way(driver: Driver) {
    let due = match driver {
        Driver::Threads => "1 done by the same, 2",
        Driver::Epoll | Driver::Uring => "1 2, done by another",
    };
    assert_eq!(told(driver, Way::Usual), due);
}

fn work_that_panics_is_told_and_ends_nothing(driver: Driver) {
    for way in [Way::InPlace, Way::Aside] {
        let server = Server::start(driver, move || Teller::new(way, || panic!("as it was told")));
        for _ in 0..5 {
            let mut client = server.connect();
            client.write_all(b"go").unwrap();
            let mut came = [0; 6];
            client.read_exact(&mut came).unwrap();
            assert_eq!(&came, b"failed");
        }
    }
}

fn work_goes_on_when_its_peer_has_gone_and_ends_with_the_driver(driver: Driver) {
    let is_over = Arc::new(AtomicBool::new(false));
    let has_begun = Arc::new(AtomicBool::new(false));
    let (over, begun) = (Arc::clone(&is_over), Arc::clone(&has_begun));
    let mut server = Server::start(driver, move || {
        let (over, begun) = (Arc::clone(&over), Arc::clone(&begun));
        Teller::new(Way::Aside, move || {
            begun.store(true, Relaxed);
            std::thread::sleep(Duration::from_millis(100));
            over.store(true, Relaxed);
        })
    });
    let mut client = server.connect();
    client.write_all(b"go").unwrap();
    wait_until(|| has_begun.load(Relaxed));
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    server.stop.stop();
    server.stop.stop();
    server.join();
    assert!(is_over.load(Relaxed));
}

/// What a session tells of an errand that is seen to in this way.
fn told(driver: Driver, way: Way) -> String {
    let server = Server::start(driver, move || Teller::new(way, || {}));
    let mut client = server.connect();
    let mut due = None;
    for _ in 0..20 {
        client.write_all(b"go").unwrap();
        let mut came = vec![0; 64];
        let count = client.read(&mut came).unwrap();
        came.truncate(count);
        let came = String::from_utf8(came).unwrap();
        assert_eq!(*due.get_or_insert_with(|| came.clone()), came, "not always the same");
    }
    due.unwrap()
}

/// Says 1, gives an errand, says 2 when it is asked to go on, and tells what came when.
struct Teller<F> {
    way: Way,
    work: F,
    errand: Option<Errand>,
    state: State,
    said: String,
}

#[derive(PartialEq, Eq)]
enum State {
    Quiet,
    UnderWay,
    Done,
}

impl<F: Fn() + Clone + Send + 'static> Teller<F> {
    fn new(way: Way, work: F) -> Teller<F> {
        Teller { way, work, errand: None, state: State::Quiet, said: String::new() }
    }
}

impl<F: Fn() + Clone + Send + 'static> Session for Teller<F> {
    fn receive(&mut self, _: Instant, _: &mut [u8], _: &mut Vec<u8>) {
        self.said = "1".to_owned();
        let errand = Errand::Compute(Work::new(self.work.clone()));
        let assignment = Assignment { errand, way: self.way, delay: Duration::from_millis(1) };
        self.errand = Some(Errand::Assigned(Box::new(assignment)));
    }

    fn receive_eof(&mut self, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, _: Instant) {}

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {}

    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, out: &mut Vec<u8>) {
        if self.state != State::Quiet && !self.said.contains('2') {
            self.said += if self.state == State::Done { ", 2" } else { " 2," };
        }
        if self.state == State::Done {
            self.state = State::Quiet;
            let said = mem::take(&mut self.said);
            out.extend(if said.contains("failed") { b"failed".to_vec() } else { said.into_bytes() });
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let errand = self.errand.take();
        if errand.is_some() {
            self.state = State::UnderWay;
        }
        errand
    }

    fn handle_errand(&mut self, _: Instant, done: Done) {
        let Done::Reported(done, report) = done else { panic!("{done:?}") };
        self.said += match *done {
            Done::Computed(Ok(())) if report.done_by == Doer::Thread(report.asked_by) => " done by the same",
            Done::Computed(Ok(())) => " done by another",
            _ => " failed",
        };
        self.state = State::Done;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        match (&self.errand, &self.state) {
            (Some(_), _) => Flow::Errand,
            (None, State::UnderWay) => Flow::Paused,
            (None, State::Quiet | State::Done) => Flow::Open,
        }
    }
}
