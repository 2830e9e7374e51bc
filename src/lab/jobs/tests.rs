//! Jobs without a server: a schedule, watches, and a journal in memory.

mod news;
mod restarts;
mod schedule;
mod watches;

use std::time::Duration;

use super::schedule::{Happening, Limits, Schedule};
use super::*;
use crate::lab::journal::NoJournal;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn order(work: u64, steps: u8) -> Order {
    Order { work: ms(work), steps, fails: false }
}
