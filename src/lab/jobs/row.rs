//! A job as it is written down: a line of JSON that a person can read.
//!
//! ```text
//! {"work_ms":3000,"steps":10,"fail":false,"key":"order 66"}
//! {"work_ms":3000,"steps":10,"fail":false,"key":"order 66","status":"cancelled","waited_ms":0,"reached":3}
//! ```
//!
//! Without a status it has not ended. How far it has come is not written down: who finds it begins it again.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::job::{Job, LONGEST_WORK, Order, Stage};
use super::status::Outcome;
use crate::lab::journal::{Row, Table};

pub fn encode(job: &Job) -> Row {
    let Order { work, steps, fails } = job.order;
    let mut line = json!({ "work_ms": work.as_millis() as u64, "steps": steps, "fail": fails });
    if let Some(key) = &job.key {
        line["key"] = (**key).into();
    }
    if let Stage::Ended { outcome, reached, waited } = job.stage {
        line["status"] = outcome.name().into();
        line["waited_ms"] = (waited.as_millis() as u64).into();
        line["reached"] = reached.into();
    }
    Row { table: Table::Jobs, name: "".into(), number: job.number, value: format!("{line}\n").into() }
}

/// # Errors
/// What is wrong with the row, in one line for the person who starts the server.
pub fn decode(row: &Row, now: Instant) -> Result<Job, String> {
    let damaged = |why: String| format!("the row of job {} cannot be read: {why}", row.number);
    let line: Value = serde_json::from_slice(&row.value).map_err(|error| damaged(error.to_string()))?;
    let number = |name: &str, range: RangeInclusive<u64>| {
        let found = line[name].as_u64().filter(|found| range.contains(found));
        found.ok_or_else(|| damaged(format!("{name} is {}, and has to be one of {range:?}", line[name])))
    };
    let order = Order {
        work: Duration::from_millis(number("work_ms", 0..=LONGEST_WORK.as_millis() as u64)?),
        steps: number("steps", 1..=100)? as u8,
        fails: line["fail"] == true,
    };
    let stage = match line["status"].as_str() {
        None => Stage::Planned { submitted: now, start: now },
        Some(name) => Stage::Ended {
            outcome: Outcome::from_name(name).ok_or_else(|| damaged(format!("no status is {name:?}")))?,
            reached: match &line["reached"] {
                Value::Null => None,
                _ => Some(number("reached", 0..=u64::from(order.steps) - 1)? as u8),
            },
            waited: Duration::from_millis(number("waited_ms", 0..=u64::MAX)?),
        },
    };
    Ok(Job { number: row.number, order, key: line["key"].as_str().map(Into::into), stage })
}
