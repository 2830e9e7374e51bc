//! What takes the client's side of a conversation, and answers it.

use std::time::Duration;

use wirelab::wire::script::Expected;

/// The cores alone, or the whole lab.
pub trait Player {
    fn receive(&mut self, bytes: &[u8]);
    fn receive_eof(&mut self);
    fn advance(&mut self, time: Duration);
    /// What came of it since the last call.
    fn take(&mut self) -> Vec<Expected>;
}
