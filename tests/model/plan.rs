//! How long a run is, and by which seed.

use std::env;
use std::str::FromStr;

/// A run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// How often the server begins anew.
    pub lives: usize,
}

/// The runs that were asked for, or a few short ones.
pub fn plans() -> impl Iterator<Item = Plan> {
    let lives = asked("LIVES").unwrap_or(12);
    let seeds = asked("SEED").map_or(1..=3, |seed| seed..=seed);
    seeds.map(move |seed| {
        println!("SEED={seed} LIVES={lives}");
        Plan { seed, lives }
    })
}

fn asked<T: FromStr>(name: &str) -> Option<T> {
    let given = env::var(name).ok()?;
    Some(given.parse().unwrap_or_else(|_| panic!("{name}={given} is no number")))
}
