//! Jobs whose journal takes its time: nobody is told of what may still be lost.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use wirelab::lab::Lab;
use wirelab::lab::clock::TimeSource;
use wirelab::lab::jobs::Jobs;
use wirelab::lab::journal::{Ack, Change, Failure, Journal, Promise, Receipt};
use wirelab::lab::settings::Settings;
use wirelab::session::{Service, Session};

/// A disk that is done when the test says so.
#[derive(Default)]
struct Disk {
    promises: Mutex<Vec<(Ack, Promise)>>,
}

impl Journal for Disk {
    fn append(&self, _changes: Vec<Change>, ack: Ack) -> Result<Receipt, Failure> {
        let (receipt, promise) = Receipt::pending();
        self.promises.lock().unwrap().push((ack, promise));
        Ok(receipt)
    }
}

impl Disk {
    /// Settles the change that waits, and tells how sure its author wanted to be.
    fn settle(&self, outcome: Result<(), Failure>) -> Ack {
        let (ack, promise) = self.promises.lock().unwrap().remove(0);
        promise.settle(outcome);
        ack
    }
}

/// One connection to a lab with a disk.
struct Client {
    disk: Arc<Disk>,
    session: <Arc<Lab> as Service>::Session,
    now: Instant,
}

impl Client {
    fn connect() -> Client {
        let (disk, now) = (Arc::<Disk>::default(), Instant::now());
        let time = TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO };
        let mut lab = Lab::new(Settings::default(), time, None);
        let journal: Arc<dyn Journal> = Arc::<Disk>::clone(&disk);
        let jobs = Jobs::restore(&lab.settings.jobs, Arc::clone(&journal), [], false, now);
        disk.settle(Ok(())); // the mark of the numbers
        (lab.journal, lab.jobs) = (journal, Arc::new(jobs.expect("there is nothing to read")));
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        Client { disk, session: Arc::new(lab).open(now, peer), now }
    }

    /// Sends a request; what is answered at once.
    fn ask(&mut self, method: &str, target: &str) -> String {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: lab\r\n\r\n");
        let mut out = Vec::new();
        self.session.receive(self.now, &mut request.into_bytes(), &mut out);
        String::from_utf8(out).expect("text") + &self.poll()
    }

    /// What is answered now.
    fn poll(&mut self) -> String {
        let mut out = Vec::new();
        self.session.poll_transmit(self.now, Waker::noop(), &mut out);
        String::from_utf8(out).expect("text")
    }
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}

#[test]
fn a_job_is_answered_when_it_is_written_down_as_surely_as_was_asked() {
    let mut client = Client::connect();
    for (query, ack) in [("", Ack::Write), ("?ack=memory", Ack::Memory), ("?ack=fsync", Ack::Fsync)] {
        assert_eq!(client.ask("POST", &format!("/submit{query}")), "");
        assert_eq!(client.poll(), "");
        assert_eq!(client.disk.settle(Ok(())), ack);
        assert_eq!(status(&client.poll()), "202");
    }
}

#[test]
fn a_job_that_could_not_be_written_down_is_refused() {
    let mut client = Client::connect();
    let full = Err(Failure::Refused("no space left on device".into()));
    for (number, target) in [(1, "/submit"), (2, "/submit?work=60&wait=30")] {
        assert_eq!(client.ask("POST", target), "");
        client.disk.settle(full.clone());
        let answer = client.poll();
        assert_eq!(status(&answer), "507");
        assert!(answer.contains("this has happened, but"), "{answer}");
        assert!(answer.contains(&format!("no space left on device (job:{number})")), "{answer}");
        // It says the truth.
        assert_eq!(status(&client.ask("GET", &format!("/jobs/{number}"))), "200");
    }
}

#[test]
fn the_end_of_a_job_is_not_told_before_its_beginning_is_sure() {
    let mut client = Client::connect();
    assert_eq!(client.ask("POST", "/submit?work=1&wait=30"), "");
    client.now += Duration::from_secs(60);
    assert_eq!(client.poll(), "");
    let deadline = client.session.poll_timeout();
    assert!(deadline.is_none_or(|deadline| deadline > client.now), "it would be polled without a break");
    client.disk.settle(Ok(()));
    assert_eq!(status(&client.poll()), "200");
}

#[test]
fn a_cancelled_job_is_answered_when_that_is_written_down() {
    let mut client = Client::connect();
    client.ask("POST", "/submit?work=60");
    client.disk.settle(Ok(()));
    assert_eq!(status(&client.poll()), "202");
    assert_eq!(client.ask("DELETE", "/jobs/1?ack=fsync"), "");
    assert_eq!(client.disk.settle(Ok(())), Ack::Fsync);
    assert_eq!(status(&client.poll()), "204");
}
