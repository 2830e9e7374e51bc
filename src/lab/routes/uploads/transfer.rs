//! Content on its way into an upload, and an upload on its way to an image.
//!
//! ```text
//! Waiting ─▶ Opening ──▶ (Resizing) ──▶ (Renaming ─▶ Opening) ──▶ Writing ──▶ (Syncing) ──▶ Over
//!            Creating ────────────────────────────────────────────▶ │
//!                                  the last bytes are there: (Hashing) ──▶ (Syncing) ──▶ Publishing ──▶ Over
//! ```
//!
//! Whatever ends the content, its end, a cut, a refusal, a newer request: what has come before is written first, and
//! then the upload is let go. So the offset that the next one is told is one that it can go on from.

mod steps;

use std::sync::Arc;

use sha1::Sha1;

use super::answer::{complete, limit, partial};
use super::parts;
use super::terms::{INTEROP_VERSION, INTEROP_VERSION_FIELD, Terms, inconsistent};
use super::tus;
use crate::http::Response;
use crate::lab::exchange::{Demand, Exchange, Reply};
use crate::lab::images::file_name::FileName;
use crate::lab::images::{Image, Kept};
use crate::lab::refusal::Refusal;
use crate::lab::spool::Spool;
use crate::lab::uploads::{Found, Lease, Turn, Uploads, path, superseded};
use crate::session::{Done, Errand, Name};

pub(super) struct Transfer {
    uploads: Arc<Uploads>,
    terms: Terms,
    /// From when it is its turn until it has ended.
    lease: Option<Lease>,
    /// The number of the upload that is begun.
    begun: Option<u64>,
    spool: Spool,
    /// So much content has come.
    received: u64,
    /// What is written and does not count yet, and its SHA-1: until all of it is there, nobody knows whether it is right.
    held: u64,
    sha1: Sha1,
    /// The offset that the client has heard of.
    told: Option<u64>,
    is_complete: bool,
    is_cut: bool,
    /// Why no more content is taken, as soon as that is decided.
    refusal: Option<Refusal>,
    /// Whether the upload ends with the refusal.
    is_void: bool,
    is_under_way: bool,
    step: Step,
}

enum Step {
    /// For another request to let the upload go.
    Waiting(Turn),
    Creating,
    Opening,
    Resizing,
    Renaming,
    Writing,
    Hashing,
    /// For an image, or for an offset to be sure.
    Syncing(Option<Target>),
    Publishing(Target),
    /// The file that is of no use.
    Removing(Name, Box<Outcome>),
    Over(Outcome),
}

/// What the file is to be.
enum Target {
    New(FileName),
    /// There is an image with this content, and the disk may not have it yet: it gets the file that the disk has.
    There(Arc<Image>),
}

enum Outcome {
    /// It goes on at this offset.
    Partial(u64),
    /// The upload with this number takes parts from here on.
    Begun(u64),
    Complete(Kept, u64),
    Refused(Refusal),
    /// Nobody hears it any more.
    Cut,
}

impl Transfer {
    /// The first bytes of an upload.
    pub fn begin(uploads: &Arc<Uploads>, lease: Lease, terms: Terms) -> Transfer {
        let begun = Some(lease.facts.number);
        Transfer { lease: Some(lease), begun, ..Transfer::new(uploads, terms, Step::Creating) }
    }

    /// More of them, when it is its turn.
    pub fn append(uploads: &Arc<Uploads>, turn: Turn, terms: Terms) -> Transfer {
        Transfer::new(uploads, terms, Step::Waiting(turn))
    }

    /// More of them, at once.
    pub fn go_on(uploads: &Arc<Uploads>, lease: Lease, terms: Terms) -> Transfer {
        Transfer { lease: Some(lease), ..Transfer::new(uploads, terms, Step::Opening) }
    }

    fn new(uploads: &Arc<Uploads>, terms: Terms, step: Step) -> Transfer {
        Transfer {
            uploads: Arc::clone(uploads),
            terms,
            lease: None,
            begun: None,
            spool: Spool::default(),
            received: 0,
            held: 0,
            sha1: Sha1::default(),
            told: None,
            is_complete: false,
            is_cut: false,
            refusal: None,
            is_void: false,
            is_under_way: false,
            step,
        }
    }
}

impl Exchange for Transfer {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        if self.refusal.is_some() || matches!(self.step, Step::Over(_)) {
            return;
        }
        self.received += data.len() as u64;
        match self.admit() {
            Ok(()) => self.spool.push(data),
            Err(refusal) => self.refuse(refusal),
        }
        self.conclude(reply);
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.is_complete = true;
        self.advance();
        self.conclude(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Step::Waiting(turn) = &self.step
            && let Some(found) = turn.poll(|| reply.waker())
        {
            let number = turn.number();
            self.take_turn(number, found);
        }
        if let Some(lease) = &self.lease
            && self.refusal.is_none()
            && !self.is_complete
            && lease.is_superseded(|| reply.waker())
        {
            self.refuse(superseded());
        }
        self.conclude(reply);
    }

    fn handle_cut(&mut self) {
        self.is_cut = true;
        self.advance();
    }

    fn demand(&self) -> Demand {
        let takes_more = !self.spool.is_full() && !self.is_complete && self.refusal.is_none() && !self.is_cut;
        match self.step {
            Step::Over(_) => Demand::Content,
            Step::Waiting(_) if self.spool.is_full() => Demand::Pause,
            Step::Waiting(_) => Demand::Content,
            _ if self.is_under_way && !takes_more && !self.is_complete => Demand::Pause,
            _ if self.is_under_way => Demand::Content,
            Step::Writing if takes_more => Demand::Content,
            _ => Demand::Errand,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        let errand = self.errand()?;
        self.is_under_way = true;
        Some(errand)
    }

    fn handle_errand(&mut self, done: Done) {
        self.is_under_way = false;
        if let Err(failure) = self.handle_done(done) {
            self.fail(&failure);
        }
        self.advance();
    }

    /// What has come is not lost because its connection is.
    fn outlives_connection(&self) -> bool {
        self.lease.is_some() || matches!(self.step, Step::Removing(..))
    }
}

impl Transfer {
    fn take_turn(&mut self, number: u64, found: Result<Found, Refusal>) {
        match found.and_then(|found| super::open(number, found, &self.terms)) {
            Ok(lease) => (self.lease, self.step) = (Some(lease), Step::Opening),
            Err(refusal) => self.step = Step::Over(Outcome::Refused(refusal)),
        }
        if let Err(refusal) = self.admit() {
            self.refuse(refusal);
        }
    }

    /// Sees to it that there is room for what has come.
    fn admit(&mut self) -> Result<(), Refusal> {
        let Some(lease) = &mut self.lease else { return Ok(()) };
        self.terms.fits(lease.facts.length, self.received).inspect_err(|_| self.is_void = true)?;
        let end = self.terms.offset.unwrap_or_default() + self.received;
        let reserved = lease.progress().place.reserve(end);
        reserved.map_err(|refusal| refusal.with("Upload-Limit", limit(&self.uploads.settings)))
    }

    /// Takes no more content; what has come before is kept.
    fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.advance();
    }

    /// Sends what there is to say, and ends the exchange when it is decided how.
    fn conclude(&mut self, reply: &mut Reply<'_>) {
        self.tell_progress(reply);
        let Step::Over(outcome) = &self.step else { return };
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
            Outcome::Partial(offset) if self.terms.is_tus() => {
                reply.send(tus::appended(self.begun, *offset, None, self.uploads.expiry()));
            }
            Outcome::Complete(kept, length) if self.terms.is_tus() => {
                reply.send(tus::appended(self.begun, *length, Some(kept), self.uploads.expiry()));
            }
            Outcome::Begun(number) => reply.send(parts::begun(*number, self.terms.representation)),
            Outcome::Partial(offset) => {
                reply.send(partial(self.begun, *offset, &self.uploads.settings));
            }
            Outcome::Complete(kept, length) => {
                reply.send(complete(kept, *length, self.terms.representation));
            }
            Outcome::Cut => {}
        }
    }

    /// The 104s: where the upload is, once it is there, and how far it has come, now and then.
    fn tell_progress(&mut self, reply: &mut Reply<'_>) {
        let Some(lease) = self.lease.as_ref().filter(|_| self.terms.hears_interim) else { return };
        if !matches!(self.step, Step::Writing) {
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
}

/// Often enough for a client to let go of what it holds, and rare enough to cost nothing.
const PROGRESS_BYTES: u64 = 1024 * 1024;
