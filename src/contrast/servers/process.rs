//! What the system knows about a process: `/proc`, as Linux has it (proc(5)).

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// A process at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Since it was started, in user and kernel mode.
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub threads: u64,
    /// Of the threads that there are.
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
}

impl Snapshot {
    /// Looks at a process, and at each of its threads.
    pub fn take(pid: u32) -> io::Result<Snapshot> {
        let process = Path::new("/proc").join(pid.to_string());
        let status = fs::read_to_string(process.join("status"))?;
        let mut snapshot = Snapshot {
            cpu: cpu_time(&fs::read_to_string(process.join("stat"))?).ok_or(ErrorKind::InvalidData)?,
            resident_bytes: number_of(&status, "VmRSS:").ok_or(ErrorKind::InvalidData)? * 1024,
            threads: number_of(&status, "Threads:").ok_or(ErrorKind::InvalidData)?,
            ..Snapshot::default()
        };
        for task in fs::read_dir(process.join("task"))? {
            // A thread may end while we look.
            let Ok(status) = fs::read_to_string(task?.path().join("status")) else { continue };
            snapshot.voluntary_switches += number_of(&status, "voluntary_ctxt_switches:").unwrap_or_default();
            snapshot.involuntary_switches +=
                number_of(&status, "nonvoluntary_ctxt_switches:").unwrap_or_default();
        }
        Ok(snapshot)
    }
}

/// Memory that is really used, once it stays the same: threads that have just been started are still touching theirs.
pub fn settled_resident_bytes(pid: u32) -> io::Result<u64> {
    let resident = || {
        let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
        number_of(&status, "VmRSS:").map(|kilobytes| kilobytes * 1024).ok_or(ErrorKind::InvalidData.into())
    };
    let mut before = resident()?;
    for _ in 0..MOST_LOOKS {
        std::thread::sleep(BETWEEN_LOOKS);
        let now: io::Result<u64> = resident();
        let now = now?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(before)
}

/// The most memory that a process has had at a time.
pub fn most_resident_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"))?;
    number_of(&status, "VmHWM:").map(|kilobytes| kilobytes * 1024).ok_or(ErrorKind::InvalidData.into())
}

/// Time that the threads there are have computed, to the nanosecond, where [`Snapshot::cpu`] counts in ticks of some
/// milliseconds. A thread that has ended is not counted any more.
pub fn cpu_time_of_threads(pid: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"))? {
        let Ok(schedstat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok());
        sum += Duration::from_nanos(nanos.ok_or(ErrorKind::InvalidData)?);
    }
    Ok(sum)
}

/// The number behind a name that a line begins with.
fn number_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of `stat`, user and kernel mode, in clock ticks; the name before them may hold blanks and brackets.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(25);
const MOST_LOOKS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_its_files() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 99 1 2";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(cpu_time(stat), Some(Duration::from_secs_f64(300.0 / ticks)));
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t3\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n";
        assert_eq!(number_of(status, "VmRSS:"), Some(2048));
        assert_eq!(number_of(status, "voluntary_ctxt_switches:"), Some(5));
        assert_eq!(number_of(status, "nonvoluntary_ctxt_switches:"), Some(6));
        assert_eq!(number_of(status, "VmSwap:"), None);
    }
}
