//! What the system and the server itself have counted: before and after a load, for the difference.

use std::time::Duration;

use crate::contrast::client::once;
use crate::contrast::figures::{CountedBy, Process, Syscalls};
use crate::contrast::servers::Live;
use crate::contrast::servers::process::Snapshot;

/// All that is counted, at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    snapshot: Snapshot,
    syscalls: Option<u64>,
}

impl Look {
    /// Looks at the process of a server; `None` if it cannot be seen.
    pub(super) fn at(live: &Live) -> Option<Look> {
        let syscalls = if live.was_started() { counted_by_server(live) } else { None };
        Some(Look { snapshot: Snapshot::take(live.pid?).ok()?, syscalls })
    }
}

/// What so many answers have cost.
pub(super) fn process_between(before: Option<Look>, after: Option<Look>, answers: u64) -> Option<Process> {
    let (before, after) = before.zip(after).filter(|_| answers > 0)?;
    let each = |count: fn(&Snapshot) -> u64| {
        count(&after.snapshot).saturating_sub(count(&before.snapshot)) as f64 / answers as f64
    };
    let cpu = after.snapshot.cpu.saturating_sub(before.snapshot.cpu).as_secs_f64();
    let syscalls = before.syscalls.zip(after.syscalls).map(|(before, after)| Syscalls {
        per_request: after.saturating_sub(before) as f64 / answers as f64,
        counted_by: CountedBy::Server,
    });
    Some(Process {
        resident_bytes: after.snapshot.resident_bytes,
        threads: after.snapshot.threads,
        voluntary_switches_per_request: each(|snapshot| snapshot.voluntary_switches),
        involuntary_switches_per_request: each(|snapshot| snapshot.involuntary_switches),
        cpu_seconds_per_100k_requests: cpu / answers as f64 * 1e5,
        syscalls_per_request: syscalls,
    })
}

/// The system calls for sockets that a server of the lab has counted, all kinds together, if it counts them.
fn counted_by_server(live: &Live) -> Option<u64> {
    let answer = once::ask(&live.url, "/stats", PATIENCE).ok()?;
    sum_of_calls(&String::from_utf8(answer.content).ok()?)
}

/// The sum of the lines `calls_…: 7`.
fn sum_of_calls(stats: &str) -> Option<u64> {
    let calls = stats.lines().filter_map(|line| line.strip_prefix("calls_")?.split_once(": "));
    calls.filter_map(|(_, count)| count.parse::<u64>().ok()).reduce(|sum, count| sum + count)
}

/// How long a server may take to tell.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_all_kinds_are_added() {
        assert_eq!(sum_of_calls("waits_by: epoll\nreads: 9\ncalls_read: 5\ncalls_write: 4\n"), Some(9));
        assert_eq!(sum_of_calls("reads: 9\n"), None);
    }
}
