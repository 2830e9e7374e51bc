//! Content that is made while it is sent, as fast as the client takes it: by length, in chunks, with trailers.

use sha1::{Digest, Sha1};

use crate::http::{Length, Response, Version};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::params;
use crate::lab::refusal::Refusal;

/// `GET /bytes/{n}`
pub fn bytes(call: &Call<'_>) -> Result<Answer, Refusal> {
    let length = params::number("n", &call.captured[0], 0..=MAX_BYTES)?;
    let response = Response::new(200).with_content("application/octet-stream", "");
    let mut sent = 0;
    Ok(Answer::exchange(Made::new(response, Length::Known(length), move |reply| {
        sent += send_row(sent, length, reply);
        sent < length
    })))
}

/// `GET /stream/{n}`
pub fn lines(call: &Call<'_>) -> Result<Answer, Refusal> {
    let lines = params::number("n", &call.captured[0], 0..=MAX_LINES)?;
    let mut sent = 0;
    Ok(Answer::exchange(Made::new(Response::text(200, ""), Length::Unknown, move |reply| {
        if sent == lines {
            return false;
        }
        sent += 1;
        reply.send_data(format!("line {sent} of {lines}\n").as_bytes());
        true
    })))
}

/// `GET /trailers`
pub fn trailers(call: &Call<'_>) -> Result<Answer, Refusal> {
    let response = Response::text(200, "");
    let response = match call.request.version {
        Version::Http10 => response,
        Version::Http11 => response.with("Trailer", "X-Lines, X-SHA1"),
    };
    Ok(Answer::at_end(move |reply| {
        reply.begin(response, Length::Unknown);
        let mut checksum = Sha1::new();
        for line in VERSE {
            checksum.update(line);
            reply.send_data(line.as_bytes());
        }
        let checksum: String = checksum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        reply.end(&[("X-Lines", &VERSE.len().to_string()), ("X-SHA1", &checksum)]);
    }))
}

/// Content that is made while it leaves: `send_next` sends the next piece of it, and says whether there may be more.
struct Made<F> {
    /// The head, until it is sent.
    response: Option<Response>,
    length: Length,
    send_next: F,
}

impl<F: FnMut(&mut Reply<'_>) -> bool + Send> Made<F> {
    fn new(response: Response, length: Length, send_next: F) -> Made<F> {
        Made { response: Some(response), length, send_next }
    }
}

impl<F: FnMut(&mut Reply<'_>) -> bool + Send> Exchange for Made<F> {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let Some(response) = self.response.take() else { return };
        reply.begin(response, self.length);
        if !reply.can_send_content() {
            return reply.end(&[]);
        }
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if reply.can_answer() {
            return; // the request is not complete
        }
        while !reply.is_full() {
            if !(self.send_next)(reply) {
                return reply.end(&[]);
            }
        }
    }
}

/// Sends the bytes from `start` to the end of their row, or to `end`: rows of 16 bytes that say in hexadecimal where
/// they stand, so that a reader sees where a break came. Answers how many bytes that were.
pub fn send_row(start: u64, end: u64, reply: &mut Reply<'_>) -> u64 {
    let in_row = start % ROW_BYTES;
    let len = (end - start).min(ROW_BYTES - in_row);
    reply.send_data(&row(start - in_row)[in_row as usize..][..len as usize]);
    len
}

fn row(mut offset: u64) -> [u8; ROW_BYTES as usize] {
    let mut row = [b'\n'; ROW_BYTES as usize];
    for digit in row[..ROW_BYTES as usize - 1].iter_mut().rev() {
        *digit = b"0123456789abcdef"[(offset % 16) as usize];
        offset /= 16;
    }
    row
}

const VERSE: [&str; 3] = [
    "These lines are chunks, one each.\n",
    "How many they are and what they add up to, only the end can tell:\n",
    "it stands in the trailer section, behind the last chunk.\n",
];

const ROW_BYTES: u64 = 16;

/// A gibibyte: enough to watch a slow reader for as long as anyone likes.
const MAX_BYTES: u64 = 1 << 30;

const MAX_LINES: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_it_stands() {
        assert_eq!(&row(0), b"000000000000000\n");
        assert_eq!(&row(0x3fff_fff0), b"00000003ffffff0\n");
    }
}
