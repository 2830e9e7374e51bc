//! A full file table: accepting pauses, nobody is dropped, and the processor rests.

use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc;
use std::time::Duration;

use wirelab::drivers::{Settings, listen, stop};
use wirelab::session::{Echo, Tally};

use crate::harness::*;

for_each_driver!(a_full_file_table_ends_nothing);

/// A hundred clients of a server that may open 64 files.
fn a_full_file_table_ends_nothing(driver: Driver) {
    let mut server = Process::start(driver);
    let mut waiting: VecDeque<_> = (0..100).map(|_| connect(server.address)).collect();
    for client in &mut waiting {
        client.write_all(b"?").unwrap();
    }
    // They are accepted in the order in which they came, so the first one without an answer waits for room.
    let mut served = Vec::new();
    while is_answered(&waiting[0], Duration::from_secs(2)) {
        served.extend(waiting.pop_front());
    }
    assert!((20..64).contains(&served.len()), "{} served", served.len());
    let before = server.cpu_ticks();
    assert!(!is_answered(&waiting[0], Duration::from_secs(1)));
    let spent = server.cpu_ticks() - before;
    assert!(spent < 30, "{spent} hundredths of a second spent waiting");

    let stays = served.pop().into_iter();
    drop(served);
    for client in &waiting {
        assert!(is_answered(client, PATIENCE), "one was dropped");
    }
    for mut client in stays.chain(waiting) {
        expect_echo(&mut client, b"still here");
    }
    assert_eq!(server.finish(), 1, "one pause");
}

fn is_answered(mut client: &TcpStream, within: Duration) -> bool {
    client.set_read_timeout(Some(within)).unwrap();
    matches!(client.read(&mut [0; 1]), Ok(1))
}

/// A server in a process of its own, where a full table harms nobody else.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    fn start(driver: Driver) -> Process {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""])
            .arg(env::current_exe().unwrap())
            .args(["--exact", "table::process", "--ignored", "--nocapture"])
            .env(DRIVER, format!("{driver:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = find(&mut output, "listening on ");
        Process { child, output, address: address.parse().unwrap() }
    }

    /// Processor time in hundredths of a second; zero where there is no /proc.
    fn cpu_ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        // After the name in parentheses: utime and stime are the fields 14 and 15 of proc(5).
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let times = fields.split_whitespace().skip(11).take(2);
        times.map(|time| time.parse::<u64>().unwrap()).sum()
    }

    /// Stops it, and tells how often accepting paused.
    fn finish(&mut self) -> u64 {
        drop(self.child.stdin.take());
        let pauses = find(&mut self.output, "pauses: ").parse().unwrap();
        assert!(self.child.wait().unwrap().success());
        pauses
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rest of the line that holds `label`.
fn find(output: &mut impl BufRead, label: &str) -> String {
    let found = output.lines().map(Result::unwrap);
    let line = found.into_iter().find(|line| line.contains(label));
    let line = line.expect("the server process speaks");
    line.split(label).nth(1).unwrap().to_string()
}

/// Not a test: what the process of [`Process::start`] runs.
#[test]
#[ignore = "run by the tests of a full file table"]
fn process() {
    let driver = match env::var(DRIVER).as_deref() {
        Ok("Epoll") => Driver::Epoll,
        Ok("Threads") => Driver::Threads,
        Ok("Uring") => Driver::Uring,
        _ => return,
    };
    let listener = listen::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    let (stop, signal) = stop::pair().unwrap();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stop.stop();
    });
    let service = Opener {
        open: Echo::default,
        opened: mpsc::channel().0,
        ended: mpsc::channel().0,
        tally: Arc::new(Tally::default()),
    };
    driver.serve(listener, &service, &Settings::default(), signal).unwrap();
    println!("pauses: {}", service.tally.accept_pauses.load(Relaxed));
}

const DRIVER: &str = "WIRELAB_TEST_DRIVER";
