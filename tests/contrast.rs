//! The measuring client: what it makes of answers, what it counts, and whom it leaves behind. Nothing here says how fast
//! anything is.

#[path = "contrast/answers.rs"]
mod answers;
#[path = "contrast/crowd.rs"]
mod crowd;
#[path = "contrast/program.rs"]
mod program;
#[path = "support/uring.rs"]
mod uring;
