//! A connection that is over, and whose operations are not.

use std::net::TcpStream;

use super::token::Whose;

/// A socket that is closed when the last operation on it has ended.
///
/// Until then the kernel holds it open itself, whatever we do with the descriptor: the peer would be told nothing.
pub(super) struct Leaving {
    pub(super) whose: Whose,
    pub(super) receives: bool,
    pub(super) sends: bool,
    pub(super) watches: bool,
    pub(super) socket: TcpStream,
}

impl Leaving {
    pub(super) fn is_done(&self) -> bool {
        !self.receives && !self.sends && !self.watches
    }
}
