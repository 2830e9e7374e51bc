//! Servers that break off, lie, or fall silent: how does a client take it?

use std::time::{Duration, Instant};

use super::stream::send_row;
use crate::http::{Length, Method, Response};
use crate::lab::exchange::{Answer, Call, Cut, Exchange, PIECE_BYTES, Reply};
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;

/// What goes wrong, on request.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/fault/truncate",
        methods: &[Method::Get],
        about: "less content than Content-Length says",
        example: "curl -i \"http://{at}/fault/truncate?length=100&sent=50\"",
        answer: truncate,
    },
    Route {
        pattern: "/fault/reset",
        methods: &[Method::Get],
        about: "a TCP reset instead of an answer",
        example: "curl -i http://{at}/fault/reset",
        answer: reset,
    },
    Route {
        pattern: "/fault/garbage",
        methods: &[Method::Get],
        about: "bytes that are no response",
        example: "curl -i http://{at}/fault/garbage",
        answer: garbage,
    },
    Route {
        pattern: "/fault/stall",
        methods: &[Method::Get],
        about: "half of the content, then silence",
        example: "curl -iN -m 3 http://{at}/fault/stall",
        answer: stall,
    },
    Route {
        pattern: "/fault/no-length",
        methods: &[Method::Get],
        about: "content that ends with the connection, and only there",
        example: "curl -i http://{at}/fault/no-length",
        answer: no_length,
    },
];

/// `GET /fault/truncate`: less content than Content-Length says (RFC 9112 §8).
pub fn truncate(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let length = params.number("length", 1..=MAX_LENGTH, 100)?;
    let most = (length - 1).min(PIECE_BYTES as u64);
    let sent = params.number("sent", 0..=most, (length / 2).min(most))?;
    Ok(Answer::at_end(move |reply| {
        begin_broken(length, sent, reply);
        reply.cut(Cut::Close);
    }))
}

/// `GET /fault/reset`: a TCP reset instead of an answer.
pub fn reset(_call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::at_end(|reply| reply.cut(Cut::Reset)))
}

/// `GET /fault/garbage`: bytes that are no response.
pub fn garbage(_call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::at_end(|reply| {
        reply.send_raw(GARBAGE);
        reply.cut(Cut::Close);
    }))
}

/// `GET /fault/no-length`: content that only the end of the connection ends (RFC 9112 §6.3, clause 8).
pub fn no_length(_call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::at_end(|reply| {
        reply.begin(Response::text(200, ""), Length::UntilClose);
        reply.send_data(NO_LENGTH.as_bytes());
        reply.end(&[]);
    }))
}

/// `GET /fault/stall`: half of the content, then silence.
pub fn stall(_call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::exchange(Stall { until: None, is_over: false }))
}

struct Stall {
    until: Option<Instant>,
    is_over: bool,
}

impl Exchange for Stall {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        begin_broken(STALL_LENGTH, STALL_LENGTH / 2, reply);
        match reply.can_send_content() {
            true => self.until = Some(reply.now + LONGEST_STALL),
            false => reply.end(&[]),
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let Some(until) = self.until else { return };
        if self.is_over || reply.peer_has_ended || until <= reply.now {
            reply.cut(Cut::Close);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    fn handle_shutdown(&mut self) {
        self.is_over = true;
    }
}

fn begin_broken(length: u64, sent: u64, reply: &mut Reply<'_>) {
    let response = Response::new(200).with_content("application/octet-stream", "");
    reply.begin(response, Length::Known(length));
    let mut at = 0;
    while at < sent {
        at += send_row(at, sent, reply);
    }
}

const GARBAGE: &[u8] =
    b"\x16\x03\x01 This is no HTTP: a response begins with HTTP/1.1 and a status code.\r\n\r\n";

const NO_LENGTH: &str = "\
This content has neither a length nor chunks: it ends where the connection ends.
Was that all of it? Nobody can know (RFC 9112 \u{a7}8).
";

const STALL_LENGTH: u64 = 128;

/// A client that waits on must not be kept for ever.
const LONGEST_STALL: Duration = Duration::from_secs(600);

const MAX_LENGTH: u64 = 1 << 30;
