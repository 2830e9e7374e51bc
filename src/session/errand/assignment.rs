//! Who sees to an errand: asked for beforehand, told afterwards.

use std::fmt;
use std::time::{Duration, Instant};

use super::Errand;

/// An errand, and how it is to be seen to.
#[derive(Debug)]
pub struct Assignment {
    pub errand: Errand,
    pub way: Way,
    /// How much longer it takes than it has to: a slow disk on purpose.
    pub delay: Duration,
}

/// Who sees to an errand, and who waits meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// However the driver sees to errands.
    Usual,
    /// The thread that serves the connection, at once: whoever else it serves waits as well.
    InPlace,
    /// Anybody but that thread, which goes on with this connection too: the kernel, if the driver can leave it to the
    /// kernel, or else another thread.
    Aside,
    /// Another thread, which may wait.
    Thread,
}

/// Who has seen to an errand, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The thread that serves the connection.
    pub asked_by: u64,
    pub done_by: Doer,
    /// When somebody began, or the kernel was told.
    pub began: Instant,
    /// When it was done, or the kernel had reported.
    pub ended: Instant,
}

/// One who can see to an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// The thread that the system knows by this number.
    Thread(u64),
    Kernel,
}

/// What is to be computed. What comes of it, it leaves where its session looks.
pub struct Work(Box<dyn FnOnce() + Send>);

impl Work {
    pub fn new(work: impl FnOnce() + Send + 'static) -> Work {
        Work(Box::new(work))
    }

    /// Takes as long as it takes.
    pub fn compute(self) {
        (self.0)();
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work(..)")
    }
}
