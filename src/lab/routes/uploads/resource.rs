//! `HEAD /uploads/{id}` and `DELETE /uploads/{id}`: both end whatever request has the upload, and wait until it has let
//! go. So the offset is one that can be gone on from.

use std::mem;

use super::answer::limit;
use super::tus;
use crate::http::Response;
use crate::http::structured::encode_boolean;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::disk_refused;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::settings::UploadSettings;
use crate::lab::uploads::{Found, Turn};
use crate::session::{Done, Errand, Failure, Name};

/// `HEAD /uploads/{id}`
pub(super) fn tell(call: &Call<'_>, turn: Turn, is_tus: bool) -> Answer {
    Answer::exchange(Visit { turn, wanted: Wanted::Offset, is_tus, form: call.form(), step: Step::Receiving })
}

/// `DELETE /uploads/{id}`
pub(super) fn cancel(call: &Call<'_>, turn: Turn, is_tus: bool) -> Answer {
    Answer::exchange(Visit { turn, wanted: Wanted::End, is_tus, form: call.form(), step: Step::Receiving })
}

struct Visit {
    turn: Turn,
    wanted: Wanted,
    /// Whether it is spoken of in the words of tus.
    is_tus: bool,
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
            match found {
                Ok(found) if self.wanted == Wanted::Offset && self.is_tus => {
                    reply.send(tus::state(&found, reply.lab.uploads.expiry()));
                }
                Ok(found) if self.wanted == Wanted::Offset => {
                    reply.send(state(&found, &reply.lab.settings.uploads));
                }
                Ok(Found::Open(mut lease)) => {
                    self.step = Step::Removing(vec![lease.file()]);
                    lease.forget();
                }
                Ok(Found::InParts) => {
                    let files = self.turn.forget_parts();
                    self.step = Step::Removing(files.into_iter().rev().collect());
                }
                Ok(Found::Complete { .. }) => {
                    self.turn.forget();
                    reply.send(self.gone());
                }
                Err(refusal) => self.refuse(refusal, reply),
            }
        }
        if let Step::Removed(_) = self.step {
            self.conclude(reply);
        }
    }

    fn demand(&self) -> Demand {
        if let Step::Removing(_) = self.step { Demand::Errand } else { Demand::Content }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let Step::Removing(files) = &mut self.step else { return None };
        let name = files.pop()?;
        self.step = Step::UnderWay(mem::take(files));
        Some(Errand::Remove { name })
    }

    fn handle_errand(&mut self, done: Done) {
        let Done::Removed(result) = done else { unreachable!("no such errand was given: {done:?}") };
        self.step = match mem::replace(&mut self.step, Step::Over) {
            Step::UnderWay(files) if !files.is_empty() => Step::Removing(files),
            _ => Step::Removed(result),
        };
    }

    /// What nobody finds any more shall not stay.
    fn outlives_connection(&self) -> bool {
        matches!(self.step, Step::Removing(_) | Step::UnderWay(_))
    }
}

impl Visit {
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
