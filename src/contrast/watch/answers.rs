//! The client's end of HTTP: where an answer begins and ends (RFC 9112 §6.3), one after another on a connection.

use crate::http::chunked::{Decoder, Piece};
use crate::http::search::HeadLimits;

/// Reads answers, whatever pieces they come in. What it does not consume has to come again, with more behind it.
#[derive(Debug, Default)]
pub struct Answers {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Length {
        left: u64,
    },
    Chunks(Decoder),
}

/// What the next bytes turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'b> {
    /// A head, with its status. Behind a 101 nothing is an answer any more.
    Head(u16),
    /// Content, or a part of it.
    Data(&'b [u8]),
    /// The answer is complete.
    End,
    /// More bytes are needed, those not consumed included.
    Incomplete,
}

impl Answers {
    /// The next part, and how many bytes it consumed.
    ///
    /// # Errors
    /// What is wrong with the answer; nothing behind it can be understood.
    pub fn next_part<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Part<'b>), String> {
        match &mut self.state {
            State::Head => self.next_head(bytes),
            State::Length { left: 0 } => {
                self.state = State::Head;
                Ok((0, Part::End))
            }
            State::Length { .. } if bytes.is_empty() => Ok((0, Part::Incomplete)),
            State::Length { left } => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                Ok((taken, Part::Data(&bytes[..taken])))
            }
            State::Chunks(decoder) => {
                let next = decoder.next_piece(bytes, &HeadLimits::default());
                let (consumed, piece) = next.map_err(|(_, fault)| format!("{:?} in the chunks", fault.rule))?;
                let part = match piece {
                    Piece::Data(data) => Part::Data(data),
                    Piece::Incomplete => Part::Incomplete,
                    Piece::Trailers(_) => {
                        self.state = State::Head;
                        Part::End
                    }
                };
                Ok((consumed, part))
            }
        }
    }

    fn next_head(&mut self, bytes: &[u8]) -> Result<(usize, Part<'static>), String> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let consumed = match head.parse(bytes).map_err(|error| format!("an answer begins with no head: {error}"))? {
            httparse::Status::Partial => return Ok((0, Part::Incomplete)),
            httparse::Status::Complete(consumed) => consumed,
        };
        let status = head.code.unwrap_or_default();
        let value = |name: &str| {
            let field = head.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            field.and_then(|field| str::from_utf8(field.value).ok())
        };
        self.state = match (status, value("transfer-encoding"), value("content-length")) {
            // "any response with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status code is always
            // terminated by the first empty line after the header fields"
            (100..=199 | 204 | 304, ..) => State::Length { left: 0 },
            (_, Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => State::Chunks(Decoder::default()),
            (_, None, Some(length)) => {
                State::Length { left: length.parse().map_err(|_| format!("an answer is {length:?} bytes long"))? }
            }
            _ => return Err(format!("an answer with status {status} says nothing of its end")),
        };
        Ok((consumed, Part::Head(status)))
    }
}

/// More than any answer of the lab has.
const MOST_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that comes of these bytes, when they come in pieces of this length.
    fn parts(bytes: &[u8], piece: usize) -> Vec<String> {
        let (mut answers, mut kept, mut parts) = (Answers::default(), Vec::new(), Vec::<String>::new());
        for arrived in bytes.chunks(piece) {
            kept.extend_from_slice(arrived);
            loop {
                let (consumed, part) = answers.next_part(&kept).unwrap();
                match part {
                    Part::Incomplete => break,
                    Part::Head(status) => parts.push(format!("{status} ")),
                    Part::Data(data) => parts.last_mut().unwrap().push_str(str::from_utf8(data).unwrap()),
                    Part::End => parts.last_mut().unwrap().push('.'),
                }
                kept.drain(..consumed);
            }
        }
        parts
    }

    #[test]
    fn answers_end_where_they_say_however_they_are_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\n\
            HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for piece in 1..=bytes.len() {
            assert_eq!(parts(bytes, piece), ["200 hello.", "204 .", "304 .", "200 hiyou.", "200 ."], "{piece}");
        }
    }

    #[test]
    fn an_answer_without_an_end_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            b"220 mail.example.org\r\n",
        ] {
            assert!(Answers::default().next_part(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
