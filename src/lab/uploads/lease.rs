//! Whose turn it is: the request that came last has the upload, as soon as the one before has let go.

use std::mem;
use std::sync::Arc;
use std::task::Waker;

use super::file_name::{Facts, Shape};
use super::{Progress, Standing, Uploads, gone};
use crate::lab::images::Kept;
use crate::lab::images::file_name::FileName;
use crate::lab::images::id::ImageId;
use crate::lab::refusal::Refusal;
use crate::session::{Name, Status};

/// A request's turn at an upload, which comes unless a newer request does.
pub struct Turn {
    pub(super) uploads: Arc<Uploads>,
    pub(super) number: u64,
    pub(super) ticket: u64,
}

/// What there is when the turn has come.
pub enum Found {
    Open(Box<Lease>),
    /// One that comes in parts, which belongs to nobody alone.
    InParts,
    Complete {
        image: ImageId,
        length: u64,
        shape: Shape,
    },
}

impl Turn {
    /// What there is, if the turn has come; else the waker is woken when it does.
    ///
    /// # Errors
    /// The upload is gone, or a newer request has come.
    pub fn poll(&self, waker: impl FnOnce() -> Waker) -> Option<Result<Found, Refusal>> {
        let mut shelf = self.uploads.shelf();
        let Some(upload) = shelf.uploads.get_mut(&self.number) else { return Some(Err(gone(self.number))) };
        if upload.latest != self.ticket {
            return Some(Err(superseded()));
        }
        let facts = upload.facts.clone();
        match mem::replace(&mut upload.standing, Standing::Held) {
            Standing::Held => {
                upload.waiting = Some(waker());
                None
            }
            Standing::Complete { image, length } => {
                upload.standing = Standing::Complete { image, length };
                Some(Ok(Found::Complete { image, length, shape: facts.shape }))
            }
            Standing::InParts(parts) => {
                let is_joining = parts.is_joining();
                upload.standing = Standing::InParts(parts);
                if is_joining {
                    upload.waiting = Some(waker());
                }
                (!is_joining).then_some(Ok(Found::InParts))
            }
            Standing::Resting(progress) => {
                let lease = Lease::new(&self.uploads, self.ticket, facts, progress);
                Some(Ok(Found::Open(Box::new(lease))))
            }
        }
    }

    /// Of the upload.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Forgets an upload that is complete; the image stays.
    pub fn forget(&self) {
        self.uploads.shelf().uploads.remove(&self.number);
    }
}

/// An upload in the hands of one request. Dropping it lets the next one have it, as far as it has come.
pub struct Lease {
    uploads: Arc<Uploads>,
    ticket: u64,
    pub facts: Facts,
    /// Until it is decided what becomes of the upload.
    progress: Option<Progress>,
}

impl Lease {
    pub(super) fn new(uploads: &Arc<Uploads>, ticket: u64, facts: Facts, progress: Progress) -> Lease {
        Lease { uploads: Arc::clone(uploads), ticket, facts, progress: Some(progress) }
    }

    pub fn progress(&mut self) -> &mut Progress {
        self.progress.as_mut().expect("a lease ends with its progress")
    }

    pub fn offset(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.offset)
    }

    /// What its file is called.
    pub fn file(&mut self) -> Name {
        self.progress().file.clone()
    }

    /// Whether a newer request has come; if not, the waker is woken when it does.
    pub fn is_superseded(&self, waker: impl FnOnce() -> Waker) -> bool {
        let mut shelf = self.uploads.shelf();
        let Some(upload) = shelf.uploads.get_mut(&self.facts.number) else { return false };
        upload.holder = Some(waker());
        upload.latest != self.ticket
    }

    /// All has come, and there is an image with this content already. The upload is remembered for a while: whoever has
    /// lost the answer can ask.
    pub fn complete(mut self, image: ImageId) {
        let length = self.offset();
        self.progress = None; // which gives its place back
        self.settle(Some(Standing::Complete { image, length }));
    }

    /// The file has its final name: it is an image from here on, unless there is one already.
    pub fn keep(mut self, known: FileName, status: Status) -> Kept {
        let progress = self.progress.take().expect("a lease ends with its progress");
        let standing = Standing::Complete { image: known.id, length: progress.offset };
        let kept = progress.place.keep(known, status);
        self.settle(Some(standing));
        kept
    }

    /// Nobody finds the upload any more. Its file is still there.
    pub fn forget(mut self) {
        self.progress = None;
        self.settle(None);
    }

    fn settle(&mut self, standing: Option<Standing>) {
        let expires_millis = self.uploads.expiry();
        let mut shelf = self.uploads.shelf();
        let number = self.facts.number;
        let waiting = match (standing, shelf.uploads.get_mut(&number)) {
            (Some(standing), Some(upload)) => {
                (upload.facts, upload.standing) = (self.facts.clone(), standing);
                (upload.expires_millis, upload.holder) = (expires_millis, None);
                upload.waiting.take()
            }
            _ => shelf.uploads.remove(&number).and_then(|upload| upload.waiting),
        };
        drop(shelf);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(progress) = self.progress.take() {
            let standing = Standing::resting(progress, &self.facts);
            self.settle(standing);
        }
    }
}

/// What a request is told that a newer one has taken the place of.
pub fn superseded() -> Refusal {
    let why = "a newer request for the same upload has come, and goes on where this one was";
    Refusal::new(409, why, "HEAD for the offset, and one request at a time")
}
