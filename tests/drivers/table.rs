//! A full file table: accepting pauses, nobody is dropped, and the processor rests.

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
    let mut waiting: Vec<TcpStream> = (0..100).map(|_| connect(server.address)).collect();
    for client in &mut waiting {
        client.write_all(b"?").unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
    }
    let before = server.cpu_ticks();
    let mut served: Vec<TcpStream> = Vec::new();
    let mut rounds = 0;
    while !waiting.is_empty() {
        let (answered, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|mut client| matches!(client.read(&mut [0; 1]), Ok(1)));
        assert!(
            rounds > 0 || (!answered.is_empty() && rest.len() > 36),
            "a table of 64"
        );
        served.extend(answered);
        waiting = rest;
        rounds += 1;
        assert!(rounds < 100, "{} were never served", waiting.len());
        // Those who were served make room, a few at a time.
        served.truncate(served.len().saturating_sub(20));
    }
    for client in &mut served {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        expect_echo(client, b"still here");
    }
    // Waiting for those that were not served took seconds; a driver that tried all that time would have spent them.
    let spent = server.cpu_ticks() - before;
    assert!(spent < 100, "{spent} ticks of processor time");
    drop(served);
    let pauses = server.finish();
    assert!((1..=3).contains(&pauses), "{pauses} pauses");
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
        Process {
            child,
            output,
            address: address.parse().unwrap(),
        }
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
    driver
        .serve(listener, &service, &Settings::default(), signal)
        .unwrap();
    println!("pauses: {}", service.tally.accept_pauses.load(Relaxed));
}

const DRIVER: &str = "WIRELAB_TEST_DRIVER";
