//! `GET /demo/read`: says 1, reads a file, says 2; and the answer tells what came when.
//!
//! There is one piece of code for all modes. It says 2 as soon as it is asked to go on, and what differs is when that is:
//! who reads in place is not asked before the file is there.

use std::fmt::Write;
use std::mem;
use std::time::{Duration, Instant};

use super::account::Account;
use super::sample::Sample;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::disk_refused;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::workbench::CONTENT;
use crate::session::{Assignment, Done, Errand, Failure, File, Report, Way};

/// `GET /demo/read`
pub(super) fn read(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let mode = match params.choice("mode", &["sync", "async", "thread", "completion"])? {
        "sync" => Mode::Sync,
        "async" => Mode::Async,
        "thread" => Mode::Thread,
        _ => Mode::Completion,
    };
    Ok(Answer::exchange(Reading {
        mode,
        delay: params.duration("delay", LONGEST, Duration::ZERO)?,
        form: call.form(),
        sample: Sample::NotAsked,
        file: FileIs::Awaited,
        steps: Vec::new(),
        failure: None,
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sync,
    Async,
    Thread,
    Completion,
}

struct Reading {
    mode: Mode,
    delay: Duration,
    form: Form,
    sample: Sample,
    file: FileIs,
    /// What has happened, in its order.
    steps: Vec<Step>,
    failure: Option<Failure>,
}

enum FileIs {
    Awaited,
    /// 1 was said, and the file is to be read.
    Due(File),
    BeingRead,
    Read(File),
}

enum Step {
    Said { what: char, at: Instant },
    File { content: String, report: Report },
}

impl Exchange for Reading {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.sample = Sample::ask(&reply.lab.workbench);
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Some(failure) = self.failure.take() {
            return reply.refuse(&disk_refused(&failure), self.form);
        }
        if let Some(file) = self.sample.take() {
            self.say('1', reply);
            self.file = FileIs::Due(file);
        } else if let FileIs::BeingRead | FileIs::Read(_) = self.file
            && !self.steps.iter().any(|step| matches!(step, Step::Said { what: '2', .. }))
        {
            self.say('2', reply);
        }
        if let FileIs::Read(_) = self.file {
            self.answer(reply);
        }
    }

    fn demand(&self) -> Demand {
        match self.file {
            FileIs::Awaited if self.sample.demands_errand() => Demand::Errand,
            FileIs::Awaited if self.sample.is_under_way() => Demand::Pause,
            FileIs::Due(_) => Demand::Errand,
            FileIs::BeingRead => Demand::Pause,
            FileIs::Awaited | FileIs::Read(_) => Demand::Content,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        match mem::replace(&mut self.file, FileIs::BeingRead) {
            FileIs::Due(file) => {
                let errand = Errand::Read { file, offset: 0, bytes: vec![0; CONTENT.len()], digests: None };
                let assignment = Assignment { errand, way: self.mode.way(), delay: self.delay };
                Some(Errand::Assigned(Box::new(assignment)))
            }
            other => {
                self.file = other;
                self.sample.poll_errand()
            }
        }
    }

    fn handle_errand(&mut self, done: Done) {
        let handled = match done {
            Done::Reported(done, report) => self.note(*done, report),
            // Nobody was found for it.
            Done::Read { result, .. } => result,
            done => self.sample.handle(done),
        };
        self.failure = handled.err();
    }
}

impl Reading {
    fn say(&mut self, what: char, reply: &Reply<'_>) {
        self.steps.push(Step::Said { what, at: reply.lab.clock.now() });
    }

    fn note(&mut self, done: Done, report: Report) -> Result<(), Failure> {
        let Done::Read { file, bytes, result, .. } = done else {
            unreachable!("it was to be read: {done:?}")
        };
        result?;
        self.steps.push(Step::File { content: String::from_utf8_lossy(&bytes).into_owned(), report });
        self.file = FileIs::Read(file);
        Ok(())
    }

    fn answer(&mut self, reply: &mut Reply<'_>) {
        let report = self.steps.iter().find_map(|step| match step {
            Step::File { report, .. } => Some(*report),
            Step::Said { .. } => None,
        });
        let Some(Step::Said { at: start, .. }) = self.steps.first() else { return };
        let Some(account) = report.map(|report| Account::new(reply.lab, report)) else { return };
        let mut text: String = self.steps.iter().map(|step| step.line(*start, &account)).collect();
        let _ = writeln!(text, "\n{}", self.mode.lesson(&account));
        if let FileIs::Read(file) = mem::replace(&mut self.file, FileIs::Awaited) {
            reply.lab.workbench.leave_file(file);
        }
        reply.send(Response::text(200, text).with("Cache-Control", "no-store"));
    }
}

impl Step {
    fn line(&self, start: Instant, account: &Account<'_>) -> String {
        match self {
            Step::Said { what, at } => {
                format!("{what}     at {}, by {}\n", account.between(start, *at), account.server())
            }
            Step::File { content, report } => {
                let (began, ended) =
                    (account.between(start, report.began), account.between(start, report.ended));
                format!("file  at {ended}, by {}, since {began}: {content}\n", account.doer())
            }
        }
    }
}

impl Mode {
    fn way(self) -> Way {
        match self {
            Mode::Sync => Way::InPlace,
            Mode::Async | Mode::Completion => Way::Aside,
            Mode::Thread => Way::Thread,
        }
    }

    /// What is to be seen in the lines above.
    fn lesson(self, account: &Account<'_>) -> String {
        let (server, doer) = (account.server(), account.doer());
        if account.is_in_place() {
            let who_waited = account.who_waited();
            return format!(
                "{server} has read the file itself, and did nothing else until it was there. {who_waited}"
            );
        }
        let lesson = format!(
            "{doer} has read the file; {server}, which serves this connection, went on, and was told when it was there."
        );
        match self {
            Mode::Completion if account.is_in_place_of_kernel() => {
                format!("{lesson} This server has no ring: a thread does what the kernel would do.")
            }
            _ => lesson,
        }
    }
}

/// A loop that is blocked on purpose should not be taken for one that has died.
const LONGEST: Duration = Duration::from_secs(5);
