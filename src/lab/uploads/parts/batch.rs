//! All parts of an upload, while they are joined.

use std::mem;
use std::sync::Arc;
use std::task::Waker;

use serde_json::Value;

use super::{Inventory, Parts, grows};
use crate::lab::images::{Kept, Place};
use crate::lab::numerals;
use crate::lab::refusal::Refusal;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::{Claimed, Pieces, Source, Standing, Turn, Uploads, gone, path, superseded};
use crate::session::Name;

/// All parts of an upload, from the first to the last, for as long as this is there: meanwhile no other comes.
pub struct Batch {
    uploads: Arc<Uploads>,
    number: u64,
    pub content_type: String,
    pub incoming: Name,
    pub sources: Vec<Source>,
}

impl Turn {
    /// The parts, when all that are acknowledged are there; else the waker is woken then.
    ///
    /// # Errors
    /// Some are missing, or the upload is gone or does not come in parts, or a newer request has come.
    pub fn poll_batch(&self, waker: impl FnOnce() -> Waker) -> Option<Result<Claimed, Refusal>> {
        let mut shelf = self.uploads.shelf();
        let Some(upload) = shelf.uploads.get_mut(&self.number) else { return Some(Err(gone(self.number))) };
        if upload.latest != self.ticket {
            return Some(Err(superseded()));
        }
        // However it came: whoever asks what has become of an upload need not know how it was begun.
        if let Standing::Complete { image, length } = upload.standing {
            return Some(Ok(Claimed::Complete { image, length }));
        }
        let Shape::Parts(count) = upload.facts.shape else { return Some(Err(grows(self.number))) };
        let parts = match &mut upload.standing {
            Standing::InParts(parts) if !parts.is_joining && parts.promised.is_empty() => parts,
            Standing::InParts(_) | Standing::Held | Standing::Resting(_) | Standing::Complete { .. } => {
                upload.waiting = Some(waker());
                return None;
            }
        };
        let inventory = parts.inventory(count);
        if !inventory.missing.is_empty() {
            return Some(Err(incomplete(self.number, &inventory)));
        }
        parts.is_joining = true;
        let batch = Batch {
            uploads: Arc::clone(&self.uploads),
            number: self.number,
            content_type: upload.facts.content_type.clone(),
            incoming: parts.place.incoming(),
            sources: parts.sources(self.number),
        };
        Some(Ok(Claimed::Pieces(Pieces::Parts(batch))))
    }
}

impl Batch {
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The upload is complete. Answers the files that are of no use any more.
    pub fn complete(self, length: u64, keep: impl FnOnce(Place) -> Kept) -> (Kept, Vec<Name>) {
        let parts = match self.replace(Standing::Held) {
            Some(Standing::InParts(parts)) => parts,
            _ => unreachable!("whoever joins the parts has them alone"),
        };
        let files = parts.files(self.number);
        let kept = keep(parts.place);
        self.replace(Standing::Complete { image: kept.image().id, length });
        (kept, files)
    }

    fn replace(&self, standing: Standing) -> Option<Standing> {
        let mut shelf = self.uploads.shelf();
        let upload = shelf.uploads.get_mut(&self.number)?;
        Some(mem::replace(&mut upload.standing, standing))
    }
}

/// If the upload is not complete now, its parts are as they were.
impl Drop for Batch {
    fn drop(&mut self) {
        let expires_millis = self.uploads.expiry();
        let mut shelf = self.uploads.shelf();
        let Some(upload) = shelf.uploads.get_mut(&self.number) else { return };
        if let Standing::InParts(parts) = &mut upload.standing {
            parts.is_joining = false;
        }
        upload.expires_millis = expires_millis;
        let waiting = upload.waiting.take();
        drop(shelf);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Parts {
    fn sources(&self, upload: u64) -> Vec<Source> {
        let source = |(number, part): (&u16, &super::Part)| Source {
            file: part.file(upload, *number),
            length: part.length,
        };
        self.there.iter().map(source).collect()
    }
}

fn incomplete(number: u64, Inventory { have, missing }: &Inventory) -> Refusal {
    let path = path(number);
    let (have, lacks) = (numerals::list(have.keys().copied()), numerals::list(missing.iter().copied()));
    Refusal::new(409, format!("have {have} missing {lacks}"), format!("PUT {path}/parts/{}", missing[0]))
        .with_member("missing", Value::from(missing.clone()))
}
