//! Another way to count system calls: `strace -c`, for a process that does not count its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::contrast::failure::Failure;

/// A process that is being watched. It goes on much slower meanwhile.
#[derive(Debug)]
pub struct Strace {
    child: Child,
    output: BufReader<ChildStderr>,
}

impl Strace {
    /// Watches a process and all its threads, from now on.
    ///
    /// # Errors
    /// If there is no strace, or it may not.
    pub fn attach(pid: u32) -> Result<Strace, Failure> {
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-p", &pid.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let cannot = |why: &dyn std::fmt::Display| Failure::cannot("count system calls by strace", why);
        let mut child = command.spawn().map_err(|error| cannot(&error))?;
        let Some(stderr) = child.stderr.take() else { return Err(cannot(&"it has no output")) };
        let mut strace = Strace { child, output: BufReader::new(stderr) };
        // `strace: Process 7 attached`, or what keeps it from that.
        let mut line = String::new();
        strace.output.read_line(&mut line)?;
        match line.contains("attached") {
            true => Ok(strace),
            false => Err(cannot(&line.trim())),
        }
    }

    /// Watches no longer; how many system calls there were.
    pub fn finish(mut self) -> Option<u64> {
        kill_process(Pid::from_raw(self.child.id() as i32)?, Signal::INT).ok()?;
        let mut summary = String::new();
        self.output.read_to_string(&mut summary).ok()?;
        self.child.wait().ok()?;
        total_of(&summary)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number of calls in the last line of a summary.
///
/// ```text
/// % time     seconds  usecs/call     calls    errors syscall
/// ------ ----------- ----------- --------- --------- ----------------
/// 100.00    0.000204           2        99         3 total
/// ```
fn total_of(summary: &str) -> Option<u64> {
    let line = summary.lines().rev().find(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_fourth_column_of_the_last_line() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
            100.00    0.000204           2        99         3 total\n";
        assert_eq!(total_of(summary), Some(99));
        assert_eq!(total_of("100.00    0.000204           2        99           total\n"), Some(99));
        assert_eq!(total_of("strace: Process 7 detached\n"), None);
    }
}
