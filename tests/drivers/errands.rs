//! Errands: each comes back to its own session, or to none, and nothing of it is lost.

use std::io::{Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use socket2::SockRef;
use wirelab::drivers::Settings;
use wirelab::drivers::disk::Disk;
use wirelab::session::{Bell, Cause, Done, Errand, File, Flow, Name, Session, Stay};

use crate::harness::*;

for_each_driver!(
    an_errand_comes_back_to_its_own_session,
    a_peer_that_does_not_read_has_errands_all_the_same,
    a_connection_that_goes_away_leaves_no_file,
    what_is_promised_outlives_the_connection,
    stops_when_errands_are_done,
    ends_what_is_promised_when_the_grace_is_over,
    a_session_that_panics_at_a_result_ends_alone,
);

fn an_errand_comes_back_to_its_own_session(driver: Driver) {
    let (server, _) = start(driver, Duration::ZERO, |clerk| clerk);
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&said(number, round)).unwrap();
        }
        for (number, client) in clients.iter_mut().enumerate() {
            expect(client, &said(number, round));
        }
    }
    assert!(server.finish().1.iter().all(|ending| ending == "flow"));
}

/// Errands wait for nothing that has been sent: of the bytes before, all or none may have been read.
fn a_peer_that_does_not_read_has_errands_all_the_same(driver: Driver) {
    let (server, _) = start(driver, Duration::from_millis(1), |clerk| clerk);
    let (mut client, large) = (server.connect(), pattern(3 << 20));
    let mut writer = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&large).unwrap());
        let mut back = vec![0; large.len()];
        client.read_exact(&mut back).unwrap();
        assert!(back == large);
    });
}

fn a_connection_that_goes_away_leaves_no_file(driver: Driver) {
    let (server, disk) = start(driver, Duration::from_millis(20), |clerk| clerk);
    for round in 0..10 {
        let mut client = server.connect();
        client.write_all(b"lost").unwrap();
        if round % 2 == 0 {
            SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(client);
        // In the place of the one that has gone.
        let mut next = server.connect();
        next.write_all(b"kept").unwrap();
        expect(&mut next, b"kept");
        assert_eq!(read_to_end(next), b"");
    }
    wait_until(|| listed(&disk).is_empty());
}

fn what_is_promised_outlives_the_connection(driver: Driver) {
    let (server, disk) = start(driver, Duration::from_millis(20), Clerk::promising);
    for number in 1..=5 {
        let mut client = server.connect();
        client.write_all(b"promise").unwrap();
        expect(&mut client, b"promised");
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        server.next_ending();
        wait_until(|| listed(&disk).len() == number);
    }
}

fn stops_when_errands_are_done(driver: Driver) {
    let (mut server, disk) = start(driver, Duration::from_millis(50), |clerk| clerk);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        server.wait_for_opening();
        client.write_all(b"finish").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
    }
    wait_until(|| !listed(&disk).is_empty());
    server.stop.stop();
    for client in clients {
        assert_eq!(read_to_end(client), b"finish");
    }
    server.join();
    assert!(listed(&disk).is_empty());
}

fn ends_what_is_promised_when_the_grace_is_over(driver: Driver) {
    let (server, disk) = start(driver, Duration::from_millis(50), Clerk::promising);
    let mut client = server.connect();
    client.write_all(b"promise").unwrap();
    expect(&mut client, b"promised");
    server.stop.stop();
    server.finish();
    assert_eq!(listed(&disk), ["final-1"]);
}

fn a_session_that_panics_at_a_result_ends_alone(driver: Driver) {
    let (server, disk) = start(driver, Duration::ZERO, |clerk| clerk);
    let mut client = server.connect();
    client.write_all(b"panic").unwrap();
    assert_eq!(server.next_ending(), "failed: the session panicked");
    assert_eq!(read_to_end(client), b"");
    let mut next = server.connect();
    next.write_all(b"goes on").unwrap();
    expect(&mut next, b"goes on");
    drop(next);
    wait_until(|| listed(&disk).is_empty());
}

fn start(
    driver: Driver,
    delay: Duration,
    with: impl Fn(Clerk) -> Clerk + Send + Sync + 'static,
) -> (Server, Arc<Disk>) {
    let disk = Disk::fresh(delay);
    let settings =
        Settings { disk: Arc::clone(&disk), grace: Duration::from_secs(30), ..Settings::default() };
    let next = AtomicUsize::new(1);
    let open = move || with(Clerk::new(next.fetch_add(1, Relaxed)));
    (Server::start_with(driver, settings, open), disk)
}

/// Sends back what it receives, by way of a file; a file each time.
struct Clerk {
    number: usize,
    errand: Option<Errand>,
    is_under_way: bool,
    /// What is to be written.
    heard: Vec<u8>,
    saying: Vec<u8>,
    has_ended: bool,
    is_over: bool,
    /// Answers before anything is written, and sees to it then, whatever becomes of the connection.
    promises: bool,
}

impl Clerk {
    fn new(number: usize) -> Clerk {
        Clerk {
            number,
            errand: None,
            is_under_way: false,
            heard: Vec::new(),
            saying: Vec::new(),
            has_ended: false,
            is_over: false,
            promises: false,
        }
    }

    fn promising(self) -> Clerk {
        Clerk { promises: true, ..self }
    }

    fn go_on(&mut self, file: File, bytes: Vec<u8>) {
        self.errand = match self.promises {
            true => {
                let name = Name::new("files", format!("final-{}", self.number)).unwrap();
                Some(Errand::Publish { file, name, sync: false })
            }
            false => Some(Errand::Read { file, offset: 0, bytes: vec![0; bytes.len()], digests: None }),
        };
    }
}

impl Session for Clerk {
    fn receive(&mut self, _: Instant, bytes: &mut [u8], _: &mut Vec<u8>) {
        assert!(!self.is_under_way && self.errand.is_none(), "it is paused");
        if self.promises {
            self.saying = b"promised".to_vec();
        }
        self.heard = bytes.to_vec();
        let name = Name::new("files", format!("passing-{}", self.number)).unwrap();
        self.errand = Some(Errand::Create { name, stay: Stay::WhileOpen });
    }

    fn receive_eof(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn handle_shutdown(&mut self, _: Instant) {
        self.has_ended = true;
    }

    fn handle_close(&mut self, _: Instant, _: Cause<'_>) {
        self.is_over = true;
    }

    fn poll_transmit(&mut self, _: Instant, _: &dyn Bell, out: &mut Vec<u8>) {
        out.append(&mut self.saying);
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let errand = if self.is_over && !self.promises { None } else { self.errand.take() };
        self.is_under_way |= errand.is_some();
        errand
    }

    fn handle_errand(&mut self, _: Instant, done: Done) {
        assert!(mem::take(&mut self.is_under_way), "an errand that nobody gave");
        match done {
            Done::Opened(Ok(opened)) => {
                assert!(self.heard != b"panic", "as it was told");
                let bytes = mem::take(&mut self.heard);
                self.errand = Some(Errand::Write { file: opened.file, offset: 0, bytes, digests: None });
            }
            Done::Wrote { file, bytes, result: Ok(()), .. } => self.go_on(file, bytes),
            Done::Read { bytes, result: Ok(()), .. } => self.saying = bytes,
            Done::Published(Ok(_)) => {}
            failed => panic!("{failed:?}"),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn flow(&self) -> Flow {
        match (&self.errand, self.is_under_way, self.has_ended) {
            (Some(_), ..) => Flow::Errand,
            (None, true, _) => Flow::Paused,
            (None, false, true) => Flow::Closed,
            (None, false, false) => Flow::Open,
        }
    }
}

fn said(number: usize, round: usize) -> Vec<u8> {
    format!("client {number} in round {round}").into_bytes()
}

fn expect(client: &mut TcpStream, due: &[u8]) {
    let mut came = vec![0; due.len()];
    client.read_exact(&mut came).unwrap();
    assert_eq!(came.escape_ascii().to_string(), due.escape_ascii().to_string());
}

fn read_to_end(mut client: TcpStream) -> Vec<u8> {
    let _ = client.shutdown(Shutdown::Write);
    read_all(&mut client)
}

fn listed(disk: &Arc<Disk>) -> Vec<String> {
    match disk.run(Errand::List { folder: "files" }) {
        Done::Listed(Ok(entries)) => entries.iter().map(|entry| entry.name.file().to_owned()).collect(),
        done => panic!("{done:?}"),
    }
}
