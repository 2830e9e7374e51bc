//! One request by a thread that waits for its answer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::answers::{Answers, Ended, Piece};
use crate::contrast::failure::Failure;
use crate::contrast::url::Url;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content: Vec<u8>,
}

/// Asks for a target on a connection of its own, and waits for the answer.
///
/// # Errors
/// One line that names the address, and what is wrong with it.
pub fn ask(url: &Url, target: &str, patience: Duration) -> Result<Answer, Failure> {
    let cannot = |why: &dyn std::fmt::Display| Failure::cannot(format_args!("measure {url}"), why);
    exchange(url, target, patience)
        .map_err(|why| cannot(&why))?
        .ok_or_else(|| cannot(&"the connection ended before the answer did"))
}

/// The answer; `None` if the connection ends before it does.
fn exchange(
    url: &Url,
    target: &str,
    patience: Duration,
) -> Result<Option<Answer>, Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect_timeout(&url.address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&url.request(target, true))?;
    let (mut answers, mut scratch) = (Answers::default(), vec![0; READ_BYTES]);
    let (mut answer, mut is_whole) = (Answer { status: 0, content: Vec::new() }, false);
    while !is_whole {
        let count = match stream.read(&mut scratch) {
            // A signal ends a read with a time limit (signal(7)); whoever began this looks at what it says.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        };
        if count == 0 {
            return Ok((answers.ended() == Ended::Complete).then_some(answer));
        }
        answers.receive(&scratch[..count], |piece| match piece {
            Piece::Head(head) => answer.status = head.status,
            Piece::Content(content) => answer.content.extend_from_slice(content),
            Piece::End => is_whole = true,
        })?;
    }
    Ok(Some(answer))
}

const READ_BYTES: usize = 16 * 1024;
