//! One measurement of one server.

use std::thread;
use std::time::{Duration, Instant};

use super::Step;
use super::look::{Look, process_between};
use crate::contrast::client::load::{Line, Load};
use crate::contrast::client::meter::Reading;
use crate::contrast::client::schedule::Schedule;
use crate::contrast::client::silence::Silence;
use crate::contrast::client::visits::Visits;
use crate::contrast::client::{Crowd, Pace, once};
use crate::contrast::cores::Cores;
use crate::contrast::failure::Failure;
use crate::contrast::figures::{CountedBy, Process, Syscalls};
use crate::contrast::interrupt::Interrupt;
use crate::contrast::servers::process::{Snapshot, settled_resident_bytes};
use crate::contrast::servers::strace::Strace;
use crate::contrast::servers::{Candidate, Live};

/// What all measurements have in common.
pub(super) struct Measuring<'r> {
    pub(super) interrupt: &'r Interrupt,
    pub(super) cores: &'r Cores,
    pub(super) target: &'r str,
    pub(super) pipelined: usize,
    pub(super) rate: Option<f64>,
    /// How long throughput is counted.
    pub(super) span: Duration,
}

/// What came of one measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) reading: Reading,
    pub(super) seconds: f64,
    pub(super) process: Option<Process>,
    /// Before anybody was busy.
    pub(super) at_rest: Option<AtRest>,
    pub(super) blocked: Option<Blocked>,
    /// What the server complained about.
    pub(super) complaints: String,
}

/// A server with silent connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtRest {
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
}

/// The same load before one request computed, and how long that took.
#[derive(Clone, Debug)]
pub(super) struct Blocked {
    pub(super) took: Duration,
    pub(super) without: Reading,
}

impl Measuring<'_> {
    /// Measures one thing at one server.
    pub(super) fn sample(&self, candidate: &Candidate, step: Step) -> Result<Sample, Failure> {
        let live = candidate.start(self.cores)?;
        let bench = Bench { measuring: self, target: self.target_of(candidate, &live), live: &live };
        let mut sample = match step {
            Step::Busy(connections) => bench.busy(connections, self.pipelined),
            Step::Idle(connections) => bench.idle(connections),
            Step::New => bench.new_connections(),
            Step::Blocked => bench.blocked(),
            Step::Strace(connections) => bench.under_strace(connections),
        }?;
        sample.complaints = live.stop();
        Ok(sample)
    }

    /// The servers of the lab are asked for the same; others for what was named with them.
    pub(super) fn target_of<'t>(&'t self, candidate: &Candidate, live: &'t Live) -> &'t str {
        if candidate.is_of_the_lab() { self.target } else { &live.url.target }
    }
}

impl Sample {
    /// What people have to know who look at the figures.
    pub(super) fn remark(&self, candidate: &Candidate, step: Step) -> Option<String> {
        let (name, described) = (&candidate.name, step.described());
        let errors = self.reading.errors.total();
        match (&self.reading.first_error, self.complaints.lines().next()) {
            (Some(first), _) => Some(format!("{name}, {described}: {errors} errors, the first: {first}")),
            // It complains about what is done to it, and rightly.
            (None, _) if step == Step::Blocked => None,
            (None, Some(complaint)) => Some(format!("{name}, {described}: it said: {complaint}")),
            (None, None) => None,
        }
    }
}

/// One server, ready to be measured.
struct Bench<'b> {
    measuring: &'b Measuring<'b>,
    live: &'b Live,
    target: &'b str,
}

impl Bench<'_> {
    fn busy(&self, connections: usize, pipelined: usize) -> Result<Sample, Failure> {
        let (mut crowd, mut load) = self.crowd(connections, pipelined)?;
        self.warm_up(&mut crowd, &mut load)?;
        self.measure(&mut crowd, &mut load, self.measuring.rate)
    }

    fn idle(&self, connections: usize) -> Result<Sample, Failure> {
        let mut silence = Silence::default();
        let mut silent = self.empty_crowd()?;
        silent.open(&mut silence, connections)?;
        if silence.not_opened > 0 {
            return Err(Failure::Because(format!("{} connections could not be opened", silence.not_opened)));
        }
        // Connections are accepted in the order in which they were opened, so all are when this is answered.
        once::ask(&self.live.url, self.target, PATIENCE)?;
        let at_rest = self.live.pid.map(|pid| {
            let resident_bytes = settled_resident_bytes(pid)?;
            Ok(AtRest { resident_bytes, threads: Snapshot::take(pid)?.threads })
        });
        let at_rest = at_rest.and_then(|looked: std::io::Result<AtRest>| looked.ok());
        let sample = self.busy(IDLE_BESIDE, 1)?;
        silent.run(&mut silence, Instant::now() + A_MOMENT)?;
        match silence.ended {
            0 => Ok(Sample { at_rest, ..sample }),
            ended => Err(Failure::Because(format!("the server has ended {ended} idle connections"))),
        }
    }

    fn new_connections(&self) -> Result<Sample, Failure> {
        let mut visits = Visits::new(&self.live.url.request(self.target, true));
        let mut crowd = self.empty_crowd()?;
        crowd.invite(VISITORS);
        crowd.run(&mut visits, Instant::now() + self.warming())?;
        let before = Look::at(self.live);
        visits.meter.start();
        let start = Instant::now();
        crowd.run(&mut visits, start + self.measuring.span)?;
        visits.meter.stop();
        let seconds = start.elapsed().as_secs_f64();
        let after = Look::at(self.live);
        visits.stop();
        crowd.run(&mut visits, Instant::now() + PATIENCE)?;
        let reading = visits.meter.take();
        let process = process_between(before, after, reading.answers);
        Ok(Sample { reading, seconds, process, ..Sample::default() })
    }

    fn blocked(&self) -> Result<Sample, Failure> {
        let answer = once::ask(&self.live.url, BLOCKING_PROBE, PATIENCE)?;
        if answer.status != 200 {
            return Err(Failure::Because(format!(
                "{BLOCKING_PROBE} is answered with status {}",
                answer.status
            )));
        }
        let (mut crowd, mut load) = self.crowd(BLOCKED_CONNECTIONS, 1)?;
        self.warm_up(&mut crowd, &mut load)?;
        let without = self.measure(&mut crowd, &mut load, Some(BLOCKED_RATE))?.reading;
        let (url, delay) = (self.live.url.clone(), self.measuring.span / 4);
        let asking = thread::spawn(move || {
            thread::sleep(delay);
            let start = Instant::now();
            once::ask(&url, BLOCKING_TARGET, LONG_PATIENCE).map(|_| start.elapsed())
        });
        let sample = self.measure(&mut crowd, &mut load, Some(BLOCKED_RATE))?;
        let took =
            asking.join().map_err(|_| Failure::Because("the blocking request was lost".to_owned()))??;
        Ok(Sample { blocked: Some(Blocked { took, without }), ..sample })
    }

    fn under_strace(&self, connections: usize) -> Result<Sample, Failure> {
        let pid =
            self.live.pid.ok_or_else(|| Failure::Because("its process is not known (--pid)".to_owned()))?;
        let (mut crowd, mut load) = self.crowd(connections, self.measuring.pipelined)?;
        self.warm_up(&mut crowd, &mut load)?;
        let strace = Strace::attach(pid)?;
        let span = self.measuring.span.min(UNDER_STRACE);
        let mut sample = self.measure_for(&mut crowd, &mut load, self.measuring.rate, span)?;
        let calls =
            strace.finish().ok_or_else(|| Failure::Because("strace has counted nothing".to_owned()))?;
        let per_request = calls as f64 / sample.reading.all_answers as f64;
        let syscalls = Some(Syscalls { per_request, counted_by: CountedBy::Strace });
        sample.process = sample.process.map(|process| Process { syscalls_per_request: syscalls, ..process });
        Ok(sample)
    }

    fn empty_crowd<L>(&self) -> Result<Crowd<L>, Failure> {
        let pace = if self.measuring.cores.are_apart() { Pace::Spin } else { Pace::Sleep };
        Crowd::new(self.live.url.address, pace, self.measuring.interrupt)
            .map_err(|error| Failure::cannot("open a crowd of connections", error))
    }

    /// So many open connections, and what they are going to ask.
    fn crowd(&self, connections: usize, pipelined: usize) -> Result<(Crowd<Line>, Load), Failure> {
        let mut load = Load::new(&self.live.url.request(self.target, false), pipelined);
        let mut crowd = self.empty_crowd()?;
        crowd.open(&mut load, connections)?;
        if crowd.len() < connections {
            let first = load.meter.take().first_error.unwrap_or_else(|| "they were ended".to_owned());
            let opened = crowd.len();
            return Err(Failure::Because(format!(
                "{opened} of {connections} connections could be opened: {first}"
            )));
        }
        Ok((crowd, load))
    }

    /// Every connection has had an answer, and nothing is under way.
    fn warm_up(&self, crowd: &mut Crowd<Line>, load: &mut Load) -> Result<(), Failure> {
        load.ask_when_answered();
        crowd.run(load, Instant::now() + self.warming())?;
        load.stop_asking(Instant::now());
        crowd.run(load, Instant::now() + LONG_PATIENCE)
    }

    fn warming(&self) -> Duration {
        (self.measuring.span / 4).min(LONGEST_WARMING)
    }

    fn measure(
        &self,
        crowd: &mut Crowd<Line>,
        load: &mut Load,
        rate: Option<f64>,
    ) -> Result<Sample, Failure> {
        self.measure_for(crowd, load, rate, self.measuring.span)
    }

    /// From nothing under way to nothing under way, so that what the system counts belongs to these requests and no
    /// others.
    fn measure_for(
        &self,
        crowd: &mut Crowd<Line>,
        load: &mut Load,
        rate: Option<f64>,
        span: Duration,
    ) -> Result<Sample, Failure> {
        let before = Look::at(self.live);
        load.meter.start();
        let start = Instant::now();
        match rate {
            Some(per_second) => load.ask_on_schedule(Schedule::new(start, per_second)),
            None => load.ask_when_answered(),
        }
        crowd.run(load, start + span)?;
        load.meter.stop();
        let end = Instant::now();
        load.stop_asking(end);
        crowd.run(load, end + LONG_PATIENCE)?;
        load.give_up();
        let after = Look::at(self.live);
        let reading = load.meter.take();
        let process = process_between(before, after, reading.all_answers);
        Ok(Sample { reading, seconds: (end - start).as_secs_f64(), process, ..Sample::default() })
    }
}

/// Busy connections beside silent ones.
pub(super) const IDLE_BESIDE: usize = 50;

/// Visitors at a time.
pub(super) const VISITORS: usize = 16;

pub(super) const BLOCKED_CONNECTIONS: usize = 50;

/// Requests per second, which a server that is not blocked answers easily.
pub(super) const BLOCKED_RATE: f64 = 1000.0;

/// A large prime, and a small one that shows whether there is such a route.
pub(super) const BLOCKING_TARGET: &str = "/prime/100000007?mode=block";
const BLOCKING_PROBE: &str = "/prime/7?mode=block";

const LONGEST_WARMING: Duration = Duration::from_millis(500);

/// A server that is watched answers some thousand requests in this time.
const UNDER_STRACE: Duration = Duration::from_millis(300);

const A_MOMENT: Duration = Duration::from_millis(1);

const PATIENCE: Duration = Duration::from_secs(5);

/// For answers that are held up by a computation, or by ten thousand others.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
