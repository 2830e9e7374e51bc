//! `GET /prime/{n}`: a computation that takes long, on the thread that serves or on another one.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::account::Account;
use crate::http::Response;
use crate::lab::clock::Clock;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::params;
use crate::lab::prime::{Trial, Verdict};
use crate::lab::refusal::{Form, Refusal};
use crate::lab::workbench::{PLACES, Place};
use crate::session::{Assignment, Done, Errand, Failure, Report, Way, Work};

/// `GET /prime/{n}`
pub(super) fn prime(call: &Call<'_>) -> Result<Answer, Refusal> {
    let number = params::number("n", &call.captured[0], 0..=u32::MAX.into())? as u32;
    let (way, place) = match call.params()?.choice("mode", &["block", "offload"])? {
        "block" => (Way::InPlace, None),
        _ => (Way::Aside, Some(call.lab.workbench.take_place().ok_or_else(no_place)?)),
    };
    Ok(Answer::exchange(Computing {
        number,
        form: call.form(),
        is_checked: false,
        shared: Arc::default(),
        state: State::Receiving { way, place },
    }))
}

struct Computing {
    number: u32,
    form: Form,
    /// Whether a peer that has finished sending was told something, to see whether it is there.
    is_checked: bool,
    shared: Arc<Shared>,
    state: State,
}

enum State {
    Receiving { way: Way, place: Option<Place> },
    Due { errand: Errand, until: Instant },
    UnderWay { until: Instant },
    Computed(Report),
    Refused(Failure),
}

/// What an exchange and its work have in common.
#[derive(Default)]
struct Shared {
    outcome: OnceLock<Outcome>,
    /// Nobody waits for it any more.
    is_forgotten: AtomicBool,
}

#[derive(Clone, Copy)]
enum Outcome {
    Found(Verdict),
    TimeIsOver,
}

impl Exchange for Computing {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let State::Receiving { way, place } = &mut self.state else { return };
        let (way, place) = (*way, place.take());
        let clock = Arc::clone(&reply.lab.clock);
        let until = clock.now() + LONGEST;
        let (shared, trial) = (Arc::clone(&self.shared), Trial::new(self.number));
        let work = Work::new(move || {
            shared.compute(trial, &clock, until);
            drop(place); // whoever has gone has it until here
        });
        let assignment = Assignment { errand: Errand::Compute(work), way, delay: Duration::ZERO };
        self.state = State::Due { errand: Errand::Assigned(Box::new(assignment)), until };
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        match &self.state {
            State::Computed(report) => match self.shared.outcome.get() {
                Some(Outcome::Found(verdict)) => self.answer(*verdict, *report, reply),
                Some(Outcome::TimeIsOver) | None => reply.refuse(&too_long(), self.form),
            },
            State::Refused(failure) => {
                let refusal =
                    Refusal::new(503, format!("nobody can compute it: {failure}"), "again in a moment");
                reply.refuse(&refusal.with("Retry-After", "1"), self.form);
            }
            State::UnderWay { until } if *until <= reply.now => reply.refuse(&too_long(), self.form),
            // Who has finished sending may have gone, or may wait for the answer. Who has gone refuses whatever comes, by
            // a reset; who waits passes over an interim response (RFC 9110 §15.2).
            State::UnderWay { .. } if reply.peer_has_ended && !self.is_checked => {
                self.is_checked = true;
                reply.send_interim(&Response::new(102));
            }
            State::Receiving { .. } | State::Due { .. } | State::UnderWay { .. } => {}
        }
    }

    fn demand(&self) -> Demand {
        if let State::Due { .. } = self.state { Demand::Errand } else { Demand::Content }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let State::Due { until, .. } = self.state else { return None };
        match mem::replace(&mut self.state, State::UnderWay { until }) {
            State::Due { errand, .. } => Some(errand),
            _ => None,
        }
    }

    fn handle_errand(&mut self, done: Done) {
        self.state = match done {
            Done::Reported(_, report) => State::Computed(report),
            Done::Computed(result) => State::Refused(result.expect_err("what was assigned is reported")),
            done => unreachable!("no such errand was given: {done:?}"),
        };
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::UnderWay { until } => Some(until),
            _ => None,
        }
    }
}

impl Computing {
    fn answer(&self, verdict: Verdict, report: Report, reply: &mut Reply<'_>) {
        let (number, account) = (self.number, Account::new(reply.lab, report));
        let found = match verdict {
            Verdict::Prime => {
                format!("{number} is a prime number: no number from 2 to {} divides it", number - 1)
            }
            Verdict::DivisibleBy(divisor) => format!("{number} is not a prime number: {divisor} divides it"),
            Verdict::Neither => format!("{number} is not a prime number, by definition"),
        };
        let (server, doer, took) = (account.server(), account.doer(), account.took());
        let who = match account.is_in_place() {
            true => format!(
                "{server}, which serves this connection, computed for {took}. {}",
                account.who_waited()
            ),
            false => format!("{doer} computed for {took}; {server}, which serves this connection, went on."),
        };
        reply.send(Response::text(200, format!("{found}\n\n{who}\n")).with("Cache-Control", "no-store"));
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.shared.is_forgotten.store(true, Relaxed);
    }
}

impl Shared {
    fn compute(&self, mut trial: Trial, clock: &Clock, until: Instant) {
        while !self.is_forgotten.load(Relaxed) {
            let outcome = match trial.go_on(TRIES_BETWEEN_LOOKS) {
                Some(verdict) => Some(Outcome::Found(verdict)),
                None => (until <= clock.now()).then_some(Outcome::TimeIsOver),
            };
            if let Some(outcome) = outcome {
                let _ = self.outcome.set(outcome);
                return;
            }
        }
    }
}

fn no_place() -> Refusal {
    let why = format!("{PLACES} numbers are being tried, as many as may be at a time");
    Refusal::new(503, why, "again in a few seconds").with("Retry-After", "2")
}

fn too_long() -> Refusal {
    let why = format!("{} s are over, and no number has divided it yet", LONGEST.as_secs());
    Refusal::new(503, why, "a smaller number")
}

/// Nobody should think that the server has died.
const LONGEST: Duration = Duration::from_secs(10);

/// A few milliseconds: how long a computation goes on for somebody who has gone.
const TRIES_BETWEEN_LOOKS: u32 = 1 << 20;
