//! Requests with content, as they stand on the wire; and how they are cut.

use std::io;

use fastrand::Rng;

use crate::client::{Answer, Client};

/// A request; `head` ends where its framing is to be told. Chunks are as large as it happens.
pub fn request(head: &str, content: &[u8], chance: &mut Rng) -> Vec<u8> {
    if chance.u8(..3) > 0 {
        return [format!("{head}Content-Length: {}\r\n\r\n", content.len()).as_bytes(), content].concat();
    }
    let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    let mut rest = content;
    while !rest.is_empty() {
        let most = chance.choice([1, 100, 20_000, 500_000]).expect("one of them");
        let (chunk, behind) = rest.split_at(chance.usize(1..=most).min(rest.len()));
        let extension = if chance.u8(..4) == 0 { ";a=\"b\"" } else { "" };
        bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
        // Many of the smallest would take for ever.
        rest = behind;
        if chunk.len() < 100 && rest.len() > 10_000 {
            let (chunk, behind) = rest.split_at(10_000);
            bytes.extend([b"2710\r\n", chunk, b"\r\n"].concat());
            rest = behind;
        }
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// What becomes of a connection behind the last byte that it carries.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    Reset,
    /// In order, but too early; whoever does so may still be told something.
    End,
    /// Nothing more comes, and nobody says so.
    Silence,
}

/// Where a request is cut, if it is: at any byte.
pub fn cut(bytes: &[u8], chance: &mut Rng) -> Option<(usize, Cut)> {
    if chance.u8(..5) > 1 {
        return None;
    }
    let how = chance.choice([Cut::Reset, Cut::End, Cut::Silence]).expect("one of them");
    // Every third time near the end: there it is decided.
    let last = if chance.u8(..3) == 0 { bytes.len().saturating_sub(20) } else { 0 };
    Some((chance.usize(last..=bytes.len()), how))
}

/// Takes the final answer; those before it are shown.
pub fn hear(client: &mut Client, mut show: impl FnMut(&Answer)) -> io::Result<Answer> {
    loop {
        let head = client.try_head()?;
        if head.status >= 200 {
            return client.try_content(head);
        }
        show(&head);
    }
}
