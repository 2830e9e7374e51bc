//! Servers take turns, so that a machine that is busy for a while is busy for all of them.

use std::fmt::Display;

use super::failure::Failure;
use super::progress::Progress;
use super::servers::Candidate;

/// Measures every case at every candidate, with a bar that shows how far it is; answers what was found out of each, by
/// its name. What cannot be measured is left out, with a remark, as is what else should be said of a measurement.
///
/// # Errors
/// That it was interrupted.
pub fn take_turns<C: Display, M>(
    candidates: &[Candidate],
    cases: &[C],
    remarks: &mut Vec<String>,
    measure: impl Fn(&Candidate, &C) -> Result<(M, Option<String>), Failure>,
) -> Result<Vec<(String, Vec<M>)>, Failure> {
    let progress = Progress::new(cases.len() * candidates.len());
    let mut found: Vec<_> = candidates.iter().map(|one| (one.name.clone(), Vec::new())).collect();
    for case in cases {
        for (candidate, (name, measurements)) in candidates.iter().zip(&mut found) {
            progress.say(format!("{name}, {case}"));
            match measure(candidate, case) {
                Ok((measurement, remark)) => {
                    remarks.extend(remark);
                    measurements.push(measurement);
                }
                Err(Failure::Because(why)) => remarks.push(format!("{name}, {case}: {why}")),
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            }
            progress.step();
        }
    }
    Ok(found)
}
