//! What comes of a run, as it is printed by `--json` and drawn: numbers with their units in their names.
//!
//! Where a number is missing, it could not be measured, and a remark of the run says why.

mod news;

use serde::{Deserialize, Serialize};

pub use self::news::{Bill, Billed, FanOut, Fates, Lateness, Patterns, Push, Pushed, Watched};

/// One run of `contrast`: where it ran, and what it measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// As it was typed.
    pub command: String,
    /// When it began, as HTTP writes a date: `Sat, 21 Nov 2026 21:30:00 GMT`.
    pub date: String,
    pub machine: Machine,
    pub placement: Placement,
    /// What could not be measured, and why; what a server had to say.
    pub remarks: Vec<String>,
    #[serde(flatten)]
    pub experiment: Experiment,
}

/// A machine, as far as it explains its figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What the processor calls itself.
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    /// `Linux 6.18.0`.
    pub system: String,
}

/// Who ran on which core, counted from 0; `None` where the system chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    pub client_core: Option<usize>,
    pub server_core: Option<usize>,
}

/// What was measured; in JSON, the name of the experiment stands before its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Experiment {
    Io(Io),
    Patterns(Patterns),
    Push(Push),
}

impl Experiment {
    /// As they are called, in the order in which they are shown.
    pub const NAMES: [&str; 3] = ["io", "patterns", "push"];

    pub fn name(&self) -> &'static str {
        match self {
            Experiment::Io(_) => "io",
            Experiment::Patterns(_) => "patterns",
            Experiment::Push(_) => "push",
        }
    }
}

/// `contrast io`: the same requests to servers that wait in different ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Io {
    /// The request target of all requests but the blocking one.
    pub target: String,
    /// Requests that are under way on a connection at a time.
    pub pipelined: usize,
    /// Requests per second that were asked for, if latency was measured against a schedule; `None` if each answer
    /// brought the next request.
    pub rate: Option<f64>,
    /// Each figure is the median of so many rounds, in which the servers took turns.
    pub rounds: usize,
    /// How long each measurement of a round took.
    pub seconds: f64,
    pub servers: Vec<Contender>,
}

/// What one server was measured at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    pub name: String,
    /// Where it is, if it was not started for this run.
    pub url: Option<String>,
    /// A point for each number of busy connections, in rising order.
    pub busy: Vec<Busy>,
    /// A point for each number of idle connections beside a few busy ones, in rising order, from none on.
    pub idle: Vec<Idle>,
    /// Connections opened, used for one request, and closed by the server.
    pub new_connections: Option<NewConnections>,
    /// What one request that computes does to all others.
    pub blocked: Option<Blocked>,
}

/// All connections send requests, each as fast as its answers come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    pub connections: usize,
    pub load: Load,
    pub process: Option<Process>,
}

/// Many connections say nothing, and [`Idle::busy_connections`] beside them are busy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    pub connections: usize,
    /// Before anybody was busy; without the kernel's part of a socket.
    pub resident_bytes: Option<u64>,
    /// The same for each idle connection, less what the server had before the first one; of 100 connections and more.
    pub resident_bytes_each: Option<f64>,
    pub threads: Option<u64>,
    pub busy_connections: usize,
    pub load: Load,
    pub process: Option<Process>,
}

/// One connection a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewConnections {
    /// How many were under way at a time.
    pub connections: usize,
    /// `requests_per_second` are connections per second; latency counts from the first packet of a connection.
    pub load: Load,
    pub process: Option<Process>,
}

/// The same load with and without one request that computes in the place where it arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// The request that computes.
    pub target: String,
    /// How long its answer took.
    pub blocking_ms: f64,
    pub connections: usize,
    /// Requests per second that all others were sent at, on a schedule, so that those which could not be answered in
    /// time are not left out.
    pub rate: f64,
    pub without: Load,
    pub with: Load,
}

/// What the client saw: medians over the rounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub requests_per_second: Spread,
    pub latency: Latency,
    /// Answers, in all rounds together.
    pub requests: u64,
    /// What went wrong, in all rounds together.
    pub errors: Errors,
    /// Connections that the server ended, as it may, and that were opened again; in all rounds together.
    pub reconnects: u64,
}

/// A figure of several rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// Microseconds from when a request was sent, or due by its schedule, to the last byte of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

/// Requests and connections that came to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// Connections that could not be opened.
    pub connect: u64,
    /// Connections that broke, or ended within an answer or before it.
    pub broken: u64,
    /// Answers that are no HTTP.
    pub malformed: u64,
    /// Answers with another status than 200.
    pub status: u64,
    /// Requests without an answer when their time was up.
    pub unanswered: u64,
}

impl Errors {
    pub fn total(&self) -> u64 {
        let Errors { connect, broken, malformed, status, unanswered } = self;
        connect + broken + malformed + status + unanswered
    }
}

/// What the system counted for the process of the server meanwhile: medians over the rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// At the end of the load, with all connections open.
    pub resident_bytes: u64,
    pub threads: u64,
    /// The process had nothing to do and waited.
    pub voluntary_switches_per_request: f64,
    /// The process had to do and another one's turn came.
    pub involuntary_switches_per_request: f64,
    /// In user and kernel mode.
    pub cpu_seconds_per_100k_requests: f64,
    pub syscalls_per_request: Option<Syscalls>,
}

/// System calls of the server for one request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Syscalls {
    pub per_request: f64,
    pub counted_by: CountedBy,
}

/// Who counted system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// The server itself, at `/stats`.
    Server,
    /// `strace -c`, in a short round of its own.
    Strace,
}
