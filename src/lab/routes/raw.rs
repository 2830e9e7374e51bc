//! A request taken apart: what each of its bytes was taken for, and where in the connection's stream it stood.

mod dissection;

use crate::http::head::parse_request;
use crate::http::{Fields, Request};
use crate::lab::content::Content;
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;

/// `/raw`
pub fn raw(call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::exchange(Raw {
        content: Content::expected(call)?,
        head: call.request.head.to_vec(),
        trailers: Vec::new(),
        offset: call.offset,
        reads: if call.lab.settings.golden { 1 } else { call.reads },
        representation: call.representation(),
        form: call.form(),
    }))
}

struct Raw {
    head: Vec<u8>,
    content: Content,
    /// The trailer section's names and values.
    trailers: Vec<(String, Vec<u8>)>,
    /// Where the head begins in the connection's stream.
    offset: u64,
    reads: u32,
    representation: Representation,
    form: Form,
}

impl Raw {
    /// The head once more: it was parsed while it stood in a buffer that others use by now.
    fn request(&self) -> Request<'_> {
        parse_request(&self.head).expect("it was understood before")
    }
}

impl Exchange for Raw {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if let Err(refusal) = self.content.push(data) {
            reply.close_after_exchange();
            reply.refuse(&refusal, self.form);
        }
    }

    fn receive_trailers(&mut self, trailers: &Fields<'_>) {
        self.trailers = trailers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let (request, end) = (self.request(), reply.offset());
        reply.send(
            self.representation.respond(|| self.to_text(&request, end), || self.to_json(&request, end)),
        );
    }
}
