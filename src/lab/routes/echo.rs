//! What comes in goes out: the text of a path, or content of any length in constant memory.

use crate::http::{Framing, Length, Response};
use crate::lab::exchange::{Answer, Call, Exchange, PIECE_BYTES, Reply};
use crate::lab::refusal::Refusal;

/// `GET /echo/{text}`
pub fn text(call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Response::text(200, call.captured[0].clone().into_bytes()).into())
}

/// `/echo`: the content comes back with the type that it came with.
pub fn content(call: &Call<'_>) -> Result<Answer, Refusal> {
    let given = call.request.fields.text("content-type");
    let content_type = given.unwrap_or("application/octet-stream").to_owned();
    let length = match call.request.framing {
        Framing::None => Length::Known(0),
        Framing::Length(length) => Length::Known(length),
        Framing::Chunked => Length::Unknown,
    };
    Ok(Answer::exchange(Echo { content_type, length, waiting: Vec::new() }))
}

/// Content on its way back. The answer begins when the content is complete or [`PIECE_BYTES`] of it wait: so a small
/// content that breaks a rule is refused with a 400 instead of a broken 200, and a large one is never held.
struct Echo {
    content_type: String,
    length: Length,
    waiting: Vec<u8>,
}

impl Echo {
    fn begin(&mut self, length: Length, reply: &mut Reply<'_>) {
        let response = Response::new(200).with_content(self.content_type.clone(), "");
        reply.begin(response, length);
        reply.send_data(&self.waiting);
        self.waiting = Vec::new();
    }
}

impl Exchange for Echo {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if !reply.can_answer() {
            return reply.send_data(data);
        }
        self.waiting.extend_from_slice(data);
        if self.waiting.len() >= PIECE_BYTES {
            self.begin(self.length, reply);
        }
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        if reply.can_answer() {
            self.begin(Length::Known(self.waiting.len() as u64), reply);
        }
        reply.end(&[]);
    }
}
