//! A recorded connection as `curl --trace` prints it, seen from the client.
//!
//! The two can be laid side by side: `diff` finds no difference between their rows. curl cuts the data of a response
//! where its reads cut it; here it is cut where the writes of the server did, which is the same for what fits into
//! one of each.

use std::fmt::Write;

use super::split::{Finished, Part, Piece, Split};
use super::tape::{Chunk, Tape};
use crate::wire::hexdump::print_rows;
use crate::wire::notation::Side;

/// How much of a connection is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchanges {
    /// All that the tape still has.
    All,
    /// The request and the response that ended last; nothing if none did.
    LastFinished,
}

/// Prints the chunks of one connection in the layout of `curl --trace`.
///
/// A request head is one block, each line of a response head another. Data are shown with their transfer coding. What
/// is no HTTP counts as data.
pub fn curl_layout(chunks: &[Chunk], exchanges: Exchanges) -> String {
    let split = Split::new(chunks);
    let mut text = String::new();
    for piece in &split.pieces {
        let is_shown = match exchanges {
            Exchanges::All => true,
            Exchanges::LastFinished => split.finished.is_some_and(|last| last.exchange == piece.exchange),
        };
        if is_shown {
            print_piece(piece, &mut text);
        }
    }
    text
}

/// The connection on which an exchange has ended last, other than the one that asks.
pub fn last_finished(tape: &Tape, asking: u64) -> Option<u64> {
    let others = tape.connections().into_iter().filter(|&connection| connection != asking);
    let finished = |connection| {
        let Finished { sequence, .. } = Split::new(&tape.connection(connection)).finished?;
        Some((sequence, connection))
    };
    others.filter_map(finished).max().map(|(_, connection)| connection)
}

fn print_piece(piece: &Piece, text: &mut String) {
    let what = match (piece.side, piece.part) {
        (Side::Client, Part::Head) => "=> Send header",
        (Side::Client, Part::Data) => "=> Send data",
        (Side::Server, Part::Head) => "<= Recv header",
        (Side::Server, Part::Data) => "<= Recv data",
    };
    let len = piece.bytes.len() as u64 + piece.missing;
    let _ = writeln!(text, "{what}, {len} bytes ({len:#x})");
    print_rows(&piece.bytes, text);
    if piece.missing > 0 {
        let _ = writeln!(text, "== Info: {} more bytes were not kept", piece.missing);
    }
}
