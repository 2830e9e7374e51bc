//! From the samples of all rounds to figures.

use super::measure::{
    AtRest, BLOCKED_CONNECTIONS, BLOCKED_RATE, BLOCKING_TARGET, Blocked, IDLE_BESIDE, Sample, VISITORS,
};
use super::{Samples, Step};
use crate::contrast::client::meter::Reading;
use crate::contrast::figures::{
    self, Busy, Contender, Errors, Idle, Latency, Load, NewConnections, Process, Spread,
};
use crate::contrast::servers::{Candidate, Place};

/// What a server was measured at.
pub(super) fn of(candidate: &Candidate, samples: &Samples) -> Contender {
    let own = || samples.iter().filter(|((name, _), _)| *name == candidate.name);
    let of_step = |step: Step| samples.get(&(candidate.name.clone(), step)).map(Vec::as_slice);
    let mut contender = Contender {
        name: candidate.name.clone(),
        url: match &candidate.place {
            Place::Program(_) => None,
            Place::Url(url, _) => Some(url.to_string()),
        },
        busy: Vec::new(),
        idle: Vec::new(),
        new_connections: None,
        blocked: None,
    };
    let alone = of_step(Step::Idle(0)).and_then(resident_at_rest);
    for ((_, step), samples) in own() {
        match step {
            Step::Busy(connections) => {
                let watched = of_step(Step::Strace(*connections));
                contender.busy.push(busy(*connections, samples, watched));
            }
            Step::Idle(connections) => contender.idle.push(idle(*connections, samples, alone)),
            Step::New => {
                let (load, process) = (load(samples), process(samples));
                contender.new_connections = Some(NewConnections { connections: VISITORS, load, process });
            }
            Step::Blocked => contender.blocked = blocked(samples),
            Step::Strace(_) => {}
        }
    }
    contender
}

/// What the server has counted itself goes before what strace has.
fn busy(connections: usize, samples: &[Sample], watched: Option<&[Sample]>) -> Busy {
    let mut process = process(samples);
    if let Some(process) = &mut process {
        let by_strace = || watched?.first()?.process?.syscalls_per_request;
        process.syscalls_per_request = process.syscalls_per_request.or_else(by_strace);
    }
    Busy { connections, load: load(samples), process }
}

fn idle(connections: usize, samples: &[Sample], alone: Option<f64>) -> Idle {
    let resident = resident_at_rest(samples);
    let each = resident.zip(alone).filter(|_| connections >= FEWEST_TO_SHARE);
    Idle {
        connections,
        resident_bytes: resident.map(|bytes| bytes as u64),
        resident_bytes_each: each.map(|(resident, alone)| (resident - alone) / connections as f64),
        threads: median(at_rest(samples).map(|at_rest| at_rest.threads as f64)).map(|threads| threads as u64),
        busy_connections: IDLE_BESIDE,
        load: load(samples),
        process: process(samples),
    }
}

fn blocked(samples: &[Sample]) -> Option<figures::Blocked> {
    let blocked = || samples.iter().filter_map(|sample| sample.blocked.as_ref());
    let took = median(blocked().map(|Blocked { took, .. }| took.as_secs_f64() * 1e3))?;
    let without: Vec<Sample> = samples.iter().filter_map(without_blocking).collect();
    Some(figures::Blocked {
        target: BLOCKING_TARGET.to_owned(),
        blocking_ms: took,
        connections: BLOCKED_CONNECTIONS,
        rate: BLOCKED_RATE,
        without: load(&without),
        with: load(samples),
    })
}

fn without_blocking(sample: &Sample) -> Option<Sample> {
    let reading = sample.blocked.as_ref()?.without.clone();
    Some(Sample { reading, seconds: sample.seconds, ..Sample::default() })
}

fn at_rest(samples: &[Sample]) -> impl Iterator<Item = AtRest> {
    samples.iter().filter_map(|sample| sample.at_rest)
}

fn resident_at_rest(samples: &[Sample]) -> Option<f64> {
    median(at_rest(samples).map(|at_rest| at_rest.resident_bytes as f64))
}

fn load(samples: &[Sample]) -> Load {
    let readings = || samples.iter().map(|sample| &sample.reading);
    let latency = |of: fn(&Latency) -> f64| middle(readings().map(|reading| of(&reading.latency)));
    let sum = |of: fn(&Reading) -> u64| readings().map(of).sum();
    Load {
        requests_per_second: spread(
            samples.iter().map(|sample| sample.reading.answers as f64 / sample.seconds),
        ),
        latency: Latency {
            p50_us: latency(|latency| latency.p50_us),
            p99_us: latency(|latency| latency.p99_us),
            p999_us: latency(|latency| latency.p999_us),
            max_us: latency(|latency| latency.max_us),
        },
        requests: sum(|reading| reading.all_answers),
        errors: Errors {
            connect: sum(|reading| reading.errors.connect),
            broken: sum(|reading| reading.errors.broken),
            malformed: sum(|reading| reading.errors.malformed),
            status: sum(|reading| reading.errors.status),
            unanswered: sum(|reading| reading.errors.unanswered),
        },
        reconnects: sum(|reading| reading.reconnects),
    }
}

fn process(samples: &[Sample]) -> Option<Process> {
    let processes: Vec<Process> = samples.iter().filter_map(|sample| sample.process).collect();
    let of = |figure: fn(&Process) -> f64| middle(processes.iter().map(figure));
    let syscalls = || processes.iter().filter_map(|process| process.syscalls_per_request);
    let per_request = median(syscalls().map(|syscalls| syscalls.per_request));
    (!processes.is_empty()).then(|| Process {
        resident_bytes: of(|process| process.resident_bytes as f64) as u64,
        threads: of(|process| process.threads as f64) as u64,
        voluntary_switches_per_request: of(|process| process.voluntary_switches_per_request),
        involuntary_switches_per_request: of(|process| process.involuntary_switches_per_request),
        cpu_seconds_per_100k_requests: of(|process| process.cpu_seconds_per_100k_requests),
        syscalls_per_request: syscalls()
            .next()
            .zip(per_request)
            .map(|(first, per_request)| figures::Syscalls { per_request, ..first }),
    })
}

fn spread(values: impl Iterator<Item = f64> + Clone) -> Spread {
    Spread {
        median: middle(values.clone()),
        least: values.clone().reduce(f64::min).unwrap_or_default(),
        most: values.reduce(f64::max).unwrap_or_default(),
    }
}

/// The median of what is never empty here.
fn middle(values: impl Iterator<Item = f64>) -> f64 {
    median(values).unwrap_or_default()
}

/// The value in the middle; between two of them, their mean.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let (below, above) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[below], values[above]))
}

/// With fewer, a connection's share says more about pages and allocators than about connections.
const FEWEST_TO_SHARE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |values: &[f64]| median(values.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(3.0));
        assert_eq!(of(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(of(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn a_spread_has_both_ends() {
        let spread = spread([2.0, 8.0, 3.0].into_iter());
        assert_eq!(spread, Spread { median: 3.0, least: 2.0, most: 8.0 });
    }
}
