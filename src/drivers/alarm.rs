//! What ends the wait of a loop: a worker that has finished, or a wake from another thread.

use std::fmt::Debug;
use std::io;

/// Ends the wait of a loop, from any thread. Rung while the loop does not wait, it ends the next wait.
pub(super) trait Alarm: Send + Sync + Debug {
    fn ring(&self) -> io::Result<()>;
}

impl Alarm for mio::Waker {
    fn ring(&self) -> io::Result<()> {
        self.wake()
    }
}
