//! `PUT /uploads/{id}/parts/{n}`: content that streams into a file, and is a part when it is whole.
//!
//! ```text
//! Creating ──▶ Writing ──▶ (Syncing) ──▶ Publishing ──▶ (Removing) ──▶ Over
//! ```
//!
//! Until it is published the file is only there to be open, so a part that is cut leaves nothing of itself. Removed is
//! the part in whose place this one comes, or this one, if it comes too late.

use std::mem;

use serde_json::json;

use super::part;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::disk_refused;
use crate::lab::images::id::ImageId;
use crate::lab::intake::Intake;
use crate::lab::journal::Ack;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::spool::Spool;
use crate::lab::uploads::parts::Slot;
use crate::session::{Done, Errand, Failure, Name, Stay};

pub(super) fn put(call: &Call<'_>) -> Result<Answer, Refusal> {
    let announced = call.request.framing.content_length();
    let ((upload, number), ack) = (part(call)?, Ack::of_file(call)?);
    let slot = call.lab.uploads.admit_part(upload, number, announced)?;
    Ok(Answer::exchange(Put {
        number,
        slot: Some(slot),
        intake: Intake::new(ack),
        representation: call.representation(),
        form: call.form(),
        is_promised: false,
        step: Step::Creating,
    }))
}

struct Put {
    number: u16,
    /// Until it is there, or nothing.
    slot: Option<Slot>,
    representation: Representation,
    form: Form,
    intake: Intake,
    /// The client has its answer, and everything else is still to be done.
    is_promised: bool,
    step: Step,
}

enum Step {
    Creating,
    Writing,
    Syncing(ImageId),
    Publishing(ImageId),
    /// A file that is of no use, and what is said when it has gone.
    Removing(Name, Outcome),
    Over(Outcome),
}

type Outcome = Result<ImageId, Refusal>;

impl Exchange for Put {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if matches!(self.step, Step::Over(_)) {
            return;
        }
        self.intake.length += data.len() as u64;
        if let Some(slot) = &mut self.slot
            && let Err(refusal) = slot.reserve(self.intake.length)
        {
            self.end(Err(refusal));
            return self.conclude(reply);
        }
        self.intake.spool.push(data);
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.intake.is_complete = true;
        self.advance();
        if self.intake.ack == Ack::Memory && !matches!(self.step, Step::Over(_)) {
            self.promise(reply);
        }
        self.conclude(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        self.conclude(reply);
    }

    fn demand(&self) -> Demand {
        match self.step {
            Step::Over(_) => Demand::Content,
            Step::Writing => self.intake.demand(true),
            _ => self.intake.demand(false),
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let errand = match &self.step {
            Step::Creating => Errand::Create { name: self.slot.as_ref()?.incoming(), stay: Stay::WhileOpen },
            Step::Writing => self.intake.spool.write()?,
            Step::Syncing(_) => Errand::Sync { file: self.intake.spool.take_file()? },
            Step::Publishing(digest) => Errand::Publish {
                file: self.intake.spool.take_file()?,
                name: self.slot.as_ref()?.file(*digest),
                sync: self.intake.ack == Ack::Fsync,
            },
            Step::Removing(name, _) => Errand::Remove { name: name.clone() },
            Step::Over(_) => return None,
        };
        self.intake.is_under_way = true;
        Some(errand)
    }

    fn handle_errand(&mut self, done: Done) {
        self.intake.is_under_way = false;
        if let Err(failure) = self.go_on(done) {
            self.fail(&failure);
        }
        self.advance();
    }

    /// A file that nobody will ask for is not left behind either.
    fn outlives_connection(&self) -> bool {
        self.is_promised || matches!(self.step, Step::Publishing(_) | Step::Removing(..))
    }
}

impl Put {
    fn go_on(&mut self, done: Done) -> Result<(), Failure> {
        match (done, mem::replace(&mut self.step, Step::Writing)) {
            (Done::Opened(opened), _) => self.intake.spool.open(opened?.file, 0),
            (Done::Wrote { file, bytes, digests, result }, _) => {
                result?;
                self.intake.spool.wrote(file, bytes, digests);
            }
            (Done::Synced { file, result }, Step::Syncing(digest)) => {
                result?;
                self.intake.spool.open(file, self.intake.length);
                self.step = Step::Publishing(digest);
            }
            (Done::Published(status), Step::Publishing(digest)) => {
                status?;
                let slot = self.slot.take().expect("it ends with this");
                let own = slot.file(digest);
                self.step = match slot.land(digest, self.intake.length) {
                    Ok(None) => Step::Over(Ok(digest)),
                    Ok(Some(replaced)) => Step::Removing(replaced, Ok(digest)),
                    Err(refusal) => Step::Removing(own, Err(refusal)),
                };
            }
            (Done::Removed(result), Step::Removing(name, outcome)) => {
                // The next server knows which of two files counts.
                result.unwrap_or_else(|failure| log::warn!("{name} is left behind: {failure}"));
                self.step = Step::Over(outcome);
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    /// Goes on when all content is in the file.
    fn advance(&mut self) {
        if self.intake.is_written() && matches!(self.step, Step::Writing) {
            let digest = self.intake.digest();
            self.step = match self.intake.ack {
                Ack::Fsync => Step::Syncing(digest),
                Ack::Memory | Ack::Write => Step::Publishing(digest),
            };
        }
    }

    /// Gives up the file and the room for it.
    fn end(&mut self, outcome: Outcome) {
        (self.intake.spool, self.slot) = (Spool::default(), None);
        self.step = Step::Over(outcome);
    }

    fn fail(&mut self, failure: &Failure) {
        if self.is_promised {
            log::error!("a part that was answered by 200 is lost: {failure}");
        }
        self.end(Err(disk_refused(failure)));
    }

    /// Answers before anything is sure; what is left to be done delays only the next request.
    fn promise(&mut self, reply: &mut Reply<'_>) {
        if let Some(Err(refusal)) = self.slot.as_ref().map(Slot::promise) {
            return self.end(Err(refusal));
        }
        reply.send_early(self.told(&self.intake.digest()));
        self.is_promised = true;
    }

    /// Ends the exchange, when it is decided how.
    fn conclude(&mut self, reply: &mut Reply<'_>) {
        let Step::Over(outcome) = &self.step else { return };
        if self.is_promised {
            return reply.end(&[]);
        }
        match outcome {
            Ok(digest) => reply.send(self.told(digest)),
            Err(refusal) => {
                if !self.intake.is_complete {
                    reply.close_after_exchange();
                }
                reply.refuse(refusal, self.form);
            }
        }
    }

    /// A strong validator, as an image has it: whoever has sent the part can tell whether it came as it was.
    fn told(&self, digest: &ImageId) -> Response {
        let (number, length) = (self.number, self.intake.length);
        let response = self.representation.respond(
            || format!("part {number}, {length} bytes\n"),
            || json!({ "part": number, "bytes": length, "etag": format!("\"{digest}\"") }),
        );
        response.with("ETag", format!("\"{digest}\""))
    }
}
