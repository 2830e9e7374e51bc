//! The servers as people run them: real processes, real sockets, and peers that do not behave.

#[path = "system/client.rs"]
mod client;
#[path = "system/process.rs"]
mod process;

#[path = "system/bulk.rs"]
mod bulk;
#[path = "system/crowd.rs"]
mod crowd;
#[path = "system/deadlines.rs"]
mod deadlines;
#[path = "system/departures.rs"]
mod departures;
#[path = "system/full.rs"]
mod full;
#[path = "system/hostile.rs"]
mod hostile;
#[path = "system/limits.rs"]
mod limits;
#[path = "system/logging.rs"]
mod logging;
#[path = "system/pipelining.rs"]
mod pipelining;
#[path = "system/starting.rs"]
mod starting;
#[path = "system/stopping.rs"]
mod stopping;
#[path = "system/tools.rs"]
mod tools;
#[path = "system/tracing.rs"]
mod tracing;
