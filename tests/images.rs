//! Images against a model: whatever a client asks for in whatever order, and however its bytes are cut on their way, it
//! gets what a map from digests to contents would give.

mod support {
    pub mod driven;
    pub mod lab;
    pub mod player;
}

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use support::driven::Driven;
use support::player::Player;
use wirelab::wire::script::Expected;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn images_are_as_a_map_would_have_them(
        asked in prop::collection::vec(asked(), 1..12),
        cuts in prop::collection::vec(1..400_000usize, 0..20),
    ) {
        let mut model = Model::default();
        let due: Vec<Answer> = asked.iter().map(|asked| model.answer(asked)).collect();
        let bytes: Vec<u8> = asked.iter().flat_map(Asked::bytes).collect();
        let came = answers(&play(&bytes, &cuts));
        prop_assert_eq!(came.len(), due.len());
        for ((came, due), asked) in came.iter().zip(&due).zip(&asked) {
            prop_assert_eq!(came.status, due.status, "{:?}", asked);
            prop_assert!(due.content.is_none() || came.content == due.content, "{:?}", asked);
        }
    }

    #[test]
    fn what_is_cut_is_never_an_image(
        content in content(),
        framing in framing(),
        cut in any::<prop::sample::Index>(),
    ) {
        let post = Asked::Post { content, framing, ack: "write" }.bytes();
        let mut driven = Driven::new();
        driven.receive(&post[..cut.index(post.len())]);
        driven.receive_eof();
        let told = answers(&bytes_of(driven.take()));
        prop_assert!(told.iter().all(|answer| answer.status == 400), "{told:?}");
    }
}

/// What a client asks for. There are few contents, so that they meet.
#[derive(Clone, Debug)]
enum Asked {
    Post { content: u8, framing: Framing, ack: &'static str },
    Get(u8),
    Part { content: u8, start: usize, end: usize },
    Delete(u8),
    List,
}

#[derive(Clone, Debug)]
enum Framing {
    Length,
    Chunks(usize),
}

/// What is due; where it does not matter what an answer says, there is no content.
#[derive(Debug)]
struct Answer {
    status: u16,
    content: Option<Vec<u8>>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let ack = prop::sample::select(&["memory", "write"][..]);
    prop_oneof![
        3 => (content(), framing(), ack)
            .prop_map(|(content, framing, ack)| Asked::Post { content, framing, ack }),
        2 => content().prop_map(Asked::Get),
        2 => (content(), 0..300_000usize, 0..300_000usize)
            .prop_map(|(content, start, end)| Asked::Part { content, start, end }),
        1 => content().prop_map(Asked::Delete),
        1 => Just(Asked::List),
    ]
}

fn content() -> impl Strategy<Value = u8> {
    0..5u8
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Length), (1000..200_000usize).prop_map(Framing::Chunks)]
}

/// Nothing, little, and more than a piece of a file.
fn made(content: u8) -> Vec<u8> {
    let length = [0, 1, 1000, 131_072, 280_001][usize::from(content)];
    (0..length).map(|at: usize| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ content).collect()
}

fn path(content: u8) -> String {
    let digest = Sha256::digest(made(content));
    format!("/images/{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

impl Asked {
    fn bytes(&self) -> Vec<u8> {
        let head = |line: String, fields: String| {
            format!("{line} HTTP/1.1\r\nHost: lab\r\n{fields}\r\n").into_bytes()
        };
        match self {
            Asked::Post { content, framing, ack } => {
                let (line, content) = (format!("POST /images?ack={ack}"), made(*content));
                match framing {
                    Framing::Length => {
                        [head(line, format!("Content-Length: {}\r\n", content.len())), content].concat()
                    }
                    Framing::Chunks(size) => {
                        let mut bytes = head(line, "Transfer-Encoding: chunked\r\n".to_owned());
                        for data in content.chunks(*size) {
                            bytes.extend(format!("{:x}\r\n", data.len()).bytes());
                            bytes.extend(data);
                            bytes.extend(b"\r\n");
                        }
                        bytes.extend(b"0\r\n\r\n");
                        bytes
                    }
                }
            }
            Asked::Get(content) => head(format!("GET {}", path(*content)), String::new()),
            Asked::Part { content, start, end } => {
                head(format!("GET {}", path(*content)), format!("Range: bytes={start}-{end}\r\n"))
            }
            Asked::Delete(content) => head(format!("DELETE {}", path(*content)), String::new()),
            Asked::List => head("GET /images".to_owned(), String::new()),
        }
    }
}

#[derive(Default)]
struct Model {
    images: BTreeMap<u8, Vec<u8>>,
}

impl Model {
    fn answer(&mut self, asked: &Asked) -> Answer {
        match asked {
            Asked::Post { content, .. } => {
                let is_new = self.images.insert(*content, made(*content)).is_none();
                told(if is_new { 201 } else { 303 }, format!("{}\n", path(*content)).into_bytes())
            }
            Asked::Get(content) => match self.images.get(content) {
                Some(image) => told(200, image.clone()),
                None => Answer { status: 404, content: None },
            },
            Asked::Part { content, start, end } => match self.images.get(content) {
                None => Answer { status: 404, content: None },
                Some(image) if start > end || image.is_empty() => told(200, image.clone()),
                Some(image) if *start >= image.len() => Answer { status: 416, content: None },
                Some(image) => told(206, image[*start..image.len().min(end + 1)].to_vec()),
            },
            Asked::Delete(content) => match self.images.remove(content) {
                Some(_) => told(204, Vec::new()),
                None => Answer { status: 404, content: None },
            },
            Asked::List => Answer { status: 200, content: None },
        }
    }
}

fn told(status: u16, content: Vec<u8>) -> Answer {
    Answer { status, content: Some(content) }
}

/// Sends the bytes in pieces of these sizes, one a second, and the rest at once.
fn play(bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut driven, mut rest) = (Driven::new(), bytes);
    for size in cuts {
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        driven.receive(piece);
        driven.advance(Duration::from_secs(1));
        rest = behind;
    }
    driven.receive(rest);
    bytes_of(driven.take())
}

fn bytes_of(came: Vec<Expected>) -> Vec<u8> {
    came.into_iter().flat_map(|it| if let Expected::Bytes(bytes) = it { bytes } else { Vec::new() }).collect()
}

/// Takes answers apart, each of which says how long it is.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]);
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        let (content, behind) = bytes[end + 4..].split_at(length);
        answers.push(told(head[9..12].parse().expect("a status"), content.to_vec()));
        bytes = behind;
    }
    assert!(bytes.is_empty(), "{} bytes behind the last answer", bytes.len());
    answers
}
