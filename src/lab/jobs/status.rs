//! How far a job has come, in one word.

use std::borrow::Cow;
use std::fmt;

/// What there is to say of a job at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for a worker.
    Queued,
    /// Whole percents of its work are done, 0 to 99.
    Running(u8),
    Ended(Outcome),
}

/// How a job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    Cancelled,
}

impl Status {
    /// The word that stands for it where it is compared: in an entity tag, as the id of an event. No other status has
    /// the same.
    pub fn word(self) -> Cow<'static, str> {
        match self {
            Status::Queued => "queued".into(),
            Status::Running(percent) => percent.to_string().into(),
            Status::Ended(Outcome::Done) => "100".into(),
            Status::Ended(Outcome::Failed) => "failed".into(),
            Status::Ended(Outcome::Cancelled) => "cancelled".into(),
        }
    }

    /// The status that a word stands for.
    pub fn from_word(word: &str) -> Option<Status> {
        Status::all().find(|status| status.word() == word)
    }

    /// What kind of status it is.
    pub fn name(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running(_) => "running",
            Status::Ended(outcome) => outcome.name(),
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, Status::Ended(_))
    }

    /// Whole percents of the work; none of what will never be whole.
    pub fn percent(self) -> Option<u8> {
        match self {
            Status::Queued => Some(0),
            Status::Running(percent) => Some(percent),
            Status::Ended(Outcome::Done) => Some(100),
            Status::Ended(Outcome::Failed | Outcome::Cancelled) => None,
        }
    }

    fn all() -> impl Iterator<Item = Status> {
        let ended = [Outcome::Done, Outcome::Failed, Outcome::Cancelled].map(Status::Ended);
        [Status::Queued].into_iter().chain(ended).chain((0..100).map(Status::Running))
    }

    /// Its place among all of them, below 128.
    fn place(self) -> usize {
        match self {
            Status::Running(percent) => percent.into(),
            Status::Ended(Outcome::Done) => 100,
            Status::Ended(Outcome::Failed) => 101,
            Status::Ended(Outcome::Cancelled) => 102,
            Status::Queued => 103,
        }
    }
}

impl fmt::Display for Status {
    /// `30%`, `queued`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if let Status::Running(_) | Status::Ended(Outcome::Done) = self { "%" } else { "" };
        write!(f, "{}{unit}", self.word())
    }
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Outcome> {
        [Outcome::Done, Outcome::Failed, Outcome::Cancelled]
            .into_iter()
            .find(|outcome| outcome.name() == name)
    }
}

/// The statuses that are no news to somebody, a bit each: a client may name any number of them, and thousands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known([u64; 2]);

impl Known {
    /// Those for which `is_known` holds.
    pub fn those(is_known: impl Fn(Status) -> bool) -> Known {
        let mut known = Known([0; 2]);
        Status::all().filter(|status| is_known(*status)).for_each(|status| known.add(status));
        known
    }

    /// This one alone.
    pub fn only(status: Status) -> Known {
        let mut known = Known([0; 2]);
        known.add(status);
        known
    }

    pub fn has(self, status: Status) -> bool {
        let place = status.place();
        self.0[place / 64] & 1 << (place % 64) != 0
    }

    fn add(&mut self, status: Status) {
        let place = status.place();
        self.0[place / 64] |= 1 << (place % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_word_and_a_place_of_its_own() {
        for status in Status::all() {
            assert_eq!(Status::from_word(&status.word()), Some(status));
            assert!(
                Status::all().all(|other| Known::only(status).has(other) == (other == status)),
                "{status}"
            );
        }
        for word in ["", "101", "030", "-1", "done", "Queued"] {
            assert_eq!(Status::from_word(word), None, "{word}");
        }
    }
}
