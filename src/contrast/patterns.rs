//! `contrast patterns`: the same news, asked for now and then, waited for, or told; and the bill for each.
//!
//! A server is started afresh for each bill, so that nobody pays for those before.

mod tables;

use std::fmt;
use std::time::Duration;

use clap::Args;

use super::cores::Cores;
use super::failure::Failure;
use super::figures::{Bill, Billed, Experiment, Patterns, Run, Watched};
use super::interrupt::Interrupt;
use super::machine;
use super::options::Options as Common;
use super::servers::Candidate;
use super::servers::process::cpu_time_of_threads;
use super::turns::take_turns;
use super::watch::gathering::Gathering;
use super::watch::way::Way;
use super::watch::{Rhythm, Source, Terms};

pub use self::tables::tables;

/// What is watched, by how many, and in which ways.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Numbers of watchers, e.g. --watchers 1,100
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "1,10,100,1000,5000",
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub watchers: Vec<u32>,

    /// Events on the topic, and steps of the job, e.g. --events 50
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub events: u32,

    /// Time from one event to the next, e.g. --every 50ms
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse_time)]
    pub every: Duration,

    /// Times between the questions of those who poll, e.g. --polls 50ms,2s
    #[arg(long, value_name = "TIMES", value_delimiter = ',', default_value = "100ms,1s", value_parser = parse_time)]
    pub polls: Vec<Duration>,

    /// What to watch, e.g. --watch topic
    #[arg(long, value_name = "FEEDS", value_delimiter = ',', default_value = "topic,job")]
    pub watch: Vec<Watched>,

    /// Bytes of an event, e.g. --size 1000
    #[arg(long, value_name = "BYTES", default_value_t = 32, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub size: u32,

    #[command(flatten)]
    pub common: Common,
}

/// What the help of this command ends with.
pub const HELP: &str = "\
Examples:
  contrast patterns                                       three servers, up to 5,000 watchers: some four minutes
  contrast patterns --only epoll-server                   one of them: a minute and a half
  contrast patterns --watchers 1,100 --watch topic        a first look
  contrast patterns --polls 20ms,100ms,500ms,2s           what half of the interval saves, and what it costs";

/// Measures, with a bar that shows how far it is. What cannot be measured is left out, with a remark.
///
/// # Errors
/// One line: what is missing, or that it was interrupted.
pub fn run(options: &Options, command: String, interrupt: &Interrupt) -> Result<Run, Failure> {
    let (date, machine) = (machine::date(), machine::this()); // before this thread is left one core
    let cores = Cores::choose();
    let mut remarks: Vec<String> = cores.remark().into_iter().collect();
    let candidates = options.common.candidates_of_the_lab()?;
    let cases = cases(options);
    let measuring = Measuring { options, cores: &cores, interrupt };
    let measured = take_turns(&candidates, &cases, &mut remarks, |candidate, case| {
        let bill = measuring.bill(candidate, case)?;
        let remark = remark(&candidate.name, &bill);
        Ok((bill, remark))
    })?;
    let servers = measured.into_iter().map(|(name, bills)| Billed { name, bills }).collect();
    let patterns = Patterns {
        events: options.events.into(),
        every_ms: options.every.as_secs_f64() * 1e3,
        data_bytes: options.size as usize,
        servers,
    };
    let experiment = Experiment::Patterns(patterns);
    Ok(Run { command, date, machine, placement: cores.placement, remarks, experiment })
}

/// What one bill is for.
#[derive(Clone, Copy, Debug)]
struct Case {
    watched: Watched,
    way: Way,
    watchers: usize,
}

fn cases(options: &Options) -> Vec<Case> {
    let polls = options.polls.iter().map(|interval| Way::ShortPoll(*interval));
    let ways: Vec<Way> = polls.chain([Way::LongPoll, Way::EventStream, Way::WebSocket]).collect();
    let mut cases = Vec::new();
    for watched in &options.watch {
        for way in &ways {
            let case = |count: &u32| Case { watched: *watched, way: *way, watchers: *count as usize };
            cases.extend(options.watchers.iter().map(case));
        }
    }
    cases
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feed = match self.watched {
            Watched::Topic => "topic",
            Watched::Job => "job",
        };
        write!(f, "{feed}, {} × {}", self.watchers, self.way)
    }
}

/// What all bills have in common.
struct Measuring<'m> {
    options: &'m Options,
    cores: &'m Cores,
    interrupt: &'m Interrupt,
}

impl Measuring<'_> {
    fn bill(&self, candidate: &Candidate, case: &Case) -> Result<Bill, Failure> {
        let live = candidate.start(self.cores)?;
        let options = self.options;
        let terms = Terms {
            way: case.way,
            watched: match case.watched {
                Watched::Topic => Source::Topic("news".to_owned()),
                Watched::Job => Source::Job,
            },
            watchers: case.watchers,
            events: options.events.into(),
            rhythm: Rhythm::Every(options.every),
            data_bytes: options.size as usize,
        };
        let mut gathering = Gathering::at(&live, terms, self.interrupt)?;
        let cpu = || live.pid.and_then(|pid| cpu_time_of_threads(pid).ok());
        let before = cpu();
        let took = gathering.watch(patience(options, case))?;
        let used = before.zip(cpu()).map(|(before, after)| after.saturating_sub(before));
        let segments = gathering.segments();
        let (ledger, traffic) = (&gathering.watch.ledger, gathering.watch.traffic);
        Ok(Bill {
            watched: case.watched,
            way: case.way.to_string(),
            is_push: case.way.is_push(),
            watchers: case.watchers,
            requests: traffic.requests,
            bytes_up: traffic.bytes_up,
            bytes_down: traffic.bytes_down,
            packets_up: segments.map(|segments| segments.sent),
            packets_down: segments.map(|segments| segments.received),
            told: ledger.counts.told,
            lost: ledger.counts.lost,
            doubled: ledger.counts.doubled,
            lateness: ledger.lateness(),
            seconds: took.as_secs_f64(),
            cpu_ms: used.map(|used| used.as_secs_f64() * 1e3),
        })
    }
}

/// How long there may be no news before it is lost.
fn patience(options: &Options, case: &Case) -> Duration {
    let between = match case.way {
        Way::ShortPoll(interval) => interval,
        Way::LongPoll | Way::EventStream | Way::WebSocket => Duration::ZERO,
    };
    PATIENCE + 2 * (options.every + between)
}

/// Figures of a feed from which something is missing are not to be trusted.
fn remark(server: &str, bill: &Bill) -> Option<String> {
    let Bill { way, watchers, lost, doubled, .. } = bill;
    (lost + doubled > 0).then(|| {
        format!("{server}, {watchers} × {way}: {lost} events were lost and {doubled} came twice: do not trust its figures")
    })
}

/// A time with its unit: `100ms`, `1.5s`.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let (amount, unit) = match text.strip_suffix("ms") {
        Some(amount) => (amount, 1e-3),
        None => (text.strip_suffix('s').unwrap_or_default(), 1.0),
    };
    let seconds = amount.parse::<f64>().ok().map(|amount| amount * unit);
    let time = seconds.filter(|seconds| (0.001..=60.0).contains(seconds)).map(Duration::from_secs_f64);
    time.ok_or_else(|| "a time from 1ms to 60s, such as 50ms or 1.5s".to_owned())
}

/// Beyond what anybody waits for on purpose.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_are_neither_nothing_nor_for_ever() {
        assert_eq!(parse_time("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_time("1.5s"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "50", "ms", "s", "0ms", "-1s", "61s", "1m", "NaNs"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
