//! Where answers end, however they are cut on their way.

use proptest::prelude::*;
use proptest::sample::Index;
use wirelab::contrast::client::answers::{Answers, Ended, Malformed, Piece};
use wirelab::http::chunked::{encode_chunk, encode_end};

/// An answer that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Understood {
    status: u16,
    persists: bool,
    content: Vec<u8>,
    is_whole: bool,
}

/// Reads answers from pieces of a stream.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Understood>, Result<Ended, Malformed>) {
    let (mut answers, mut all) = (Answers::default(), Vec::<Understood>::new());
    for piece in pieces {
        let result = answers.receive(piece, |piece| match piece {
            Piece::Head(head) => {
                all.push(Understood { status: head.status, persists: head.persists, ..Understood::default() })
            }
            Piece::Content(content) => all.last_mut().expect("a head").content.extend_from_slice(content),
            Piece::End => all.last_mut().expect("a head").is_whole = true,
        });
        if let Err(malformed) = result {
            return (all, Err(malformed));
        }
    }
    (all, Ok(answers.ended()))
}

fn whole(bytes: &str) -> (Vec<Understood>, Result<Ended, Malformed>) {
    read([bytes.as_bytes()])
}

#[derive(Clone, Debug)]
enum By {
    Length,
    Chunks { pieces: Vec<usize>, trailers: bool },
    Status(u16),
}

#[derive(Clone, Debug)]
struct Sent {
    delimited: By,
    content: Vec<u8>,
    interim: bool,
    persists: bool,
    upper_case: bool,
}

impl Sent {
    fn understood(&self) -> Understood {
        let (status, content) = match self.delimited {
            By::Status(status) => (status, Vec::new()),
            By::Length | By::Chunks { .. } => (200, self.content.clone()),
        };
        Understood { status, persists: self.persists, content, is_whole: true }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let status = self.understood().status;
        let cased = |name: &str| if self.upper_case { name.to_uppercase() } else { name.to_owned() };
        let mut line = |text: String| out.extend_from_slice(format!("{text}\r\n").as_bytes());
        if self.interim {
            line("HTTP/1.1 103 Early Hints".to_owned());
            line("Link: </a>".to_owned());
            line(String::new());
        }
        line(format!("HTTP/1.1 {status} Whatever"));
        line("Content-Lengths: 7".to_owned());
        if !self.persists {
            line(format!("{}: Close", cased("connection")));
        }
        match &self.delimited {
            By::Length => line(format!("{}:  {} ", cased("content-length"), self.content.len())),
            By::Chunks { .. } => line(format!("{}: gzip, chunked", cased("transfer-encoding"))),
            // A 304 tells the length that a 200 would have had (RFC 9110 §8.6).
            By::Status(304) => line("Content-Length: 10000".to_owned()),
            By::Status(_) => {}
        }
        line(String::new());
        match &self.delimited {
            By::Length => out.extend_from_slice(&self.content),
            By::Chunks { pieces, trailers } => {
                let mut rest = &self.content[..];
                for size in pieces {
                    let (chunk, behind) = rest.split_at((*size).min(rest.len()));
                    encode_chunk(chunk, out);
                    rest = behind;
                }
                encode_chunk(rest, out);
                encode_end(if *trailers { &[("Checksum", "1")] } else { &[] }, out);
            }
            By::Status(_) => {}
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let delimited = prop_oneof![
        Just(By::Length),
        (prop::collection::vec(1usize..20, 0..4), any::<bool>())
            .prop_map(|(pieces, trailers)| By::Chunks { pieces, trailers }),
        prop_oneof![Just(204), Just(304)].prop_map(By::Status),
    ];
    let content = prop::collection::vec(any::<u8>(), 0..60);
    (delimited, content, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(delimited, content, interim, persists, upper_case)| Sent {
            delimited,
            content,
            interim,
            persists,
            upper_case,
        },
    )
}

proptest! {
    #[test]
    fn answers_are_the_same_however_they_are_cut(
        sent in prop::collection::vec(sent(), 1..5),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        sent.iter().for_each(|answer| answer.encode(&mut bytes));
        let expected: Vec<_> = sent.iter().map(Sent::understood).collect();
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let starts = [0].into_iter().chain(at.iter().copied());
        let ends = at.iter().copied().chain([bytes.len()]);
        let pieces = starts.zip(ends).map(|(start, end)| &bytes[start..end]);
        let (understood, ended) = read(pieces);
        prop_assert_eq!(understood, expected.clone());
        prop_assert_eq!(ended, Ok(Ended::Between));
        prop_assert_eq!(read(bytes.chunks(1)).0, expected);
    }

    /// The second opinion: a head that we take, httparse takes, and sees the same status in it.
    #[test]
    fn heads_mean_the_same_to_httparse(sent in sent(), at in any::<Index>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        Sent { interim: false, ..sent }.encode(&mut bytes);
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        bytes.truncate(head);
        // In the version and the status, but for the minor version, of which httparse takes two only.
        let at = at.index("HTTP/1.1 200".len() - 1);
        bytes[at + usize::from(at >= "HTTP/1.".len())] = byte;
        let (understood, result) = read([&bytes[..]]);
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut second = httparse::Response::new(&mut fields);
        if result.is_ok() && let Some(understood) = understood.first() {
            prop_assert!(second.parse(&bytes).is_ok_and(|status| status.is_complete()));
            prop_assert_eq!(second.code, Some(understood.status));
        }
    }
}

#[test]
fn an_answer_without_a_length_lasts_until_the_stream_ends() {
    let (answers, ended) = whole("HTTP/1.1 200 OK\r\n\r\nhello");
    assert_eq!((&answers[0].content[..], answers[0].persists), (&b"hello"[..], false));
    assert_eq!(ended, Ok(Ended::Complete));
}

#[test]
fn what_follows_a_change_of_protocols_is_not_http() {
    let (answers, ended) =
        whole("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\x02HTTP/1.1");
    assert_eq!((answers[0].status, &answers[0].content[..]), (101, &b"\x01\x02HTTP/1.1"[..]));
    assert_eq!(ended, Ok(Ended::Complete));
}

#[test]
fn an_answer_that_is_cut_off_is_not_whole() {
    for cut in [
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let (answers, ended) = whole(cut);
        assert_eq!(ended, Ok(Ended::Within), "{cut:?}");
        assert!(answers.iter().all(|answer| !answer.is_whole), "{cut:?}");
    }
}

#[test]
fn http_1_0_persists_only_if_it_says_so() {
    let persists = |head: &str| whole(head).0[0].persists;
    assert!(!persists("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert!(persists("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
    assert!(!persists("HTTP/1.1 200 OK\r\nConnection: upgrade, close\r\nContent-Length: 0\r\n\r\n"));
}

#[test]
fn what_breaks_the_framing_is_no_answer() {
    for (bytes, malformed) in [
        ("SIP/2.0 200 OK\r\n\r\n", Malformed::StatusLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", Malformed::StatusLine),
        ("HTTP/1.1 020 OK\r\n\r\n", Malformed::StatusLine),
        ("HTTP/1.1 2000\r\n\r\n", Malformed::StatusLine),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5a\r\n\r\n", Malformed::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", Malformed::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Malformed::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", Malformed::Length),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            Malformed::LengthWithCoding,
        ),
    ] {
        assert_eq!(whole(bytes).1, Err(malformed), "{bytes:?}");
    }
    for bytes in ["HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"] {
        assert!(matches!(whole(bytes).1, Err(Malformed::Rule(_))), "{bytes:?}");
    }
}
