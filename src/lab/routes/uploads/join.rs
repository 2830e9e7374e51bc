//! Many files become one: the parts of an upload, or the partial uploads of tus.
//!
//! ```text
//! Receiving ─▶ Claiming ─▶ Creating ─▶ (Opening ─▶ Copying ─▶ …) ─▶ (Syncing) ─▶ Publishing ─▶ (Removing ─▶ …) ─▶ Over
//!                                                              └──it is there already──────────▶ │
//! ```
//!
//! Nothing of it passes through here: the disk copies from file to file, a piece at a time, so that others have their
//! turn between. The new file gets its final name when it is whole, and the old ones are removed behind that. So
//! whatever ends the server on the way, there are all pieces, or the image. The client has its answer as soon as there
//! is the image.

mod steps;
mod telling;

use std::mem;
use std::sync::Arc;

use sha2::Sha256;

use self::telling::Telling;
use crate::lab::exchange::{Answer, Demand, Exchange, Reply};
use crate::lab::images::file_name::FileName;
use crate::lab::images::{Image, Kept};
use crate::lab::refusal::Refusal;
use crate::lab::uploads::{Claim, Claimed, Pieces, Source, Uploads};
use crate::session::{Done, Errand, File, Name};

pub(super) use self::telling::{Manner, Words};

pub(super) struct Join {
    uploads: Arc<Uploads>,
    manner: Manner,
    /// Of the upload that they become, when it is known.
    number: u64,
    /// From when they are to be had until they are an image.
    pieces: Option<Pieces>,
    /// What is still to be joined; the last one comes next.
    sources: Vec<Source>,
    file: Option<File>,
    source: Option<File>,
    /// So much of the source is copied.
    copied: u64,
    /// So much is joined.
    length: u64,
    digest: Option<Box<Sha256>>,
    /// What is of no use any more; the last one goes next.
    left: Vec<Name>,
    is_under_way: bool,
    step: Step,
    outcome: Option<Result<(Kept, u64), Refusal>>,
    telling: Telling,
}

enum Step {
    /// The request is not complete.
    Receiving(Claim),
    /// For others to let go of the pieces.
    Claiming(Claim),
    Creating,
    Opening,
    Copying,
    Syncing(Target),
    Publishing(Target),
    Removing,
    Over,
}

/// What the file is to be.
enum Target {
    New(FileName),
    /// There is an image with this content, and the disk may not have it yet: it gets the file that the disk has.
    There(Arc<Image>),
}

impl Join {
    pub fn answer(uploads: &Arc<Uploads>, claim: Claim, manner: Manner) -> Answer {
        Answer::exchange(Join {
            uploads: Arc::clone(uploads),
            manner,
            number: 0,
            pieces: None,
            sources: Vec::new(),
            file: None,
            source: None,
            copied: 0,
            length: 0,
            digest: Some(Box::default()),
            left: Vec::new(),
            is_under_way: false,
            step: Step::Receiving(claim),
            outcome: None,
            telling: Telling::Silent,
        })
    }
}

impl Exchange for Join {
    fn receive_end(&mut self, _reply: &mut Reply<'_>) {
        if let Step::Receiving(claim) = mem::replace(&mut self.step, Step::Over) {
            self.step = Step::Claiming(claim);
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Step::Claiming(claim) = &mut self.step
            && let Some(claimed) = claim.poll(|| reply.waker())
        {
            self.begin(claimed);
        }
        self.tell(reply);
    }

    fn demand(&self) -> Demand {
        match self.step {
            Step::Receiving(_) | Step::Claiming(_) | Step::Over => Demand::Content,
            _ if self.is_under_way => Demand::Content,
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
    }

    /// Whoever asks for it again finds it done.
    fn outlives_connection(&self) -> bool {
        self.pieces.is_some() || matches!(self.step, Step::Removing)
    }
}

impl Join {
    fn begin(&mut self, claimed: Result<Claimed, Refusal>) {
        match claimed {
            Ok(Claimed::Pieces(mut pieces)) => {
                self.sources = pieces.sources();
                self.sources.reverse();
                self.number = pieces.number();
                (self.pieces, self.step) = (Some(pieces), Step::Creating);
            }
            Ok(Claimed::Complete { image, length }) => {
                let image = self.uploads.images.find(&image);
                let outcome = image.map(|image| (Kept::There(image), length));
                self.end(outcome.ok_or_else(deleted));
            }
            Err(refusal) => self.end(Err(refusal)),
        }
    }

    fn end(&mut self, outcome: Result<(Kept, u64), Refusal>) {
        (self.file, self.source, self.pieces) = (None, None, None);
        (self.outcome, self.step) = (Some(outcome), Step::Over);
    }
}

fn deleted() -> Refusal {
    Refusal::new(410, "the upload was complete, and its image was deleted", "POST /uploads for another")
}
