//! The content of a request, kept in memory up to a limit.

use std::mem;
use std::time::Instant;

use super::exchange::{Answer, Call, Exchange, Reply};
use super::refusal::{Form, Refusal};
use crate::http::Framing;

/// Content that a route wants to have whole.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
    max: u64,
}

impl Content {
    /// Room for the content of this request; it grows with what comes, not with what was announced.
    ///
    /// # Errors
    /// The announced length is beyond the limit: so a client that waits for a 100 (Continue) need not send it.
    pub fn expected(call: &Call<'_>) -> Result<Content, Refusal> {
        let max = call.lab.settings.max_content;
        match call.request.framing {
            Framing::Length(length) if length > max => Err(too_large(max)),
            _ => Ok(Content { bytes: Vec::new(), max }),
        }
    }

    /// # Errors
    /// With `data` the content is beyond the limit.
    pub fn push(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if (self.bytes.len() + data.len()) as u64 > self.max {
            return Err(too_large(self.max));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Answers once the content is complete, with what `then` makes of it.
    pub fn gather(
        call: &Call<'_>,
        then: impl FnOnce(Vec<u8>, &mut Reply<'_>) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Result<Answer, Refusal> {
        let content = Content::expected(call)?;
        Ok(Answer::exchange(Gathering { form: call.form(), step: Step::Receiving(content, then) }))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

struct Gathering<F> {
    form: Form,
    step: Step<F>,
}

enum Step<F> {
    Receiving(Content, F),
    /// What `then` has said goes on for a while.
    Answering(Box<dyn Exchange>),
    Over,
}

impl<F: FnOnce(Vec<u8>, &mut Reply<'_>) -> Result<Answer, Refusal> + Send> Exchange for Gathering<F> {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if let Step::Receiving(content, _) = &mut self.step
            && let Err(refusal) = content.push(data)
        {
            self.step = Step::Over;
            reply.close_after_exchange();
            reply.refuse(&refusal, self.form);
        }
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let Step::Receiving(content, then) = mem::replace(&mut self.step, Step::Over) else { return };
        match then(content.bytes, reply) {
            Ok(Answer::Whole(response)) => reply.send(response),
            Ok(Answer::Prepared(prepared)) => reply.send_prepared(prepared),
            Ok(Answer::Exchange(mut exchange)) => {
                exchange.receive_end(reply);
                self.step = Step::Answering(exchange);
            }
            Ok(Answer::Upgrade(_)) => unreachable!("a request with content asks for no upgrade"),
            Err(refusal) => reply.refuse(&refusal, self.form),
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Step::Answering(exchange) = &mut self.step {
            exchange.poll(reply);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.step {
            Step::Answering(exchange) => exchange.poll_timeout(),
            Step::Receiving(..) | Step::Over => None,
        }
    }

    fn handle_shutdown(&mut self) {
        if let Step::Answering(exchange) = &mut self.step {
            exchange.handle_shutdown();
        }
    }
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(
        413,
        format!("the content is longer than the {max} bytes that this server keeps (RFC 9110 §15.5.14)"),
        "less content, or /echo, which passes on any length; the server's option --max-content sets the limit",
    )
}
