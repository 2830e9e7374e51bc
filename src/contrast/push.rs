//! `contrast push`: one publishes as fast as all who read can hear it, and some are slow.
//!
//! A server is started afresh for each crowd, so that its memory is not that of the crowds before.

mod slow;
mod tables;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::slow::SlowOnes;
use super::cores::Cores;
use super::failure::Failure;
use super::figures::{Experiment, FanOut, Fates, Push, Pushed, Run};
use super::interrupt::Interrupt;
use super::machine;
use super::options::Options as Common;
use super::servers::Candidate;
use super::servers::process::{cpu_time_of_threads, most_resident_bytes, settled_resident_bytes};
use super::turns::take_turns;
use super::watch::gathering::Gathering;
use super::watch::way::{Feed, Way};
use super::watch::{Rhythm, Source, Terms};

pub use self::tables::tables;

/// To how many, and how many of them are slow.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Numbers of subscribers, e.g. --subscribers 10,100
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', default_value = "100,1000,5000",
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub subscribers: Vec<u32>,

    /// How many of them read little or nothing; each crowd is measured without and with them, e.g. --slow 50%
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = parse_share)]
    pub slow: f64,

    /// Events that are published, e.g. --events 1000
    #[arg(long, value_name = "COUNT", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub events: u32,

    /// Bytes of an event, e.g. --size 100
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub size: u32,

    /// Events that are under way at a time, e.g. --window 1
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub window: u32,

    #[command(flatten)]
    pub common: Common,
}

/// What the help of this command ends with.
pub const HELP: &str = "\
Examples:
  contrast push                                      three servers, up to 5,000 subscribers: some four minutes
  contrast push --subscribers 10,100                 a first look
  contrast push --only epoll-server --slow 50%       half of them do not read";

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
    let measured = take_turns(&candidates, &cases, &mut remarks, |candidate, case| {
        let fan_out = measure(options, candidate, case, &cores, interrupt)?;
        let remark = remark(&candidate.name, &fan_out);
        Ok((fan_out, remark))
    })?;
    let servers = measured.into_iter().map(|(name, fan_outs)| Pushed { name, fan_outs }).collect();
    let push = Push {
        events: options.events.into(),
        data_bytes: options.size as usize,
        window: options.window.into(),
        servers,
    };
    Ok(Run {
        command,
        date,
        machine,
        placement: cores.placement,
        remarks,
        experiment: Experiment::Push(push),
    })
}

/// One crowd.
#[derive(Clone, Copy, Debug)]
struct Case {
    way: Way,
    subscribers: usize,
    slow: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}, {} of them slow", self.subscribers, self.way, self.slow)
    }
}

/// Each crowd without and with slow ones. At least one has to read, and one to be slow, if anybody is to.
fn cases(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for way in [Way::EventStream, Way::WebSocket] {
        for subscribers in options.subscribers.iter().map(|count| *count as usize) {
            cases.push(Case { way, subscribers, slow: 0 });
            let slow = (subscribers as f64 * options.slow).ceil() as usize;
            if slow > 0 && subscribers > 1 {
                cases.push(Case { way, subscribers, slow: slow.min(subscribers - 1) });
            }
        }
    }
    cases
}

fn measure(
    options: &Options,
    candidate: &Candidate,
    case: &Case,
    cores: &Cores,
    interrupt: &Interrupt,
) -> Result<FanOut, Failure> {
    let live = candidate.start(cores)?;
    let events = u64::from(options.events);
    let terms = Terms {
        way: case.way,
        watched: Source::Topic(TOPIC.to_owned()),
        watchers: case.subscribers - case.slow,
        events,
        rhythm: Rhythm::Window(options.window.into()),
        data_bytes: options.size as usize,
    };
    let topic = Feed::Topic(TOPIC.to_owned());
    let slow = Arc::new(SlowOnes::subscribe(live.url.address, case.way, &topic, case.slow)?);
    let mut gathering = Gathering::at(&live, terms, interrupt)?;
    let cpu = || live.pid.and_then(|pid| cpu_time_of_threads(pid).ok());
    let resident_bytes_before = live.pid.and_then(|pid| settled_resident_bytes(pid).ok());
    let cpu_before = cpu();
    let trickle = slow.trickle();
    let took = gathering.watch(PATIENCE);
    let took = trickle.end().and(took)?;
    let used = cpu_before.zip(cpu()).map(|(before, after)| after.saturating_sub(before));
    let resident_bytes_most = live.pid.and_then(|pid| most_resident_bytes(pid).ok());
    let ledger = &gathering.watch.ledger;
    let fan_out = FanOut {
        way: case.way.to_string(),
        subscribers: case.subscribers,
        slow: case.slow,
        deliveries_per_second: ledger.counts.told as f64 / took.as_secs_f64(),
        lateness_of_last: ledger.lateness_of_last(),
        lost: ledger.counts.lost,
        doubled: ledger.counts.doubled,
        seconds: took.as_secs_f64(),
        cpu_ms: used.map(|used| used.as_secs_f64() * 1e3),
        resident_bytes_before,
        resident_bytes_most,
        fates: Fates::default(),
    };
    let fates = slow.read_on(events, interrupt)?;
    Ok(FanOut { fates, ..fan_out })
}

fn remark(server: &str, fan_out: &FanOut) -> Option<String> {
    let FanOut { way, subscribers, lost, doubled, .. } = fan_out;
    (lost + doubled > 0).then(|| {
        format!("{server}, {subscribers} × {way}: {lost} events were lost and {doubled} came twice at those who read")
    })
}

/// `10%`
fn parse_share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|percent| percent.parse::<f64>().ok());
    let share = percent.filter(|percent| (0.0..=99.0).contains(percent)).map(|percent| percent / 100.0);
    share.ok_or_else(|| "a share from 0% to 99%".to_owned())
}

const TOPIC: &str = "news";

/// How long nobody may hear anything before it is lost.
const PATIENCE: Duration = Duration::from_secs(10);
