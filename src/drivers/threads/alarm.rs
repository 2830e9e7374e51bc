//! When a blocking read ends though nothing came.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// SO_RCVTIMEO, which is a system call to change and so is changed rarely.
///
/// Waking early is harmless. So it is set somewhat short, and then left while deadlines move later.
#[derive(Default)]
pub(super) struct Alarm {
    after: Option<Duration>,
    /// It has ended a read.
    pub(super) has_rung: bool,
}

impl Alarm {
    /// Sees to it that a read that begins now ends by `deadline`, or earlier.
    pub(super) fn set(
        &mut self,
        stream: &TcpStream,
        now: Instant,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let left = deadline.map(|at| at.saturating_duration_since(now).max(TICK));
        let after = match left {
            // It rang too early, so nothing is hurried here: sleep exactly as long as is left.
            _ if self.has_rung => left,
            // After each request the same kind of deadline is as far away as before, less some microseconds.
            Some(left) if self.after.is_none_or(|after| after > left) => Some(left * 7 / 8),
            _ => return Ok(()),
        };
        self.has_rung = false;
        self.after = after;
        stream.set_read_timeout(after.map(|after| after.max(TICK)))
    }
}

/// The shortest wait.
const TICK: Duration = Duration::from_millis(1);
