//! `HEAD /uploads/{id}` and `DELETE /uploads/{id}`: both end whatever request has the upload, and wait until it has let
//! go. So the offset is one that can be gone on from.
//!
//! A client of tus does not go on from the end: it takes the upload for complete, and never comes again. So whoever is
//! told the end is told it of an image. Where the last request was cut before there was one, it is made first.

use std::mem;
use std::sync::Arc;

use super::answer::limit;
use super::terms::Terms;
use super::transfer::Transfer;
use super::tus;
use crate::http::Response;
use crate::http::structured::encode_boolean;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::disk_refused;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::settings::UploadSettings;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::{Found, Lease, Turn, Uploads};
use crate::session::{Done, Errand, Failure, Name};

/// `HEAD /uploads/{id}`
pub(super) fn tell(call: &Call<'_>, turn: Turn) -> Answer {
    Answer::exchange(Visit::new(call, turn, Wanted::Offset, false))
}

/// The same in the words of tus; `terms` are those of a request that adds nothing.
pub(super) fn tell_by_tus(call: &Call<'_>, turn: Turn, terms: Terms) -> Answer {
    let last = Some((Arc::clone(&call.lab.uploads), terms));
    Answer::exchange(Visit { last, ..Visit::new(call, turn, Wanted::Offset, true) })
}

/// `DELETE /uploads/{id}`
pub(super) fn cancel(call: &Call<'_>, turn: Turn, is_tus: bool) -> Answer {
    Answer::exchange(Visit::new(call, turn, Wanted::End, is_tus))
}

struct Visit {
    turn: Turn,
    wanted: Wanted,
    /// Whether it is spoken of in the words of tus.
    is_tus: bool,
    /// What completes an upload of which all is there.
    last: Option<(Arc<Uploads>, Terms)>,
    form: Form,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Offset,
    End,
}

enum Step {
    /// The request is not complete.
    Receiving,
    Waiting,
    Completing(Box<Transfer>),
    /// The files of an upload that nobody finds any more; the last one goes next.
    Removing(Vec<Name>),
    UnderWay(Vec<Name>),
    Removed(Result<(), Failure>),
    Over,
}

impl Exchange for Visit {
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {
        self.step = Step::Waiting;
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Step::Waiting = self.step
            && let Some(found) = self.turn.poll(|| reply.waker())
        {
            self.step = Step::Over;
            match (found, self.wanted) {
                (Err(refusal), _) => self.refuse(refusal, reply),
                (Ok(Found::Open(lease)), Wanted::Offset) => self.look_at(*lease, reply),
                (Ok(found), Wanted::Offset) => self.tell(&found, reply),
                (Ok(Found::Open(mut lease)), Wanted::End) => {
                    self.step = Step::Removing(vec![lease.file()]);
                    lease.forget();
                }
                (Ok(Found::InParts), Wanted::End) => {
                    let files = self.turn.forget_parts();
                    self.step = Step::Removing(files.into_iter().rev().collect());
                }
                (Ok(Found::Complete { .. }), Wanted::End) => {
                    self.turn.forget();
                    reply.send(self.gone());
                }
            }
        }
        match &self.step {
            Step::Completing(transfer) => {
                if let Some(found) = transfer.found() {
                    self.step = Step::Over;
                    match found {
                        Ok(found) => self.tell(&found, reply),
                        Err(refusal) => self.refuse(refusal, reply),
                    }
                }
            }
            Step::Removed(_) => self.conclude(reply),
            Step::Receiving | Step::Waiting | Step::Removing(_) | Step::UnderWay(_) | Step::Over => {}
        }
    }

    fn demand(&self) -> Demand {
        match &self.step {
            Step::Completing(transfer) => transfer.demand(),
            Step::Removing(_) => Demand::Errand,
            _ => Demand::Content,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        match &mut self.step {
            Step::Completing(transfer) => transfer.poll_errand(),
            Step::Removing(files) => {
                let name = files.pop()?;
                self.step = Step::UnderWay(mem::take(files));
                Some(Errand::Remove { name })
            }
            _ => None,
        }
    }

    fn handle_errand(&mut self, done: Done) {
        if let Step::Completing(transfer) = &mut self.step {
            return transfer.handle_errand(done);
        }
        let Done::Removed(result) = done else { unreachable!("no such errand was given: {done:?}") };
        self.step = match mem::replace(&mut self.step, Step::Over) {
            Step::UnderWay(files) if !files.is_empty() => Step::Removing(files),
            _ => Step::Removed(result),
        };
    }

    /// What nobody finds any more shall not stay, and what is there shall not be left.
    fn outlives_connection(&self) -> bool {
        match &self.step {
            Step::Completing(transfer) => transfer.outlives_connection(),
            step => matches!(step, Step::Removing(_) | Step::UnderWay(_)),
        }
    }
}

impl Visit {
    fn new(call: &Call<'_>, turn: Turn, wanted: Wanted, is_tus: bool) -> Visit {
        Visit { turn, wanted, is_tus, last: None, form: call.form(), step: Step::Receiving }
    }

    fn look_at(&mut self, lease: Lease, reply: &mut Reply<'_>) {
        let is_whole = lease.facts.shape == Shape::Whole;
        let is_all_there = is_whole && lease.facts.length == Some(lease.offset());
        match self.last.take_if(|_| is_all_there) {
            Some((uploads, terms)) => {
                self.step = Step::Completing(Box::new(Transfer::complete_by(&uploads, lease, terms)));
            }
            None => self.tell(&Found::Open(Box::new(lease)), reply),
        }
    }

    fn tell(&self, found: &Found, reply: &mut Reply<'_>) {
        reply.send(match self.is_tus {
            true => tus::state(found, reply.lab.uploads.expiry()),
            false => state(found, &reply.lab.settings.uploads),
        });
    }

    fn conclude(&mut self, reply: &mut Reply<'_>) {
        match mem::replace(&mut self.step, Step::Over) {
            Step::Removed(Err(failure)) if failure != Failure::Missing => {
                self.refuse(disk_refused(&failure), reply);
            }
            _ => reply.send(self.gone()),
        }
    }

    fn gone(&self) -> Response {
        if self.is_tus { tus::spoken(Response::new(204)) } else { Response::new(204) }
    }

    fn refuse(&self, refusal: Refusal, reply: &mut Reply<'_>) {
        let refusal = if self.is_tus { tus::refused(refusal) } else { refusal };
        reply.refuse(&refusal, self.form);
    }
}

/// How far an upload has come.
fn state(found: &Found, settings: &UploadSettings) -> Response {
    let response = match found {
        Found::Open(lease) => standing(false, lease.offset(), lease.facts.length),
        Found::Complete { image, length, .. } => {
            standing(true, *length, Some(*length)).with("Location", image.path())
        }
        // What comes in parts has no offset to go on from.
        Found::InParts => Response::new(204).with("Upload-Complete", encode_boolean(false)),
    };
    response.with("Upload-Limit", limit(settings)).with("Cache-Control", "no-store")
}

fn standing(is_complete: bool, offset: u64, length: Option<u64>) -> Response {
    let response = Response::new(204)
        .with("Upload-Complete", encode_boolean(is_complete))
        .with("Upload-Offset", offset.to_string());
    match length {
        Some(length) => response.with("Upload-Length", length.to_string()),
        None => response,
    }
}
