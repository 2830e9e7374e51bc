//! A lab with the settings behind `--golden`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wirelab::lab::Lab;
use wirelab::lab::clock::TimeSource;
use wirelab::lab::settings::Settings;

/// A lab that has opened no connection yet.
pub fn lab() -> Arc<Lab> {
    let time = TimeSource { instant: Instant::now, since_epoch: || Duration::ZERO };
    Arc::new(Lab::new(Settings { golden: true, ..Settings::default() }, time, None))
}
