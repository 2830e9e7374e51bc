//! `POST /images`: content that streams into a file, and becomes an image when it is whole.
//!
//! ```text
//! Creating ──▶ Writing ──▶ (Syncing) ──▶ Publishing ──▶ Over
//!                 │            ▲             └──the same content was faster──▶ Removing ──▶ Over
//!                 │            └──(Opening)──┐
//!                 └──it is there already─────┴──▶ Over
//! ```
//!
//! Until it is published the file is only there to be open: whatever ends the upload before, a cut, a broken chunk, a
//! full disk, leaves nothing behind.

use std::mem;
use std::sync::Arc;

use serde_json::json;

use super::content_type::content_type;
use super::last_modified;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::file_name::FileName;
use crate::lab::images::id::ImageId;
use crate::lab::images::{Image, Images, Kept, Place, disk_refused};
use crate::lab::intake::Intake;
use crate::lab::journal::Ack;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::spool::Spool;
use crate::session::{Done, Errand, Failure, Name, Stay};

/// `POST /images`
pub(super) fn upload(call: &Call<'_>) -> Result<Answer, Refusal> {
    let announced = call.request.framing.content_length();
    let content_type = content_type(call)?;
    let ack = Ack::of_file(call)?;
    let place = call.lab.images.admit(announced)?;
    Ok(Answer::exchange(Upload {
        images: Arc::clone(&call.lab.images),
        incoming: place.incoming(),
        place: Some(place),
        content_type,
        intake: Intake::new(ack),
        representation: call.representation(),
        form: call.form(),
        is_promised: false,
        step: Step::Creating,
    }))
}

struct Upload {
    images: Arc<Images>,
    incoming: Name,
    /// Until it is an image, or nothing.
    place: Option<Place>,
    content_type: String,
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
    /// There is an image with this content already, and nobody knows whether the disk has it.
    Opening(Arc<Image>),
    Syncing(Target),
    Publishing(Target),
    /// This content was published by somebody else a moment before.
    Removing(Name, Arc<Image>),
    Over(Result<Kept, Refusal>),
}

/// What the open file is, or is to be.
enum Target {
    New(FileName),
    There(Arc<Image>),
}

impl Target {
    fn file(&self) -> Name {
        match self {
            Target::New(known) => known.name(),
            Target::There(image) => image.file.clone(),
        }
    }
}

impl Exchange for Upload {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if matches!(self.step, Step::Over(_)) {
            return;
        }
        self.intake.length += data.len() as u64;
        if let Some(place) = &mut self.place
            && let Err(refusal) = place.reserve(self.intake.length)
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
            Step::Creating => Errand::Create { name: self.incoming.clone(), stay: Stay::WhileOpen },
            Step::Writing => self.intake.spool.write()?,
            Step::Opening(image) => Errand::Open { name: image.file.clone() },
            Step::Syncing(_) => Errand::Sync { file: self.intake.spool.take_file()? },
            Step::Publishing(target) => Errand::Publish {
                file: self.intake.spool.take_file()?,
                name: target.file(),
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

    fn outlives_connection(&self) -> bool {
        self.is_promised
    }
}

impl Upload {
    fn go_on(&mut self, done: Done) -> Result<(), Failure> {
        match (done, mem::replace(&mut self.step, Step::Writing)) {
            (Done::Opened(opened), Step::Opening(image)) => {
                self.intake.spool.open(opened?.file, self.intake.length);
                self.step = Step::Syncing(Target::There(image));
            }
            (Done::Opened(opened), _) => self.intake.spool.open(opened?.file, 0),
            (Done::Wrote { file, bytes, digests, result }, _) => {
                result?;
                self.intake.spool.wrote(file, bytes, digests);
            }
            (Done::Synced { file, result }, Step::Syncing(target)) => {
                result?;
                self.intake.spool.open(file, self.intake.length);
                self.step = Step::Publishing(target);
            }
            (Done::Published(status), Step::Publishing(Target::There(image))) => {
                status?;
                self.end(Ok(Kept::There(image)));
            }
            (Done::Published(status), Step::Publishing(Target::New(known))) => {
                let (status, own) = (status?, known.name());
                let kept = self.place.take().expect("it ends with this").keep(known, status);
                self.step = match kept {
                    Kept::There(image) => Step::Removing(own, image),
                    Kept::New(_) => Step::Over(Ok(kept)),
                };
            }
            (Done::Removed(result), Step::Removing(name, image)) => {
                // The image is there all the same, and the next server knows a spare file from an image.
                result.unwrap_or_else(|failure| log::warn!("{name} is left behind: {failure}"));
                self.step = Step::Over(Ok(Kept::There(image)));
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    /// Goes on when all content is in the file.
    fn advance(&mut self) {
        if !self.intake.is_written() || !matches!(self.step, Step::Writing) {
            return;
        }
        let id = self.intake.digest();
        let Some(image) = self.images.find(&id) else {
            let number = self.place.as_ref().expect("it ends when this does").number();
            let target = Target::New(FileName { id, number, content_type: self.content_type.clone() });
            self.step = match self.intake.ack {
                Ack::Fsync => Step::Syncing(target),
                Ack::Memory | Ack::Write => Step::Publishing(target),
            };
            return;
        };
        match self.intake.ack {
            Ack::Fsync => {
                self.give_up();
                self.step = Step::Opening(image);
            }
            Ack::Memory | Ack::Write => self.end(Ok(Kept::There(image))),
        }
    }

    /// Gives up the file and the room for it.
    fn give_up(&mut self) {
        (self.intake.spool, self.place) = (Spool::default(), None);
    }

    fn end(&mut self, outcome: Result<Kept, Refusal>) {
        self.give_up();
        self.step = Step::Over(outcome);
    }

    fn fail(&mut self, failure: &Failure) {
        if self.is_promised {
            log::error!("an upload that was answered by 201 is lost: {failure}");
        }
        self.end(Err(disk_refused(failure)));
    }

    /// Answers before anything is sure; what is left to be done delays only the next request.
    fn promise(&mut self, reply: &mut Reply<'_>) {
        let id = self.intake.digest();
        if let Some(image) = self.images.find(&id) {
            return self.end(Ok(Kept::There(image)));
        }
        reply.send_early(self.told(201, &id));
        self.is_promised = true;
    }

    /// Ends the exchange, when it is decided how.
    fn conclude(&mut self, reply: &mut Reply<'_>) {
        let Step::Over(outcome) = &self.step else { return };
        if self.is_promised {
            return reply.end(&[]);
        }
        match outcome {
            Ok(Kept::New(image)) => {
                let response = self.told(201, &image.id);
                reply.send(response.with("Last-Modified", last_modified(image)));
            }
            // "If the result of processing a POST would be equivalent to a representation of an existing resource, an
            // origin server MAY redirect the user agent to that resource by sending a 303" (RFC 9110 §9.3.3): whoever
            // sends again because an answer was lost learns that nothing new was made, and where it is.
            Ok(Kept::There(image)) => reply.send(self.told(303, &image.id)),
            Err(refusal) => {
                if !self.intake.is_complete {
                    reply.close_after_exchange();
                }
                reply.refuse(refusal, self.form);
            }
        }
    }

    fn told(&self, status: u16, id: &ImageId) -> Response {
        let path = id.path();
        let response = self
            .representation
            .respond(|| format!("{path}\n"), || json!({ "image": path, "bytes": self.intake.length }));
        response.with_status(status).with("Location", path.clone()).with("ETag", format!("\"{id}\""))
    }
}
