//! Who has done it, and who has waited: what a driver reports, in words.

use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::session::{Doer, Report};

/// A report, as an answer tells it. Under `--golden` there are two threads, whoever they are, and no time passes.
pub(super) struct Account<'l> {
    lab: &'l Lab,
    report: Report,
}

impl Account<'_> {
    pub(super) fn new(lab: &Lab, report: Report) -> Account<'_> {
        Account { lab, report }
    }

    /// Whether the thread that serves the connection has done it itself.
    pub(super) fn is_in_place(&self) -> bool {
        self.report.done_by == Doer::Thread(self.report.asked_by)
    }

    /// Whether another thread had to do what a kernel could.
    pub(super) fn is_in_place_of_kernel(&self) -> bool {
        self.report.done_by != Doer::Kernel && !self.lab.settings.golden
    }

    /// The thread that serves the connection.
    pub(super) fn server(&self) -> String {
        let number = if self.lab.settings.golden { 1 } else { self.report.asked_by };
        format!("thread {number}")
    }

    /// Who has done it.
    pub(super) fn doer(&self) -> String {
        match self.report.done_by {
            _ if self.is_in_place() => self.server(),
            _ if self.lab.settings.golden => "thread 2".to_owned(),
            Doer::Thread(number) => format!("thread {number}"),
            Doer::Kernel => "the kernel".to_owned(),
        }
    }

    pub(super) fn took(&self) -> String {
        self.shown(self.report.ended.saturating_duration_since(self.report.began))
    }

    /// The time from one moment to another.
    pub(super) fn between(&self, start: Instant, end: Instant) -> String {
        self.shown(end.saturating_duration_since(start))
    }

    /// Who else has waited while the thread of this connection did it in place.
    pub(super) fn who_waited(&self) -> &'static str {
        match self.lab.settings.shown_waits_by() {
            "threads" => "It serves nobody else, so nobody else has waited.",
            "golden" => "Whoever else it serves has waited as well.",
            _ => {
                "It serves everybody, so everybody else has waited as well. That is the mistake to see here."
            }
        }
    }

    fn shown(&self, time: Duration) -> String {
        let time = if self.lab.settings.golden { Duration::ZERO } else { time };
        format!("{:.3} ms", time.as_secs_f64() * 1000.0)
    }
}
