//! A server as a child process: started on a free port, watched from outside, ended when dropped.

#[path = "../support/uring.rs"]
mod uring;

use std::fs::{self, DirEntry};
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The servers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Epoll,
    Threads,
    Uring,
}

impl Binary {
    pub fn path(self) -> &'static str {
        match self {
            Binary::Epoll => env!("CARGO_BIN_EXE_epoll-server"),
            Binary::Threads => env!("CARGO_BIN_EXE_threaded-server"),
            Binary::Uring => env!("CARGO_BIN_EXE_uring-server"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Binary::Epoll => "epoll-server",
            Binary::Threads => "threaded-server",
            Binary::Uring => "uring-server",
        }
    }

    /// Whether the system has what it needs.
    pub fn is_here(self) -> bool {
        self != Binary::Uring || uring::is_here()
    }

    pub fn command(self, options: &[&str]) -> Command {
        let mut command = Command::new(self.path());
        command.args(options);
        command
    }

    /// Runs it to its end, which has to come by itself.
    pub fn run(self, options: &[&str]) -> Finished {
        let mut command = self.command(options);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the binary was built");
        let stdout = collect(child.stdout.take().expect("it is piped"));
        let stderr = collect(child.stderr.take().expect("it is piped"));
        let status = wait(&mut child);
        Finished { status, stdout: stdout.join().expect("read"), stderr: stderr.join().expect("read") }
    }
}

/// Makes each `fn case(binary: Binary)` a test of each server.
macro_rules! on_each_server {
    ($($case:ident),+ $(,)?) => {
        mod epoll_server {
            $(#[test] fn $case() { super::$case(crate::process::Binary::Epoll) })+
        }
        mod threaded_server {
            $(#[test] fn $case() { super::$case(crate::process::Binary::Threads) })+
        }
        mod uring_server {
            $(#[test] fn $case() {
                if crate::process::Binary::Uring.is_here() {
                    super::$case(crate::process::Binary::Uring)
                }
            })+
        }
    };
}
pub(crate) use on_each_server;

/// A running server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The line that says where it listens.
    pub first_line: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// What a process leaves behind.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Server {
    /// Starts a server with these options on a port that the system chooses.
    pub fn start(binary: Binary, options: &[&str]) -> Server {
        Server::start_at(binary, 0, options)
    }

    /// The same on this port.
    pub fn start_at(binary: Binary, port: u16, options: &[&str]) -> Server {
        Server::spawn(&mut binary.command(&[&["--port", &port.to_string()], options].concat()))
    }

    /// The same, with a value for `RUST_LOG`.
    pub fn start_logging(binary: Binary, filter: &str) -> Server {
        Server::spawn(binary.command(&["--port", "0"]).env("RUST_LOG", filter))
    }

    /// The same, with room for so many descriptors.
    pub fn start_with_descriptors(binary: Binary, descriptors: usize) -> Server {
        let script = format!("ulimit -n {descriptors}; exec '{}' --port 0", binary.path());
        Server::spawn(Command::new("sh").args(["-c", &script]))
    }

    /// The same, where files may have so many bytes: as on a full disk, nobody gets more. By itself the limit ends
    /// whoever reaches it, by a signal, unless that is ignored.
    pub fn start_with_small_files(binary: Binary, bytes: usize, options: &[&str]) -> Server {
        let (blocks, options) = (bytes / 512, options.join("' '"));
        let script =
            format!("trap '' XFSZ; ulimit -f {blocks}; exec '{}' --port 0 '{options}'", binary.path());
        Server::spawn(Command::new("sh").args(["-c", &script]))
    }

    /// The same, where fresh folders are made in this one.
    pub fn start_in(binary: Binary, folder: &Path, options: &[&str]) -> Server {
        Server::spawn(binary.command(&[&["--port", "0"], options].concat()).env("TMPDIR", folder))
    }

    /// The same by this command, in the end.
    pub fn spawn(command: &mut Command) -> Server {
        let given = command.get_envs().find(|(name, _)| *name == "RUST_LOG").and_then(|(_, filter)| filter);
        let filter = given.map_or("warn".to_owned(), |filter| filter.to_string_lossy().into_owned());
        if !filter.contains("lag=") {
            // A busy machine interrupts loops for longer than they like, which says nothing of the server.
            command.env("RUST_LOG", format!("{filter},wirelab::drivers::lag=off"));
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary was built");
        let (line, first_line) = mpsc::channel();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = collect(child.stderr.take().expect("it is piped"));
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_line(&mut text);
            let _ = line.send(text.clone());
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let first_line = first_line.recv_timeout(PATIENCE).unwrap_or_default();
        let address = first_line.trim_end().rsplit("http://").next().and_then(|at| at.parse().ok());
        match address {
            Some(address) => {
                Server { child, address, first_line, stdout: Some(stdout), stderr: Some(stderr) }
            }
            None => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("no address in {first_line:?}; {}", stderr.join().expect("read"));
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by name: `TERM`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status();
        assert!(status.expect("kill is everywhere").success());
    }

    /// Waits until it ends by itself.
    pub fn finish(mut self) -> Finished {
        let status = wait(&mut self.child);
        let text = |stream: &mut Option<JoinHandle<String>>| {
            stream.take().expect("finished once").join().expect("read")
        };
        Finished { status, stdout: text(&mut self.stdout), stderr: text(&mut self.stderr) }
    }

    /// Ends it without a word.
    pub fn kill(mut self) -> Finished {
        self.child.kill().expect("it was started");
        self.finish()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(self) -> Finished {
        self.signal("TERM");
        self.finish()
    }

    /// Bytes of memory in use, exactly.
    pub fn resident_bytes(&self) -> usize {
        self.kilobytes("smaps_rollup", "Rss:") * 1024
    }

    /// The most bytes of memory that were in use at a time.
    pub fn most_resident_bytes(&self) -> usize {
        self.kilobytes("status", "VmHWM:") * 1024
    }

    fn kilobytes(&self, file: &str, name: &str) -> usize {
        let text = fs::read_to_string(self.proc(file)).expect("the process lives");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel counts it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Time spent computing so far, in user and kernel mode.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).expect("the process lives");
        let (_, behind_name) = stat.rsplit_once(')').expect("the name is in brackets");
        let fields: Vec<&str> = behind_name.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10) // USER_HZ is 100
    }

    pub fn descriptors(&self) -> usize {
        self.entries("fd")
    }

    pub fn threads(&self) -> usize {
        self.entries("task")
    }

    fn entries(&self, directory: &str) -> usize {
        fs::read_dir(self.proc(directory)).expect("the process lives").count()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            return status;
        }
        assert!(start.elapsed() < PATIENCE, "process {0} does not end; {1}", child.id(), threads(child.id()));
        thread::sleep(Duration::from_millis(5));
    }
}

/// What each thread of a process waits for, as far as the system tells.
fn threads(pid: u32) -> String {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let told = |task: &DirEntry, of: &str| fs::read_to_string(task.path().join(of)).unwrap_or_default();
    let thread = |task: DirEntry| format!("{} in {}", told(&task, "comm").trim_end(), told(&task, "wchan"));
    tasks.map(thread).collect::<Vec<_>>().join(", ")
}

/// Waits until `condition` holds.
///
/// # Panics
/// When it still does not after far longer than it should take.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Lets this process and its children hold many descriptors; answers how many.
pub fn many_descriptors() -> usize {
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024) as usize
}

/// Whether a call failed because nobody listens.
pub fn is_refused<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Longer than anything takes on a busy machine: what waits as long hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);
