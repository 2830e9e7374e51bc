//! One job. Its work is nothing but time, so once it has a place in the plan, its whole future is known:
//!
//! ```text
//! queued ──start──▶ 0% ──▶ 10% ──▶ … ──▶ 90% ──start + work──▶ 100% or failed
//!    └─────────────────cancelled, at any time─────────────────▶ cancelled
//! ```

use std::iter;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::status::{Known, Outcome, Status};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// In whole milliseconds, as it is written down, and no more than [`LONGEST_WORK`].
    pub work: Duration,
    /// Into how many equal steps the work is divided, 1 to 100: so that each changes the percents.
    pub steps: u8,
    /// Whether the last step fails.
    pub fails: bool,
}

#[derive(Clone, Debug)]
pub struct Job {
    /// Counted from 1.
    pub number: u64,
    pub order: Order,
    /// By which the client knows a request that it repeats.
    pub key: Option<Arc<str>>,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A worker takes it, or took it, at `start`.
    Planned { submitted: Instant, start: Instant },
    /// `reached` is the step that it was at, if a worker ever took it; `waited` the time before that.
    Ended { outcome: Outcome, reached: Option<u8>, waited: Duration },
}

impl Order {
    /// From the start of the work to the end of a step. Rounded up, so that at this very moment the step is done.
    fn moment(&self, step: u8) -> Duration {
        let nanos = (self.work.as_nanos() * u128::from(step)).div_ceil(u128::from(self.steps));
        Duration::from_nanos(nanos as u64)
    }

    /// The step that is under way after a time: the last one until somebody has noticed the end.
    fn step_at(&self, time: Duration) -> u8 {
        let done = (time.as_nanos() * u128::from(self.steps)).checked_div(self.work.as_nanos());
        done.unwrap_or(u128::MAX).min(u128::from(self.steps) - 1) as u8
    }

    /// What a step that is not the last leads to.
    fn running(&self, step: u8) -> Status {
        Status::Running((u16::from(step) * 100 / u16::from(self.steps)) as u8)
    }

    fn outcome(&self) -> Outcome {
        if self.fails { Outcome::Failed } else { Outcome::Done }
    }
}

impl Job {
    pub fn status(&self, now: Instant) -> Status {
        match self.stage {
            Stage::Planned { .. } => match self.reached(now) {
                Some(step) => self.order.running(step),
                None => Status::Queued,
            },
            Stage::Ended { outcome, .. } => Status::Ended(outcome),
        }
    }

    /// Whole percents of the work that are done, or were done when it ended.
    pub fn percent(&self, now: Instant) -> u8 {
        let at_last = || self.reached(now).and_then(|step| self.order.running(step).percent()).unwrap_or(0);
        self.status(now).percent().unwrap_or_else(at_last)
    }

    /// How long it has been waiting for a worker, or did.
    pub fn waited(&self, now: Instant) -> Duration {
        match self.stage {
            Stage::Planned { submitted, start } => start.min(now).saturating_duration_since(submitted),
            Stage::Ended { waited, .. } => waited,
        }
    }

    /// When it will have a status that is not known, as far as anybody can foresee. Cancelling brings it forward, and
    /// nothing puts it off.
    pub fn next_news(&self, known: Known, now: Instant) -> Option<Instant> {
        let news = |(at, status): &(Instant, Status)| *at > now && !known.has(*status);
        self.future().find(news).map(|(at, _)| at)
    }

    /// What comes behind the status that was seen last: so whoever was away misses no step. The status of now, if
    /// nothing was seen, or something else than this job's past, which may have begun again; nothing, if it is the
    /// latest.
    pub fn following(&self, seen: Option<Status>, now: Instant) -> Option<Status> {
        let mut past = self.past(now);
        match past.find(|status| seen == Some(*status)) {
            Some(_) => past.next(),
            None => Some(self.status(now)),
        }
    }

    /// From its start to its end, if it has not ended.
    pub(super) fn span(&self) -> Option<(Instant, Instant)> {
        match self.stage {
            Stage::Planned { start, .. } => Some((start, start + self.order.work)),
            Stage::Ended { .. } => None,
        }
    }

    /// Moves the start of a job that has not ended; answers whether it was at another time before.
    pub(super) fn start_at(&mut self, at: Instant) -> bool {
        match &mut self.stage {
            Stage::Planned { start, .. } => mem::replace(start, at) != at,
            Stage::Ended { .. } => false,
        }
    }

    /// Its work is done.
    pub(super) fn end(&mut self, now: Instant) {
        let waited = self.waited(now);
        self.stage =
            Stage::Ended { outcome: self.order.outcome(), reached: Some(self.order.steps - 1), waited };
    }

    /// The same job, cancelled now.
    pub(super) fn cancelled(&self, now: Instant) -> Job {
        let (reached, waited) = (self.reached(now), self.waited(now));
        Job { stage: Stage::Ended { outcome: Outcome::Cancelled, reached, waited }, ..self.clone() }
    }

    /// Every change of a job that has not ended, those that are past included, with its moment.
    fn future(&self) -> impl Iterator<Item = (Instant, Status)> {
        let order = self.order;
        self.span().into_iter().flat_map(move |(start, end)| {
            let steps = (0..order.steps).map(move |step| (start + order.moment(step), order.running(step)));
            steps.chain([(end, Status::Ended(order.outcome()))])
        })
    }

    /// Every status so far, the one of now included.
    fn past(&self, now: Instant) -> impl Iterator<Item = Status> {
        let order = self.order;
        let steps = self
            .reached(now)
            .into_iter()
            .flat_map(move |step| (0..=step).map(move |step| order.running(step)));
        let end = Some(self.status(now)).filter(|status| status.has_ended());
        iter::once(Status::Queued).chain(steps).chain(end)
    }

    /// The step that it is at, or was at when it ended, if a worker has taken it.
    fn reached(&self, now: Instant) -> Option<u8> {
        match self.stage {
            Stage::Planned { start, .. } if now < start => None,
            Stage::Planned { start, .. } => Some(self.order.step_at(now - start)),
            Stage::Ended { reached, .. } => reached,
        }
    }
}

/// A job that nobody waits for holds a worker no longer than this.
pub const LONGEST_WORK: Duration = Duration::from_secs(60 * 60);
