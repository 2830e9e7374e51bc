//! The store on a real disk: what it keeps, what a crash leaves, and what it says when it cannot be had.

#[path = "store/harness.rs"]
mod harness;

#[path = "store/crashing.rs"]
mod crashing;
#[path = "store/full.rs"]
mod full;
#[path = "store/keeping.rs"]
mod keeping;
#[path = "store/opening.rs"]
mod opening;
