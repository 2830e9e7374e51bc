//! Uploads that come in parts: in any order, and as many at a time as one likes.
//!
//! Where a part belongs is not known before all parts in front of it are there, so each has a file of its own, and they
//! are joined when all have come. The other way would be to write them in place: then all but the last would need one
//! length, told beforehand, and a part that comes again would spoil the one that is there before it is whole.
//!
//! Of two that send the same part, the one whose request came last has it, whichever ends first; the other is told so,
//! if it ends behind it. Both are written beside each other, and one of them takes the place as it is, whole. Nobody is
//! ended, as an older request of the same upload is where it [grows](super::Lease): a part is one request, so nothing
//! would be gained for the newer one, which need not wait.

mod batch;
pub mod file_name;
pub mod restore;
mod slot;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use self::file_name::FileName;
use self::restore::Found;
use super::file_name::Shape;
use super::{Shelf, Standing, Turn, Uploads, gone, path};
use crate::lab::images::id::ImageId;
use crate::lab::images::{Images, Place};
use crate::lab::refusal::Refusal;
use crate::session::Name;

pub use self::batch::Batch;
pub use self::slot::Slot;

/// What there is of an upload that comes in parts.
pub(super) struct Parts {
    /// Its own room, and that of all parts that are there.
    place: Place,
    /// The file that says that there is such an upload.
    file: Name,
    there: BTreeMap<u16, Part>,
    /// Of all that are there.
    bytes: u64,
    writers: usize,
    /// By the tickets of their writers: those that are acknowledged, and are there in a moment.
    promised: BTreeMap<u64, u16>,
    is_joining: bool,
}

/// A part that is there. Thousands may be, so what it is called is not kept.
#[derive(Clone, Copy)]
struct Part {
    /// Of the request that it came by.
    ticket: u64,
    length: u64,
    digest: ImageId,
}

/// How much of an upload is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Had {
    pub parts: usize,
    pub bytes: u64,
}

/// Which parts of an upload are there, and which are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// By number: how long each is, and its digest, once it is there.
    pub have: BTreeMap<u16, Option<(u64, ImageId)>>,
    pub missing: Vec<u16>,
}

impl Uploads {
    /// What there is of an upload that comes in parts.
    ///
    /// # Errors
    /// It is gone, complete, or does not come in parts.
    pub fn inventory(&self, number: u64) -> Result<Inventory, Refusal> {
        self.forget_expired();
        let mut shelf = self.shelf();
        let (parts, count) = shelf.parts(number)?;
        Ok(parts.inventory(count))
    }
}

impl Turn {
    /// Forgets an upload that comes in parts; answers its files.
    pub fn forget_parts(&self) -> Vec<Name> {
        let forgotten = self.uploads.shelf().uploads.remove(&self.number);
        match forgotten.map(|upload| upload.standing) {
            Some(Standing::InParts(parts)) => parts.files(self.number),
            _ => Vec::new(),
        }
    }
}

impl Parts {
    pub fn new(place: Place, file: Name) -> Parts {
        let there = BTreeMap::new();
        Parts { place, file, there, bytes: 0, writers: 0, promised: BTreeMap::new(), is_joining: false }
    }

    /// A part of a server before this one.
    pub fn restore(&mut self, images: &Arc<Images>, Found { known, status, .. }: Found) {
        self.place.take_over(images.readmit(known.ticket, status.length));
        self.bytes += status.length;
        let part = Part { ticket: known.ticket, length: status.length, digest: known.digest };
        self.there.insert(known.part, part);
    }

    pub fn had(&self) -> Had {
        Had { parts: self.there.len(), bytes: self.bytes }
    }

    /// Whether somebody sends a part, or joins them.
    pub fn is_in_use(&self) -> bool {
        self.writers > 0 || self.is_joining
    }

    pub fn is_joining(&self) -> bool {
        self.is_joining
    }

    /// All its files. That of the upload is the first: without it the others are of no use, and a server that starts
    /// knows that.
    pub fn files(&self, upload: u64) -> Vec<Name> {
        let parts = self.there.iter().map(|(number, part)| part.file(upload, *number));
        [self.file.clone()].into_iter().chain(parts).collect()
    }

    fn inventory(&self, count: Option<u16>) -> Inventory {
        let promised = self.promised.values().map(|number| (*number, None));
        let there = self.there.iter().map(|(number, part)| (*number, Some((part.length, part.digest))));
        let have: BTreeMap<_, _> = promised.chain(there).collect();
        // Nobody knows how many there will be, if nobody has said so; but there is one at least.
        let last = have.keys().next_back().copied().max(count).unwrap_or(1);
        let missing = (1..=last).filter(|number| !have.contains_key(number)).collect();
        Inventory { have, missing }
    }
}

impl Part {
    fn file(&self, upload: u64, part: u16) -> Name {
        FileName { upload, part, ticket: self.ticket, digest: self.digest }.name()
    }
}

impl Shelf {
    /// The parts of an upload, and how many they are to be, if that was said.
    fn parts(&mut self, number: u64) -> Result<(&mut Parts, Option<u16>), Refusal> {
        let upload = self.uploads.get_mut(&number).ok_or_else(|| gone(number))?;
        let Shape::Parts(count) = upload.facts.shape else { return Err(grows(number)) };
        match &mut upload.standing {
            Standing::InParts(parts) => Ok((parts, count)),
            Standing::Complete { image, .. } => Err(complete(image)),
            Standing::Held | Standing::Resting(_) => Err(busy(number)),
        }
    }
}

/// What a request is told that goes on with an upload in parts at an offset.
pub fn has_no_offset(number: u64) -> Refusal {
    let path = path(number);
    let why = format!("{path} comes in parts, and has no offset to go on from");
    Refusal::new(409, why, format!("GET {path}/parts for those that there are, and PUT {path}/parts/1"))
}

/// What a part is told that comes for an upload which has an offset.
fn grows(number: u64) -> Refusal {
    let why = format!("{} grows from its beginning to its end, and not in parts", path(number));
    Refusal::new(409, why, "PATCH to go on with it; POST /uploads and nothing else begins one for parts")
}

fn busy(number: u64) -> Refusal {
    let why = format!("the parts of {} are being joined", path(number));
    Refusal::new(
        409,
        why,
        "another upload for other parts; POST to its /complete tells what becomes of this one",
    )
}

/// What a part is told that comes when all have.
fn complete(image: &ImageId) -> Refusal {
    let refusal = Refusal::new(410, "the upload is complete", "GET what Location names");
    refusal.with("Location", image.path())
}

/// Those of S3.
pub const NUMBERS: RangeInclusive<u16> = 1..=10_000;

/// The folder of the files of parts.
pub const FOLDER: &str = "parts";

#[cfg(test)]
mod tests;
