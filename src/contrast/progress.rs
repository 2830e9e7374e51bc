//! How far a run is, for whoever waits for it.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar at the terminal; none where there is no terminal.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn new(steps: usize) -> Progress {
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress { bar }
    }

    /// What is being done.
    pub fn say(&self, what: String) {
        self.bar.set_message(what);
    }

    pub fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

const BAR: &str = "{bar:30} {pos}/{len}  {eta} left  {msg}";
