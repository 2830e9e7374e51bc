//! What the client of a transfer is told, and when: on the way, at the end, or before anything is sure.

use super::super::answer::{complete, limit, partial};
use super::super::parts;
use super::super::terms::{INTEROP_VERSION, INTEROP_VERSION_FIELD};
use super::super::tus;
use super::{Outcome, Step, Transfer};
use crate::http::Response;
use crate::lab::exchange::Reply;
use crate::lab::images::Kept;
use crate::lab::images::id::ImageId;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::path;

impl Transfer {
    /// Sends what there is to say, and ends the exchange when it is decided how.
    pub(super) fn conclude(&mut self, reply: &mut Reply<'_>) {
        self.tell_progress(reply);
        let Step::Over(outcome) = &self.step else { return };
        if self.is_promised {
            if let Outcome::Refused(refusal) = outcome {
                log::error!("an upload that was answered by a success is not kept: {}", refusal.why);
            }
            return reply.end(&[]);
        }
        if !reply.can_answer() {
            return;
        }
        if !self.is_complete {
            reply.close_after_exchange();
        }
        match outcome {
            Outcome::Refused(refusal) => {
                reply.refuse(&self.terms.refused(refusal.clone()), self.terms.form);
            }
            Outcome::Begun(number) => reply.send(parts::begun(*number, self.terms.representation)),
            Outcome::Partial(offset) => reply.send(self.partial_response(*offset)),
            Outcome::Complete(Kept::New(image), length) => {
                reply.send(self.complete_response(&image.id, true, *length));
            }
            Outcome::Complete(Kept::There(image), length) => {
                reply.send(self.complete_response(&image.id, false, *length));
            }
            Outcome::Cut => {}
        }
    }

    /// Answers before anything is sure, if it can be known what there is to say; what is left to be done delays only the
    /// next request. Whether checked content counts, nobody knows before all of it was computed.
    pub(super) fn promise(&mut self, reply: &mut Reply<'_>) {
        let Some(lease) = &self.lease else { return };
        if self.refusal.is_some() || self.terms.checksum().is_some() {
            return;
        }
        let (end, length) = (self.terms.offset.unwrap_or_default() + self.received, lease.facts.length);
        let is_piece = match lease.facts.shape {
            Shape::Whole => false,
            Shape::Partial => true,
            // No content comes with them.
            Shape::Final(_) | Shape::Parts(_) => return,
        };
        let response = if is_piece || !self.terms.ends_at(end, length) {
            self.partial_response(end)
        } else if length.is_some_and(|length| length != end) {
            return;
        } else {
            let Some(id) = self.spool.sha256().map(ImageId::of) else { return };
            self.complete_response(&id, self.uploads.images.find(&id).is_none(), end)
        };
        reply.send_early(response);
        self.is_promised = true;
    }

    /// The 104s: where the upload is, once it is there, and how far it has come, now and then.
    fn tell_progress(&mut self, reply: &mut Reply<'_>) {
        let Some(lease) = self.lease.as_ref().filter(|_| self.terms.hears_interim) else { return };
        if !matches!(self.step, Step::Writing) || !reply.can_answer() {
            return;
        }
        let interim = Response::new(104).with(INTEROP_VERSION_FIELD, INTEROP_VERSION.to_string());
        match self.told {
            None if self.begun.is_some() => {
                let interim = interim.with("Location", path(lease.facts.number));
                reply.send_interim(&interim.with("Upload-Limit", limit(&self.uploads.settings)));
                self.told = Some(0);
            }
            None => self.told = Some(lease.offset()),
            Some(told) if lease.offset() >= told + PROGRESS_BYTES => {
                reply.send_interim(&interim.with("Upload-Offset", lease.offset().to_string()));
                self.told = Some(lease.offset());
            }
            Some(_) => {}
        }
    }

    fn partial_response(&self, offset: u64) -> Response {
        match self.terms.is_tus() {
            true => tus::appended(self.begun, offset, None, self.uploads.expiry()),
            false => partial(self.begun, offset, &self.uploads.settings),
        }
    }

    fn complete_response(&self, image: &ImageId, is_new: bool, length: u64) -> Response {
        match self.terms.is_tus() {
            true => tus::appended(self.begun, length, Some(image), self.uploads.expiry()),
            false => complete(image, is_new, length, self.terms.representation),
        }
    }
}

/// Often enough for a client to let go of what it holds, and rare enough to cost nothing.
const PROGRESS_BYTES: u64 = 1024 * 1024;
