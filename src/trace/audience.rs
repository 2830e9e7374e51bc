//! Those who watch what passes while it passes.

use core::net::SocketAddr;
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::tape::MAX_KEPT_BYTES;
use crate::wire::notation::{Side, print_block};

/// Whoever is shown what passes on all connections, as it happens.
pub trait Audience: Send + Sync {
    /// Whether anybody is to be shown what passes on this connection. It is asked at every read and every write, so
    /// while there is nobody it has to cost next to nothing.
    fn watches(&self, number: u64) -> bool;

    /// Shows what has passed on a connection at once: lines of the notation.
    fn show(&self, number: u64, now: Instant, lines: &str);
}

/// The comment that says whose the lines below it are, and when they passed.
pub fn heading(number: u64, peer: SocketAddr, elapsed: Duration) -> String {
    format!("# connection {number}, {peer}, +{:.3} s\n", elapsed.as_secs_f64())
}

/// The lines that show a block: of a large one the beginning, as on the tape.
pub(super) fn lines_of(side: Side, bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(MAX_KEPT_BYTES));
    let mut lines = String::new();
    print_block(side, shown, &mut lines);
    if !rest.is_empty() {
        let _ = writeln!(lines, "# and {} more bytes", rest.len());
    }
    lines
}
