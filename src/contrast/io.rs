//! `contrast io`: the same requests to servers that wait in different ways.
//!
//! Servers take turns in rounds, so that a machine that is busy for a while is busy for all of them, and every figure is
//! the median of its rounds. A server of the lab is started afresh for each measurement.

mod look;
mod measure;
mod medians;
mod tables;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::measure::{Measuring, Sample};
use super::client::once;
use super::cores::Cores;
use super::failure::Failure;
use super::figures::{Experiment, Io, Run};
use super::interrupt::Interrupt;
use super::machine;
use super::options::Options as Common;
use super::progress::Progress;
use super::servers::Candidate;

pub use self::tables::tables;

/// What is measured, and for how long.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Numbers of connections, e.g. --connections 1,100
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "1,10,100,1000,10000",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: Vec<u32>,

    /// Time of each measurement, e.g. --seconds 0.5
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = parse_seconds)]
    pub seconds: f64,

    /// Rounds, of which the medians are told, e.g. --rounds 5
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,

    /// What to measure, e.g. --measure idle,blocked
    #[arg(long, value_name = "PARTS", value_delimiter = ',', default_value = "busy,idle,new,blocked")]
    pub measure: Vec<Part>,

    /// Requests under way on a connection at a time, e.g. --pipelined 16
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024),
          conflicts_with = "rate")]
    pub pipelined: u16,

    /// Requests per second by the clock, latency counted from when each was due, e.g. --rate 5000
    #[arg(long, value_name = "COUNT", value_parser = parse_rate)]
    pub rate: Option<f64>,

    /// What to ask the lab's servers for, e.g. --target /bytes/1000
    #[arg(long, value_name = "TARGET", default_value = "/plaintext", value_parser = parse_target)]
    pub target: String,

    #[command(flatten)]
    pub common: Common,
}

/// A part of the experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// All connections send requests.
    Busy,
    /// Most connections are silent.
    Idle,
    /// A connection for each request.
    New,
    /// One request computes, and others wait.
    Blocked,
}

/// What the help of this command ends with.
pub const HELP: &str = "\
Examples:
  contrast io                                        three servers, up to 10,000 connections: some six minutes
  contrast io --seconds 0.2 --connections 1,100      a first look
  contrast io --measure blocked                      what one computing request does to all others
  contrast io --only epoll-server --rate 20000       latency against a schedule
  contrast io --server mine=http://127.0.0.1:8080/   with another server beside the three";

/// Measures, with a bar that shows how far it is.
///
/// # Errors
/// One line: what is missing, or that it was interrupted.
pub fn run(options: &Options, command: String, interrupt: &Interrupt) -> Result<Run, Failure> {
    let (date, machine) = (machine::date(), machine::this()); // before this thread is left one core
    let cores = Cores::choose();
    let mut remarks: Vec<String> = cores.remark().into_iter().collect();
    let connections = affordable(&options.connections, &mut remarks);
    let measuring = Measuring {
        interrupt,
        cores: &cores,
        target: &options.target,
        pipelined: usize::from(options.pipelined),
        rate: options.rate,
        span: Duration::from_secs_f64(options.seconds),
    };
    let candidates = those_that_answer(options.common.candidates()?, &measuring, &mut remarks)?;
    let steps = steps(options, &connections);
    let samples = go_round(options.rounds, &candidates, &steps, &measuring, &mut remarks)?;
    let server_figures = |candidate: &Candidate| medians::of(candidate, &samples);
    let io = Io {
        target: options.target.clone(),
        pipelined: measuring.pipelined,
        rate: options.rate,
        rounds: options.rounds as usize,
        seconds: options.seconds,
        servers: candidates.iter().map(server_figures).collect(),
    };
    Ok(Run { command, date, machine, placement: cores.placement, remarks, experiment: Experiment::Io(io) })
}

/// A measurement, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Busy(usize),
    /// Silent connections.
    Idle(usize),
    New,
    Blocked,
    /// Connections, while system calls are counted by strace: it slows the server down, so nothing else is measured.
    Strace(usize),
}

/// All samples, by the name of the server and the step.
type Samples = BTreeMap<(String, Step), Vec<Sample>>;

/// The numbers of connections that this process and a server may have, in rising order.
fn affordable(wanted: &[u32], remarks: &mut Vec<String>) -> Vec<usize> {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024) as usize;
    let most = descriptors.saturating_sub(SPARE_DESCRIPTORS);
    let mut connections: Vec<usize> = wanted.iter().map(|count| (*count as usize).min(most)).collect();
    if wanted.iter().any(|count| *count as usize > most) {
        remarks.push(format!(
            "a process may have {descriptors} descriptors here (ulimit -Hn), so there are {most} connections at the most"
        ));
    }
    connections.sort_unstable();
    connections.dedup();
    connections
}

/// Leaves out what cannot be started; whoever was given by an address has to answer.
fn those_that_answer(
    candidates: Vec<Candidate>,
    measuring: &Measuring<'_>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Candidate>, Failure> {
    let mut answering = Vec::new();
    for candidate in candidates {
        match candidate.start(measuring.cores) {
            Ok(live) => {
                once::ask(&live.url, measuring.target_of(&candidate, &live), PATIENCE)?;
                answering.push(candidate);
            }
            Err(Failure::Because(why)) => remarks.push(why),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
        }
    }
    match answering.is_empty() {
        true => {
            Err(Failure::Because(remarks.pop().unwrap_or_else(|| "there is nobody to measure".to_owned())))
        }
        false => Ok(answering),
    }
}

fn steps(options: &Options, connections: &[usize]) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in &options.measure {
        match part {
            Part::Busy => steps.extend(connections.iter().map(|count| Step::Busy(*count))),
            Part::Idle => steps.extend([0].iter().chain(connections).map(|count| Step::Idle(*count))),
            Part::New => steps.push(Step::New),
            Part::Blocked => steps.push(Step::Blocked),
        }
    }
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// Takes every sample. What cannot be measured is left out, with a remark.
fn go_round(
    rounds: u32,
    candidates: &[Candidate],
    steps: &[Step],
    measuring: &Measuring<'_>,
    remarks: &mut Vec<String>,
) -> Result<Samples, Failure> {
    let (mut samples, mut left_out) = (Samples::new(), Vec::new());
    let counting: Vec<Step> = steps.iter().filter_map(|step| step.under_strace()).collect();
    let one_by_one = (0..rounds).flat_map(|_| steps).chain(&counting);
    let progress = Progress::new((steps.len() * rounds as usize + counting.len()) * candidates.len());
    for step in one_by_one {
        for candidate in candidates {
            progress.say(format!("{}, {}", candidate.name, step.described()));
            let key = (candidate.name.clone(), *step);
            if !left_out.contains(&key) && !is_counted_already(&key, &samples) {
                match measuring.sample(candidate, *step) {
                    Ok(sample) => {
                        remember(remarks, sample.remark(candidate, *step));
                        samples.entry(key).or_default().push(sample);
                    }
                    Err(Failure::Because(why)) => {
                        remember(remarks, Some(format!("{}, {}: {why}", candidate.name, step.described())));
                        left_out.push(key);
                    }
                    Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                }
            }
            progress.step();
        }
    }
    Ok(samples)
}

/// Whether strace would count again what the server has counted itself.
fn is_counted_already((name, step): &(String, Step), samples: &Samples) -> bool {
    let Step::Strace(connections) = step else { return false };
    let counted = samples.get(&(name.clone(), Step::Busy(*connections))).into_iter().flatten();
    counted.filter_map(|sample| sample.process).any(|process| process.syscalls_per_request.is_some())
}

/// The same in every round is said once.
fn remember(remarks: &mut Vec<String>, remark: Option<String>) {
    if let Some(remark) = remark.filter(|remark| !remarks.contains(remark)) {
        remarks.push(remark);
    }
}

impl Step {
    /// The same load, watched by strace. To attach to a thousand threads takes too long.
    fn under_strace(&self) -> Option<Step> {
        match self {
            Step::Busy(connections @ ..=MOST_UNDER_STRACE) => Some(Step::Strace(*connections)),
            Step::Busy(_) | Step::Idle(_) | Step::New | Step::Blocked | Step::Strace(_) => None,
        }
    }

    fn described(&self) -> String {
        match self {
            Step::Busy(count) => format!("{count} busy connections"),
            Step::Idle(count) => format!("{count} idle connections"),
            Step::New => "new connections".to_owned(),
            Step::Blocked => "one blocking request".to_owned(),
            Step::Strace(count) => format!("{count} busy connections under strace"),
        }
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.05..=600.0).contains(seconds));
    seconds.ok_or_else(|| "a measurement takes from 0.05 to 600 seconds".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=10_000_000.0).contains(rate));
    rate.ok_or_else(|| "a rate is from 1 to 10,000,000 requests per second".to_owned())
}

fn parse_target(text: &str) -> Result<String, String> {
    let is_target = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_target.then(|| text.to_owned()).ok_or_else(|| "a target begins with / and has no blanks".to_owned())
}

/// For listeners, standard streams, and what is opened in passing.
const SPARE_DESCRIPTORS: usize = 100;

const MOST_UNDER_STRACE: usize = 100;

/// How long a server may take for its first answer.
const PATIENCE: Duration = Duration::from_secs(5);
