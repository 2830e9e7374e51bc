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
        ack,
        representation: call.representation(),
        form: call.form(),
        length: 0,
        spool: Spool::with_sha256(ack == Ack::Memory),
        is_complete: false,
        is_promised: false,
        is_under_way: false,
        step: Step::Creating,
    }))
}

struct Put {
    number: u16,
    /// Until it is there, or nothing.
    slot: Option<Slot>,
    ack: Ack,
    representation: Representation,
    form: Form,
    length: u64,
    spool: Spool,
    /// All content has come.
    is_complete: bool,
    /// The client has its answer, and everything else is still to be done.
    is_promised: bool,
    is_under_way: bool,
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
        self.length += data.len() as u64;
        if let Some(slot) = &mut self.slot
            && let Err(refusal) = slot.reserve(self.length)
        {
            self.end(Err(refusal));
            return self.conclude(reply);
        }
        self.spool.push(data);
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.is_complete = true;
        self.advance();
        if self.ack == Ack::Memory && !matches!(self.step, Step::Over(_)) {
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
            _ if self.is_under_way && self.spool.is_full() && !self.is_complete => Demand::Pause,
            _ if self.is_under_way => Demand::Content,
            Step::Writing if !self.spool.is_full() && !self.is_complete => Demand::Content,
            _ => Demand::Errand,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let errand = match &self.step {
            Step::Creating => Errand::Create { name: self.slot.as_ref()?.incoming(), stay: Stay::WhileOpen },
            Step::Writing => self.spool.write()?,
            Step::Syncing(_) => Errand::Sync { file: self.spool.take_file()? },
            Step::Publishing(digest) => Errand::Publish {
                file: self.spool.take_file()?,
                name: self.slot.as_ref()?.file(*digest),
                sync: self.ack == Ack::Fsync,
            },
            Step::Removing(name, _) => Errand::Remove { name: name.clone() },
            Step::Over(_) => return None,
        };
        self.is_under_way = true;
        Some(errand)
    }

    fn handle_errand(&mut self, done: Done) {
        self.is_under_way = false;
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
            (Done::Opened(opened), _) => self.spool.open(opened?.file, 0),
            (Done::Wrote { file, bytes, digests, result }, _) => {
                result?;
                self.spool.wrote(file, bytes, digests);
            }
            (Done::Synced { file, result }, Step::Syncing(digest)) => {
                result?;
                self.spool.open(file, self.length);
                self.step = Step::Publishing(digest);
            }
            (Done::Published(status), Step::Publishing(digest)) => {
                status?;
                let slot = self.slot.take().expect("it ends with this");
                let own = slot.file(digest);
                self.step = match slot.land(digest, self.length) {
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
        let is_written = self.is_complete && !self.is_under_way && self.spool.is_empty();
        if is_written && matches!(self.step, Step::Writing) {
            let digest = self.digest();
            self.step = match self.ack {
                Ack::Fsync => Step::Syncing(digest),
                Ack::Memory | Ack::Write => Step::Publishing(digest),
            };
        }
    }

    /// That of the content, which is asked for only when all of it is in it.
    fn digest(&self) -> ImageId {
        ImageId::of(
            self.spool.sha256().expect("all content has come, and is written if it is not digested early"),
        )
    }

    /// Gives up the file and the room for it.
    fn end(&mut self, outcome: Outcome) {
        (self.spool, self.slot) = (Spool::default(), None);
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
        reply.send_early(self.told(&self.digest()));
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
                if !self.is_complete {
                    reply.close_after_exchange();
                }
                reply.refuse(refusal, self.form);
            }
        }
    }

    /// A strong validator, as an image has it: whoever has sent the part can tell whether it came as it was.
    fn told(&self, digest: &ImageId) -> Response {
        let (number, length) = (self.number, self.length);
        let response = self.representation.respond(
            || format!("part {number}, {length} bytes\n"),
            || json!({ "part": number, "bytes": length, "etag": format!("\"{digest}\"") }),
        );
        response.with("ETag", format!("\"{digest}\""))
    }
}
