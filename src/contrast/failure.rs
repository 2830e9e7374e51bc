//! Why a run ends without figures.

use std::fmt;
use std::io;

/// What keeps a run from going on.
#[derive(Debug)]
pub enum Failure {
    /// By whoever started it: Ctrl-C.
    Interrupted,
    /// One line for them.
    Because(String),
}

impl Failure {
    /// `cannot do this: the reason`
    pub fn cannot(what: impl fmt::Display, why: impl fmt::Display) -> Failure {
        Failure::Because(format!("cannot {what}: {why}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Because(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Interrupted => f.write_str("interrupted; the servers that were started are stopped"),
            Failure::Because(line) => f.write_str(line),
        }
    }
}
