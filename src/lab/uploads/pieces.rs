//! What an image is joined of: the parts of one upload, or other uploads, each a piece of it.

use std::mem;
use std::sync::Arc;
use std::task::Waker;

use super::file_name::Shape;
use super::parts::Batch;
use super::{Found, Lease, Turn, Uploads, path};
use crate::lab::images::file_name::FileName;
use crate::lab::images::id::ImageId;
use crate::lab::images::{Image, Kept};
use crate::lab::refusal::Refusal;
use crate::session::{Name, Status};

/// A request for pieces, until it has them all.
pub enum Claim {
    Parts(Turn),
    /// In their order, and what the image is to be.
    Partials {
        uploads: Arc<Uploads>,
        turns: Vec<Turn>,
        leases: Vec<Lease>,
        whole: Whole,
    },
}

/// What is said of an upload that is put together of others.
pub struct Whole {
    /// Of which others, as it was said.
    pub of: Box<str>,
    pub content_type: String,
    pub metadata: Option<Box<str>>,
}

pub enum Claimed {
    Pieces(Pieces),
    /// It has been done before.
    Complete {
        image: ImageId,
        length: u64,
    },
}

/// The pieces, as long as they are in the hands of one request. If they are not joined, they stay what they are.
pub enum Pieces {
    Parts(Batch),
    Partials { whole: Box<Lease>, partials: Vec<Lease> },
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub file: Name,
    pub length: u64,
}

impl Claim {
    /// The pieces, when all are to be had; else the waker is woken when something has changed.
    ///
    /// # Errors
    /// Some are gone, or not complete, or are no pieces; or a newer request has come; or there is no room.
    pub fn poll(&mut self, waker: impl Fn() -> Waker) -> Option<Result<Claimed, Refusal>> {
        let (uploads, turns, leases, whole) = match self {
            Claim::Parts(turn) => return turn.poll_batch(waker),
            Claim::Partials { uploads, turns, leases, whole } => (uploads, turns, leases, whole),
        };
        while let Some(turn) = turns.get(leases.len()) {
            match turn.poll(&waker)?.and_then(|found| piece(turn.number, found)) {
                Ok(lease) => leases.push(lease),
                Err(refusal) => return Some(Err(refusal)),
            }
        }
        let (of, metadata) = (whole.of.clone(), whole.metadata.take());
        let begun = uploads.begin(Shape::Final(of), None, whole.content_type.clone(), metadata);
        let length: u64 = leases.iter().map(Lease::offset).sum();
        Some(begun.and_then(|mut whole| {
            whole.progress().place.fits(length)?;
            let partials = mem::take(leases);
            Ok(Claimed::Pieces(Pieces::Partials { whole: Box::new(whole), partials }))
        }))
    }
}

impl Pieces {
    /// The upload that they become.
    pub fn number(&self) -> u64 {
        match self {
            Pieces::Parts(batch) => batch.number(),
            Pieces::Partials { whole, .. } => whole.facts.number,
        }
    }

    pub fn content_type(&self) -> &str {
        match self {
            Pieces::Parts(batch) => &batch.content_type,
            Pieces::Partials { whole, .. } => &whole.facts.content_type,
        }
    }

    /// What the image is called until it is whole.
    pub fn incoming(&mut self) -> Name {
        match self {
            Pieces::Parts(batch) => batch.incoming.clone(),
            Pieces::Partials { whole, .. } => whole.progress().place.incoming(),
        }
    }

    /// In their order.
    pub fn sources(&mut self) -> Vec<Source> {
        match self {
            Pieces::Parts(batch) => mem::take(&mut batch.sources),
            Pieces::Partials { partials, .. } => {
                let source = |lease: &mut Lease| Source { file: lease.file(), length: lease.offset() };
                partials.iter_mut().map(source).collect()
            }
        }
    }

    /// The joined file has its final name. Answers the files that are of no use any more, that one included if there is
    /// an image with this content already.
    pub fn keep(self, known: FileName, status: Status) -> (Kept, Vec<Name>) {
        let own = known.name();
        let (kept, mut left) = match self {
            Pieces::Parts(batch) => batch.complete(status.length, |place| place.keep(known, status)),
            Pieces::Partials { mut whole, partials } => {
                whole.progress().offset = status.length;
                (whole.keep(known, status), forget(partials))
            }
        };
        if let Kept::There(_) = kept {
            left.push(own);
        }
        (kept, left)
    }

    /// There is an image with this content already. Answers the files that are of no use any more.
    pub fn complete(self, image: Arc<Image>) -> (Kept, Vec<Name>) {
        match self {
            Pieces::Parts(batch) => batch.complete(image.length, |_| Kept::There(image)),
            Pieces::Partials { mut whole, partials } => {
                whole.progress().offset = image.length;
                whole.complete(image.id);
                (Kept::There(image), forget(partials))
            }
        }
    }
}

/// Nobody finds them any more: what they were is the image now. tus lets a server keep them, for another upload to be
/// made of; here they would stand in the way of others.
fn forget(partials: Vec<Lease>) -> Vec<Name> {
    let files = partials.into_iter().map(|mut partial| {
        let file = partial.file();
        partial.forget();
        file
    });
    files.collect()
}

fn piece(number: u64, found: Found) -> Result<Lease, Refusal> {
    let path = path(number);
    match found {
        Found::Open(lease) if lease.facts.shape != Shape::Partial => Err(no_piece(&path)),
        Found::Open(lease) if lease.facts.length == Some(lease.offset()) => Ok(*lease),
        Found::Open(_) => {
            let why = format!("{path} is not complete");
            Err(Refusal::new(409, why, "PATCH what is missing, and then the same request once more"))
        }
        Found::InParts | Found::Complete { .. } => Err(no_piece(&path)),
    }
}

fn no_piece(path: &str) -> Refusal {
    let why = format!("{path} was not begun as a piece of another upload");
    Refusal::new(409, why, "Upload-Concat: partial with the POST that begins a piece")
}
