//! Content on its way into an upload, and an upload on its way to an image.
//!
//! ```text
//! Waiting ─▶ Opening ──▶ (Resizing) ──▶ (Renaming) ──▶ Writing ──▶ (Syncing) ──▶ Over
//!            Creating ───────────────────────────────▶ │  ▲
//!                                                      │  └── checked content is right: (Syncing ─▶) Counting
//!                 the last bytes are there: (Hashing) ─┴──▶ (Syncing) ──▶ Publishing ──▶ Over
//! ```
//!
//! Whatever ends the content, its end, a cut, a refusal, a newer request: what has come before is written first, and
//! then the upload is let go. So the offset that the next one is told is one that it can go on from.

mod counting;
mod replies;
mod steps;

use std::sync::Arc;

use super::answer::limit;
use super::terms::{Terms, inconsistent};
use super::tus;
use crate::lab::exchange::{Demand, Exchange, Reply};
use crate::lab::images::file_name::FileName;
use crate::lab::images::{Image, Kept};
use crate::lab::journal::Ack;
use crate::lab::refusal::Refusal;
use crate::lab::spool::Spool;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::{Found, Lease, Turn, Uploads, superseded};
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
    /// What is written and does not count yet: until all of it is there, nobody knows whether it is right.
    held: u64,
    /// The offset that the client has heard of.
    told: Option<u64>,
    is_complete: bool,
    is_cut: bool,
    /// The client has its answer, and the rest is still to be done.
    is_promised: bool,
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
    /// All that a server before this one has written.
    Hashing,
    Syncing(Sure),
    /// The name is to tell that the content counts which is written and held.
    Counting,
    Publishing(Target),
    /// The file that is of no use.
    Removing(Name, Box<Outcome>),
    Over(Outcome),
}

/// What has to be sure before it goes on.
enum Sure {
    /// Content that is held, before it counts.
    Content,
    /// An offset, before the client is told.
    Offset,
    /// An image, before it has its name.
    Image(Target),
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
        let mut transfer = Transfer { begun, ..Transfer::new(uploads, terms, Step::Creating) };
        transfer.hold(lease);
        transfer.name_file();
        transfer
    }

    /// More of them, when it is its turn.
    pub fn append(uploads: &Arc<Uploads>, turn: Turn, terms: Terms) -> Transfer {
        Transfer::new(uploads, terms, Step::Waiting(turn))
    }

    /// More of them, at once.
    pub fn go_on(uploads: &Arc<Uploads>, lease: Lease, terms: Terms) -> Transfer {
        let mut transfer = Transfer::new(uploads, terms, Step::Opening);
        transfer.hold(lease);
        transfer
    }

    /// None of them: all is there, and only the image is not.
    pub fn complete_by(uploads: &Arc<Uploads>, lease: Lease, terms: Terms) -> Transfer {
        Transfer { is_complete: true, ..Transfer::go_on(uploads, lease, terms) }
    }

    /// What there is in the end, when it has come to that.
    pub fn found(&self) -> Option<Result<Found, Refusal>> {
        match &self.step {
            Step::Over(Outcome::Complete(Kept::New(image) | Kept::There(image), length)) => {
                // Pieces of others are never made into one.
                Some(Ok(Found::Complete { image: image.id, length: *length, shape: Shape::Whole }))
            }
            Step::Over(Outcome::Refused(refusal)) => Some(Err(refusal.clone())),
            _ => None,
        }
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
            told: None,
            is_complete: false,
            is_cut: false,
            is_promised: false,
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
        if self.terms.ack == Ack::Memory && !matches!(self.step, Step::Over(_)) {
            self.promise(reply);
        }
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
            Ok(lease) => {
                self.hold(lease);
                self.step = Step::Opening;
            }
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
}
