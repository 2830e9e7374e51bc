//! Connections that say nothing.

use std::time::Instant;

use super::{End, Next, Talk};

/// Clients that are there, and wait for nothing.
#[derive(Debug, Default)]
pub struct Silence {
    /// Connections that could not be opened.
    pub not_opened: u64,
    /// Connections that were ended by the server.
    pub ended: u64,
}

impl Talk for Silence {
    type Line = ();

    fn open(&mut self, _: Instant, _: usize) {}

    fn connected(&mut self, (): &mut (), _: Instant, _: &mut Vec<u8>) {}

    fn receive(&mut self, (): &mut (), _: Instant, _: &[u8], _: &mut Vec<u8>) -> Next {
        Next::Stay
    }

    fn ended(&mut self, (): &mut (), _: Instant, why: End<'_>) -> Next {
        match why {
            End::NotOpened(_) => self.not_opened += 1,
            End::Closed | End::Broken(_) => self.ended += 1,
        }
        Next::Close
    }
}
