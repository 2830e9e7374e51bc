//! Uploads that take more than one request: how far each has come, and whose turn it is.
//!
//! One request at a time has an upload, as a [`Lease`]. A newer one ends it: a client asks again because it has lost its
//! connection, and the server may not know that yet (draft-ietf-httpbis-resumable-upload-12, "Concurrency"). So nobody
//! waits for a connection that is dead.
//!
//! ```text
//! Resting ──a request──▶ Held ──it has ended, or a newer one has come──▶ Resting
//!    │                     └──the content is whole──▶ Complete
//!    └──nobody came for the time that it is kept──▶ gone, and its file with it
//! ```
//!
//! One that comes in [`parts`] has as many requests at a time as like to send some.

pub mod file_name;
mod lease;
pub mod parts;
mod pieces;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use sha2::Sha256;

use self::file_name::{Facts, Shape};
use self::parts::{Had, Parts};
use super::clock::Clock;
use super::images::id::ImageId;
use super::images::{Images, Place};
use super::refusal::Refusal;
use super::settings::UploadSettings;
use crate::session::{Entry, Name};

pub use self::lease::{Found, Lease, Turn, superseded};
pub use self::pieces::{Claim, Claimed, Pieces, Source, Whole};

/// All uploads that are not forgotten.
pub struct Uploads {
    pub settings: UploadSettings,
    pub images: Arc<Images>,
    clock: Arc<Clock>,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    uploads: BTreeMap<u64, Upload>,
    last_ticket: u64,
    /// Files of uploads that are forgotten: whoever begins the next one removes them.
    left: Vec<Name>,
}

struct Upload {
    facts: Facts,
    expires_millis: u64,
    standing: Standing,
    /// The ticket of the request that came last.
    latest: u64,
    holder: Option<Waker>,
    waiting: Option<Waker>,
}

enum Standing {
    Resting(Progress),
    Held,
    InParts(Parts),
    Complete { image: ImageId, length: u64 },
}

/// How far an upload has come.
pub struct Progress {
    /// So many bytes are in the file, and count.
    pub offset: u64,
    pub digest: Sha256,
    /// So many of them are in the digest. A server that has just started has read none of them.
    pub digested: u64,
    pub place: Place,
    /// What it is called, which may be behind what is known.
    pub file: Name,
}

/// What an upload looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    pub number: u64,
    /// Nobody can tell while it grows.
    pub offset: Option<u64>,
    pub length: Option<u64>,
    pub content_type: String,
    pub image: Option<ImageId>,
    /// Of one that comes in parts, those that there are.
    pub parts: Option<Had>,
}

impl Uploads {
    pub fn new(settings: UploadSettings, images: Arc<Images>, clock: Arc<Clock>) -> Uploads {
        Uploads { settings, images, clock, shelf: Mutex::default() }
    }

    /// Goes on from the files of a server before this one, those of uploads and those of their parts; answers those that
    /// nobody will come for any more.
    pub fn restore(&self, files: Vec<Entry>, parts: Vec<Entry>) -> Vec<Name> {
        let (mut parts, mut spare) = parts::restore::sort(parts);
        for Entry { name, status } in files {
            let Some((facts, counted)) = Facts::parse(name.file()) else {
                log::warn!("{name} is not the lab's, and is left alone");
                continue;
            };
            let own = match facts.shape {
                Shape::Parts(_) => parts.remove(&facts.number).unwrap_or_default(),
                _ => Vec::new(),
            };
            let used =
                own.iter().map(|part| part.status.modified_millis).fold(status.modified_millis, u64::max);
            let expires_millis = used + self.settings.ttl.as_millis() as u64;
            let offset = counted.unwrap_or(status.length);
            let is_sound = offset <= status.length.min(facts.length.unwrap_or(u64::MAX));
            if expires_millis <= self.clock.unix_millis() || !is_sound {
                spare.push(name);
                spare.extend(own.into_iter().map(|part| part.file));
                continue;
            }
            let place = self.images.readmit(facts.number, status.length);
            let progress = Progress { offset, digest: Sha256::default(), digested: 0, place, file: name };
            let Some(mut standing) = Standing::resting(progress, &facts) else { continue };
            if let Standing::InParts(parts) = &mut standing {
                own.into_iter().for_each(|part| parts.restore(&self.images, part));
            }
            let upload = Upload::new(facts, standing, expires_millis);
            self.shelf().uploads.insert(upload.facts.number, upload);
        }
        spare.extend(parts.into_values().flatten().map(|orphan| orphan.file));
        spare
    }

    /// Begins an upload. The request that asks for it has it at once.
    ///
    /// # Errors
    /// It is too large, or too many are open, or there is no room.
    pub fn begin(
        self: &Arc<Uploads>,
        shape: Shape,
        length: Option<u64>,
        content_type: String,
        metadata: Option<Box<str>>,
    ) -> Result<Lease, Refusal> {
        self.forget_expired();
        let place = self.images.admit(length)?;
        let facts = Facts { number: place.number(), shape, length, content_type, metadata };
        self.images.note_told(facts.number)?;
        let file = facts.name(None);
        let progress = Progress { offset: 0, digest: Sha256::default(), digested: 0, place, file };
        let mut shelf = self.shelf();
        let mut upload = Upload::new(facts.clone(), Standing::Held, self.expiry());
        upload.latest = shelf.next_ticket();
        let ticket = upload.latest;
        shelf.uploads.insert(facts.number, upload);
        drop(shelf);
        Ok(Lease::new(self, ticket, facts, progress))
    }

    /// Asks for an upload, and ends whatever request has it.
    ///
    /// # Errors
    /// There is none with this number.
    pub fn ask(self: &Arc<Uploads>, number: u64) -> Result<Turn, Refusal> {
        self.forget_expired();
        let mut shelf = self.shelf();
        let ticket = shelf.next_ticket();
        let upload = shelf.uploads.get_mut(&number).ok_or_else(|| gone(number))?;
        upload.latest = ticket;
        let woken = [upload.holder.take(), upload.waiting.take()];
        drop(shelf);
        woken.into_iter().flatten().for_each(Waker::wake);
        Ok(Turn { uploads: Arc::clone(self), number, ticket })
    }

    /// All of them, as they began.
    pub fn list(&self) -> Vec<Glance> {
        self.forget_expired();
        self.shelf().uploads.values().map(Upload::glance).collect()
    }

    /// The file of an upload that is forgotten, to be removed by whoever asks.
    pub fn take_left(&self) -> Option<Name> {
        self.shelf().left.pop()
    }

    fn forget_expired(&self) {
        let now = self.clock.unix_millis();
        let mut shelf = self.shelf();
        let is_due = |upload: &Upload| upload.expires_millis <= now && !upload.is_in_use();
        let due = shelf.uploads.iter().filter(|(_, upload)| is_due(upload)).map(|(number, _)| *number);
        let due: Vec<u64> = due.collect();
        let expired: Vec<Upload> = due.iter().filter_map(|number| shelf.uploads.remove(number)).collect();
        shelf.left.extend(expired.iter().flat_map(|upload| match &upload.standing {
            Standing::Resting(progress) => vec![progress.file.clone()],
            Standing::InParts(parts) => parts.files(upload.facts.number),
            Standing::Held | Standing::Complete { .. } => vec![],
        }));
        drop(shelf); // before the places are given back
    }

    /// When an upload that somebody has just used is forgotten, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn expiry(&self) -> u64 {
        self.clock.unix_millis() + self.settings.ttl.as_millis() as u64
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl Standing {
    /// Of an upload that no request has; one that is put together of others is there only when it is complete.
    fn resting(progress: Progress, facts: &Facts) -> Option<Standing> {
        match facts.shape {
            Shape::Whole | Shape::Partial => Some(Standing::Resting(progress)),
            Shape::Parts(_) => Some(Standing::InParts(Parts::new(progress.place, progress.file))),
            Shape::Final(_) => None,
        }
    }
}

impl Upload {
    fn new(facts: Facts, standing: Standing, expires_millis: u64) -> Upload {
        Upload { facts, expires_millis, standing, latest: 0, holder: None, waiting: None }
    }

    fn glance(&self) -> Glance {
        let Facts { number, length, content_type, .. } = self.facts.clone();
        let (offset, image, parts) = match &self.standing {
            Standing::Resting(progress) => (Some(progress.offset), None, None),
            Standing::Held => (None, None, None),
            Standing::InParts(parts) => (None, None, Some(parts.had())),
            Standing::Complete { image, length } => (Some(*length), Some(*image), None),
        };
        Glance { number, offset, length, content_type, image, parts }
    }

    fn is_in_use(&self) -> bool {
        match &self.standing {
            Standing::Held => true,
            Standing::InParts(parts) => parts.is_in_use(),
            Standing::Resting(_) | Standing::Complete { .. } => false,
        }
    }
}

/// The path of an upload.
pub fn path(number: u64) -> String {
    format!("/uploads/{number}")
}

pub fn gone(number: impl std::fmt::Display) -> Refusal {
    let why =
        format!("there is no upload {number}: it never was, was cancelled, or nobody came for too long");
    Refusal::new(
        404,
        why,
        "GET /uploads for those that there are; the server's option --upload-ttl sets how long",
    )
}

/// The folder of the files of unfinished uploads.
pub const FOLDER: &str = "uploads";

#[cfg(test)]
mod tests;
