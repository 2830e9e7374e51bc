//! The content of a request, kept in memory up to a limit.

use std::mem;
use std::time::Instant;

use super::exchange::{Answer, Call, Demand, Exchange, Reply};
use super::refusal::{Form, Refusal};
use crate::http::Framing;
use crate::session::{Done, Errand};

/// Content that a route wants to have whole.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
    limit: Limit,
}

/// The most bytes of content, and what is said of more.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub bytes: u64,
    pub refusal: fn(u64) -> Refusal,
}

impl Content {
    /// Room for the content of this request; it grows with what comes, not with what was announced.
    ///
    /// # Errors
    /// The announced length is beyond the limit: so a client that waits for a 100 (Continue) need not send it.
    pub fn expected(call: &Call<'_>) -> Result<Content, Refusal> {
        Content::expected_within(call, servers_limit(call))
    }

    fn expected_within(call: &Call<'_>, limit: Limit) -> Result<Content, Refusal> {
        match call.request.framing {
            Framing::Length(length) if length > limit.bytes => Err((limit.refusal)(limit.bytes)),
            _ => Ok(Content { bytes: Vec::new(), limit }),
        }
    }

    /// # Errors
    /// With `data` the content is beyond the limit.
    pub fn push(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let Limit { bytes, refusal } = self.limit;
        if (self.bytes.len() + data.len()) as u64 > bytes {
            return Err(refusal(bytes));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Answers once the content is complete, with what `then` makes of it.
    pub fn gather(
        call: &Call<'_>,
        then: impl FnOnce(Vec<u8>, &mut Reply<'_>) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Result<Answer, Refusal> {
        Content::gather_within(call, servers_limit(call), then)
    }

    /// The same for content that is within this limit, or within the server's if that is lower.
    pub fn gather_within(
        call: &Call<'_>,
        limit: Limit,
        then: impl FnOnce(Vec<u8>, &mut Reply<'_>) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Result<Answer, Refusal> {
        let servers = servers_limit(call);
        let limit = if limit.bytes < servers.bytes { limit } else { servers };
        let content = Content::expected_within(call, limit)?;
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

    fn demand(&self) -> Demand {
        match &self.step {
            Step::Answering(exchange) => exchange.demand(),
            Step::Receiving(..) | Step::Over => Demand::Content,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        match &mut self.step {
            Step::Answering(exchange) => exchange.poll_errand(),
            Step::Receiving(..) | Step::Over => None,
        }
    }

    fn handle_errand(&mut self, done: Done) {
        if let Step::Answering(exchange) = &mut self.step {
            exchange.handle_errand(done);
        }
    }

    fn outlives_connection(&self) -> bool {
        matches!(&self.step, Step::Answering(exchange) if exchange.outlives_connection())
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

fn servers_limit(call: &Call<'_>) -> Limit {
    Limit { bytes: call.lab.settings.max_content, refusal: too_large }
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(
        413,
        format!("the content is longer than the {max} bytes that this server keeps (RFC 9110 §15.5.14)"),
        "less content, or /echo, which passes on any length; the server's option --max-content sets the limit",
    )
}
