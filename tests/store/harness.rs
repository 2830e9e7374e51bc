//! Rows to keep, receipts to wait for, and this program once more, as another process.

use std::env;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};

use wirelab::lab::journal::{Ack, Change, Failure, Found, Journal, Receipt, Row, Table};
use wirelab::store::{Settings, Store};

pub fn open(folder: &Path) -> (Store, Found) {
    Store::open(folder, &Settings::default()).expect("it can be had")
}

pub fn row(table: Table, name: &str, number: u64, value: &str) -> Row {
    Row { table, name: name.into(), number, value: value.as_bytes().to_vec().into() }
}

pub fn put(name: &str, number: u64) -> Change {
    Change::Put(row(Table::Events, name, number, &format!("{name} {number}")))
}

/// Appends changes, and waits until they are as sure as they are to be.
pub fn keep(journal: &dyn Journal, changes: Vec<Change>, ack: Ack) -> Result<(), Failure> {
    outcome(&journal.append(changes, ack)?)
}

/// Waits until a receipt is settled.
pub fn outcome(receipt: &Receipt) -> Result<(), Failure> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match receipt.poll(|| waker.clone()) {
            Some(outcome) => return outcome,
            None => thread::park(),
        }
    }
}

/// The numbers of the events of a name, in the order in which they were found.
pub fn numbers(found: &Found, name: &str) -> Vec<u64> {
    found.rows.iter().filter(|row| *row.name == *name).map(|row| row.number).collect()
}

/// This program as another process, in which one test plays a part; it is killed when this is dropped.
pub struct Other {
    child: Child,
    pub stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    pub fn start(part: &str, folder: &Path) -> Other {
        let mut command = Command::new(env::current_exe().expect("this program has a file"));
        command.args(["--exact", part, "--nocapture"]).env(FOLDER, folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs already");
        let stdout = child.stdout.take().expect("it is piped");
        Other { stdin: child.stdin.take(), child, lines: BufReader::new(stdout).lines() }
    }

    /// What it says next, of all that it says behind this mark.
    pub fn says(&mut self) -> Option<String> {
        let lines = self.lines.by_ref().map_while(Result::ok);
        lines.filter_map(|line| line.split_once(MARK).map(|(_, said)| said.to_owned())).next()
    }

    /// Ends it, without a chance to do anything about it.
    pub fn kill(&mut self) {
        self.child.kill().expect("it lives");
    }

    /// Waits until it ends by itself.
    pub fn finish(&mut self) {
        assert!(self.child.wait().expect("it was started").success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: the folder to play the part in.
pub fn folder_of_the_part() -> Option<String> {
    env::var(FOLDER).ok()
}

/// In the other process: says something.
pub fn say(what: impl std::fmt::Display) {
    println!("{MARK}{what}.");
}

const FOLDER: &str = "WIRELAB_TEST_FOLDER";
const MARK: &str = "the other says: ";
