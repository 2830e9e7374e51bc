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
    let others = tape.by_connection().into_iter().filter(|(connection, _)| *connection != asking);
    let finished = |(connection, chunks): (u64, Vec<Chunk>)| {
        let Finished { sequence, .. } = Split::new(&chunks).finished?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trace::{DEFAULT_TAPE_BYTES, MAX_KEPT_BYTES};

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    fn chunks(parts: &[(Side, &[u8])]) -> Vec<Chunk> {
        let tape = Tape::new(DEFAULT_TAPE_BYTES).expect("a tape");
        parts.iter().for_each(|(side, bytes)| tape.record(1, *side, 0, bytes));
        tape.connection(1)
    }

    /// The lines between the rows.
    fn blocks(parts: &[(Side, &[u8])], exchanges: Exchanges) -> Vec<String> {
        let layout = curl_layout(&chunks(parts), exchanges);
        layout.lines().filter(|line| !line.contains(": ") || line.contains("==")).map(str::to_owned).collect()
    }

    #[test]
    fn an_interim_response_stands_before_the_data() {
        let parts: &[(Side, &[u8])] = &[
            (C, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
            (S, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (C, b"he"),
            (C, b"llo"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ];
        let expected = [
            "=> Send header, 60 bytes (0x3c)",
            "<= Recv header, 23 bytes (0x17)",
            "=> Send data, 5 bytes (0x5)",
            "<= Recv header, 17 bytes (0x11)",
            "<= Recv header, 19 bytes (0x13)",
            "<= Recv header, 2 bytes (0x2)",
            "<= Recv data, 2 bytes (0x2)",
        ];
        assert_eq!(blocks(parts, Exchanges::All), expected);
        assert_eq!(blocks(parts, Exchanges::LastFinished), expected);
    }

    #[test]
    fn pipelined_exchanges_are_told_apart() {
        let parts: &[(Side, &[u8])] = &[
            (C, b"HEAD / HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\nGET /three HTTP/1.1\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
            (S, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunfini"),
        ];
        let expected = [
            "=> Send header, 21 bytes (0x15)",
            "<= Recv header, 25 bytes (0x19)",
            "<= Recv header, 2 bytes (0x2)",
        ];
        assert_eq!(blocks(parts, Exchanges::LastFinished), expected);
    }

    #[test]
    fn a_refused_request_is_data() {
        let parts: &[(Side, &[u8])] =
            &[(C, b"\x16\x03\x01"), (S, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")];
        assert_eq!(blocks(parts, Exchanges::LastFinished).len(), 3);
        assert_eq!(blocks(parts, Exchanges::All)[0], "=> Send data, 3 bytes (0x3)");
    }

    #[test]
    fn frames_after_an_upgrade_are_data() {
        let parts: &[(Side, &[u8])] = &[
            (C, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            (S, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            (C, b"\x81\x80GET "),
            (S, b"\x81\x00"),
        ];
        let blocks = blocks(parts, Exchanges::LastFinished);
        assert_eq!(blocks[3..], ["=> Send data, 6 bytes (0x6)", "<= Recv data, 2 bytes (0x2)"]);
    }

    #[test]
    fn what_was_not_kept_is_counted() {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 2 * MAX_KEPT_BYTES);
        let body = vec![b'x'; 2 * MAX_KEPT_BYTES];
        let parts: &[(Side, &[u8])] = &[
            (C, b"GET / HTTP/1.1\r\n\r\n"),
            (S, head.as_bytes()),
            (S, &body),
            (C, b"GET /two HTTP/1.1\r\n\r\n"),
        ];
        let blocks = blocks(parts, Exchanges::All);
        assert!(blocks.contains(&"<= Recv data, 32768 bytes (0x8000)".to_owned()), "{blocks:?}");
        assert!(blocks.contains(&"== Info: 16384 more bytes were not kept".to_owned()), "{blocks:?}");
        assert!(!curl_layout(&chunks(parts), Exchanges::LastFinished).is_empty());
    }

    #[test]
    fn the_exchange_that_ended_last_is_on_another_connection() {
        let tape = Tape::new(DEFAULT_TAPE_BYTES).expect("a tape");
        for connection in [1, 2, 3] {
            tape.record(connection, C, 0, b"GET / HTTP/1.1\r\n\r\n");
        }
        assert_eq!(last_finished(&tape, 3), None);
        for connection in [2, 1, 3] {
            tape.record(connection, S, 0, b"HTTP/1.1 204 No Content\r\n\r\n");
        }
        assert_eq!((last_finished(&tape, 3), last_finished(&tape, 1)), (Some(1), Some(3)));
    }

    fn part() -> impl Strategy<Value = Vec<u8>> {
        let known: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 C\r\n",
            b"HTTP/1.1 101 S\r\n",
            b"\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ab",
        ];
        prop_oneof![
            prop::sample::select(known).prop_map(<[u8]>::to_vec),
            any::<Vec<u8>>(),
            Just(vec![b'x'; 17_000])
        ]
    }

    proptest! {
        #[test]
        fn garbage_is_shown_whole(parts in prop::collection::vec((any::<bool>(), part()), 0..30)) {
            let parts: Vec<_> = parts.iter().map(|(side, part)| (if *side { C } else { S }, &part[..])).collect();
            let chunks = chunks(&parts);
            let pieces = Split::new(&chunks).pieces;
            for side in [C, S] {
                let kept = chunks.iter().filter(|chunk| chunk.side == side).flat_map(|chunk| &chunk.bytes);
                let shown = pieces.iter().filter(|piece| piece.side == side).flat_map(|piece| &piece.bytes);
                let interim = kept.clone().count() - shown.count();
                prop_assert!(interim <= 2 * parts.len(), "{} bytes are not shown", interim);
            }
            curl_layout(&chunks, Exchanges::LastFinished);
        }
    }
}
