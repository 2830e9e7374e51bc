//! Answers that wait until what they speak of was written down.
//!
//! Only the answer waits. What it speaks of happens at once, in memory: whoever listens hears the event, a consumer may
//! have the message, the job runs. If all of them had to wait as well, a slow disk would delay everybody and not only
//! the one who asked for it, and an event that waits would hold up those behind it, as ids are heard in order.
//!
//! The price is that a disk may refuse what others have seen. It cannot be taken back then, and 507 says so, and what
//! it was: [`has_happened`]. What was refused before it happened has not, and can be asked for again: [`not_kept`].
//! PostgreSQL chose the same: who cancels the wait for a standby is told that the transaction "has already committed
//! locally, but might not have been replicated to the standby".

use std::task::Waker;

use super::exchange::{Answer, Call, Exchange, Reply};
use super::journal::{Ack, Failure, Receipt};
use super::refusal::{Form, Refusal};
use crate::http::Response;

impl Ack {
    /// What the query asks for; or else as sure as it can be had without waiting for a disk.
    pub fn read(call: &Call<'_>) -> Result<Ack, Refusal> {
        let keeps = call.lab.journal.keeps();
        let Some((given, ack)) = asked(call)? else {
            return Ok(if keeps { Ack::Write } else { Ack::Memory });
        };
        if ack > Ack::Memory && !keeps {
            let why = format!("ack={given} asks for a disk, and this server keeps everything in memory");
            return Err(Refusal::new(400, why, "the server's option --data DIR, or ack=memory"));
        }
        Ok(ack)
    }

    /// The same of a file, which always comes to a disk.
    pub fn of_file(call: &Call<'_>) -> Result<Ack, Refusal> {
        Ok(asked(call)?.map_or(Ack::Write, |(_, ack)| ack))
    }
}

fn asked(call: &Call<'_>) -> Result<Option<(String, Ack)>, Refusal> {
    const WORDS: [(&str, Ack); 3] = [("memory", Ack::Memory), ("write", Ack::Write), ("fsync", Ack::Fsync)];
    let Some(given) = call.params()?.text("ack")? else { return Ok(None) };
    match WORDS.into_iter().find(|(word, _)| *word == given) {
        Some((_, ack)) => Ok(Some((given, ack))),
        None => {
            let why = format!("ack is {given:?}, and has to be one of memory, write, fsync");
            Err(Refusal::new(400, why, "ack=write"))
        }
    }
}

/// A response that is sent when its receipt is settled.
pub struct Acknowledged {
    receipt: Receipt,
    response: Option<Response>,
    form: Form,
}

impl Acknowledged {
    /// The response, or the refusal in the client's form if the journal refused.
    pub fn answer(receipt: Receipt, response: Response, form: Form) -> Answer {
        Answer::exchange(Acknowledged { receipt, response: Some(response), form })
    }

    fn conclude(&mut self, outcome: Option<Result<(), Failure>>, reply: &mut Reply<'_>) {
        match outcome {
            Some(Ok(())) => {
                if let Some(response) = self.response.take() {
                    reply.send(response);
                }
            }
            Some(Err(failure)) => {
                let what = self.response.take().unwrap_or_default().content;
                reply.refuse(&has_happened(&String::from_utf8_lossy(&what), &failure), self.form);
            }
            None => {}
        }
    }
}

impl Exchange for Acknowledged {
    /// What is settled already is answered with the others of its batch, by one write for all.
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let outcome = self.receipt.poll(|| Waker::noop().clone()); // the poll that follows leaves a better one
        self.conclude(outcome, reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let outcome = self.receipt.poll(|| reply.waker());
        self.conclude(outcome, reply);
    }
}

/// What is not written down has not happened (RFC 4918 §11.5 has the status for a full disk).
pub fn not_kept(failure: &Failure) -> Refusal {
    let why = format!("this was not written down: {failure}");
    match failure {
        Failure::Busy => Refusal::new(503, why, "again in a moment").with("Retry-After", "1"),
        Failure::Refused(_) => Refusal::new(507, why, "again when the server's disk has been seen to"),
    }
}

/// What has happened, and ends with the server. Doing it again would do it twice.
pub fn has_happened(what: &str, failure: &Failure) -> Refusal {
    let mut why =
        format!("this has happened, but it was not written down and ends with the server: {failure}");
    if !what.is_empty() {
        why += &format!(" ({})", what.trim_end());
    }
    Refusal::new(507, why, "GET to see it; the same request once more, and it happens twice")
}
