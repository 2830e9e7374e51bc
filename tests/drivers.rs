//! Every duty of a driver, asked of every driver, over loopback and with sessions that speak no protocol.

#[path = "drivers/harness.rs"]
mod harness;
#[path = "drivers/sessions.rs"]
mod sessions;
#[path = "drivers/topic.rs"]
mod topic;

#[path = "support/uring.rs"]
mod uring;

#[path = "drivers/buffers.rs"]
mod buffers;
#[path = "drivers/bytes.rs"]
mod bytes;
#[path = "drivers/crowd.rs"]
mod crowd;
#[path = "drivers/disk.rs"]
mod disk;
#[path = "drivers/duplex.rs"]
mod duplex;
#[path = "drivers/ends.rs"]
mod ends;
#[path = "drivers/errands.rs"]
mod errands;
#[path = "drivers/stopping.rs"]
mod stopping;
#[path = "drivers/table.rs"]
mod table;
#[path = "drivers/time.rs"]
mod time;
#[path = "drivers/wakes.rs"]
mod wakes;
#[path = "drivers/ways.rs"]
mod ways;
