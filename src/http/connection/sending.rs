//! The answers: how a response is framed, and what it says of the connection (RFC 9112 §6, §9.3).

use std::mem;

use super::{Connection, Receiving, Sending};
use crate::http::chunked;
use crate::http::message::Version;
use crate::http::response::{self, Date, Length, Prepared, Response, push_field, push_start, push_status};

impl Connection {
    /// Asks the client for the content that it holds back (RFC 9110 §10.1.1).
    pub fn send_continue(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// Sends an interim response, which the final one follows. A client of HTTP/1.0 would take it for that one, and gets
    /// none (RFC 9110 §15.2).
    ///
    /// # Panics
    /// When no response is due.
    pub fn send_interim(&mut self, response: &Response, out: &mut Vec<u8>) {
        assert!(self.can_answer(), "an interim response was sent where none is due");
        if self.version == Version::Http11 {
            push_status(response.status, out);
            response.encode_fields(out);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Sends a whole response. `date` is when it is made.
    pub fn send(&mut self, response: &Response, date: &Date, out: &mut Vec<u8>) {
        self.send_head(response, Length::Known(response.content.len() as u64), date, out);
        self.send_data(&response.content, out);
        self.send_end(&[], out);
    }

    /// Sends a whole response that was encoded before.
    ///
    /// # Panics
    /// When no response is due.
    pub fn send_prepared(&mut self, prepared: &Prepared, date: &Date, out: &mut Vec<u8>) {
        assert!(self.can_answer(), "a response was sent where none is due");
        push_start(prepared.response.status, date, out);
        if self.persist && self.version == Version::Http11 && !self.is_head {
            out.extend_from_slice(&prepared.rest);
        } else {
            let (fields, rest) = prepared.rest.split_at(prepared.fields_bytes);
            out.extend_from_slice(fields);
            self.push_persistence(out);
            out.extend_from_slice(if self.is_head { b"\r\n" } else { rest });
        }
        self.sending = Sending::Sent;
    }

    /// Sends the head of a response whose content follows by [`send_data`](Connection::send_data) and
    /// [`send_end`](Connection::send_end).
    ///
    /// # Panics
    /// When no response is due.
    pub fn send_head(&mut self, response: &Response, length: Length, date: &Date, out: &mut Vec<u8>) {
        assert!(self.can_answer(), "a response was sent where none is due");
        let chunked = response::is_chunked(length, self.version);
        self.persist &= matches!(length, Length::Known(_)) || chunked;
        push_start(response.status, date, out);
        response.encode_fields(out);
        if !response::is_without_content(response.status) {
            push_framing(length, chunked, out);
        }
        self.push_persistence(out);
        out.extend_from_slice(b"\r\n");
        self.sending = match length {
            _ if self.is_head || response::is_without_content(response.status) => Sending::Nothing,
            Length::Known(left) => Sending::Length { left },
            _ if chunked => Sending::Chunked,
            _ => Sending::UntilClose,
        };
    }

    /// Sends a 101 and gives the connection up to another protocol, to which every byte behind the request belongs
    /// (RFC 9110 §15.2.2). Its Upgrade and Connection fields are the caller's.
    ///
    /// # Panics
    /// When no response is due.
    pub fn switch_protocols(&mut self, response: &Response, date: &Date, out: &mut Vec<u8>) {
        assert!(self.can_answer(), "a response was sent where none is due");
        push_start(response.status, date, out);
        response.encode_fields(out);
        out.extend_from_slice(b"\r\n");
        (self.receiving, self.sending, self.persist) = (Receiving::Closed, Sending::Sent, true);
    }

    /// Sends content, framed as the head has announced.
    ///
    /// # Panics
    /// When the head announced less, or was not sent.
    pub fn send_data(&mut self, data: &[u8], out: &mut Vec<u8>) {
        match &mut self.sending {
            Sending::Nothing => {}
            Sending::Length { left } => {
                *left = left.checked_sub(data.len() as u64).expect(TOO_MUCH);
                out.extend_from_slice(data);
            }
            Sending::Chunked => chunked::encode_chunk(data, out),
            Sending::UntilClose => out.extend_from_slice(data),
            Sending::Idle | Sending::Owed | Sending::Sent => panic!("content was sent outside a response"),
        }
    }

    /// Sends all content of a buffer, which is empty then. Where no framing stands between, `out` and the buffer change
    /// places, so that nothing is copied.
    ///
    /// # Panics
    /// As [`send_data`](Connection::send_data).
    pub fn send_buffer(&mut self, buffer: &mut Vec<u8>, out: &mut Vec<u8>) {
        match &mut self.sending {
            Sending::Length { left } if out.is_empty() => {
                *left = left.checked_sub(buffer.len() as u64).expect(TOO_MUCH);
                mem::swap(buffer, out);
            }
            _ => {
                self.send_data(buffer, out);
                buffer.clear();
            }
        }
    }

    /// Ends the response; trailers are sent where the framing has a place for them.
    ///
    /// # Panics
    /// When the content is shorter than the head announced.
    pub fn send_end(&mut self, trailers: &[(&str, &str)], out: &mut Vec<u8>) {
        match self.sending {
            Sending::Chunked => chunked::encode_end(trailers, out),
            Sending::Length { left } => assert_eq!(left, 0, "less content than was announced"),
            Sending::Nothing | Sending::UntilClose => {}
            Sending::Idle | Sending::Owed | Sending::Sent => panic!("the end was sent outside a response"),
        }
        self.sending = Sending::Sent;
    }

    fn push_persistence(&self, out: &mut Vec<u8>) {
        if !self.persist {
            push_field("Connection", "close", out);
        } else if self.version == Version::Http10 {
            push_field("Connection", "keep-alive", out);
        }
    }
}

fn push_framing(length: Length, chunked: bool, out: &mut Vec<u8>) {
    match length {
        Length::Known(length) => {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        _ if chunked => push_field("Transfer-Encoding", "chunked", out),
        _ => {}
    }
}

const TOO_MUCH: &str = "more content than was announced";
