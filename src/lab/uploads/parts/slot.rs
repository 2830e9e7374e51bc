//! One request that sends a part, until the part is there or is not to be.

use std::sync::Arc;

use super::file_name::FileName;
use super::{Part, busy};
use crate::lab::images::Place;
use crate::lab::images::id::ImageId;
use crate::lab::refusal::Refusal;
use crate::lab::uploads::{Standing, Uploads, path, superseded};
use crate::session::Name;

/// Room for a part. It is given back with the slot, unless the part is there.
pub struct Slot {
    uploads: Arc<Uploads>,
    upload: u64,
    part: u16,
    /// Of two requests with the same part, that with the higher one came last.
    ticket: u64,
    /// One upload more that is under way: each costs as much memory as any.
    place: Option<Place>,
    /// So many bytes are known to be few enough.
    checked: u64,
}

impl Uploads {
    /// Lets a part come that has announced so many bytes, if it has.
    ///
    /// # Errors
    /// The upload takes no parts, or not this one; or it is too large, or too many are under way, or there is no room.
    pub fn admit_part(
        self: &Arc<Uploads>,
        upload: u64,
        part: u16,
        announced: Option<u64>,
    ) -> Result<Slot, Refusal> {
        self.forget_expired();
        let mut shelf = self.shelf();
        let kept: usize = shelf.uploads.values().map(|upload| upload.standing.parts()).sum();
        let (parts, count) = shelf.parts(upload)?;
        if let Some(count) = count.filter(|count| part > *count) {
            return Err(too_high(upload, part, count));
        }
        if parts.is_joining {
            return Err(busy(upload));
        }
        if kept >= MOST_KEPT {
            return Err(too_many_kept());
        }
        let place = self.images.admit(announced)?;
        let ticket = place.number();
        parts.writers += 1;
        drop(shelf);
        let uploads = Arc::clone(self);
        let mut slot = Slot { uploads, upload, part, ticket, place: Some(place), checked: 0 };
        slot.reserve(announced.unwrap_or_default())?;
        Ok(slot)
    }
}

impl Slot {
    /// What the file is called until it is whole.
    pub fn incoming(&self) -> Name {
        self.place.as_ref().expect("it ends with this").incoming()
    }

    /// What it is called then.
    pub fn file(&self, digest: ImageId) -> Name {
        FileName { upload: self.upload, part: self.part, ticket: self.ticket, digest }.name()
    }

    pub fn number(&self) -> u16 {
        self.part
    }

    /// Sees to it that there is room for so many bytes of this part, beside all others.
    ///
    /// # Errors
    /// There is not, or no upload may have so much.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        if bytes <= self.checked {
            return Ok(());
        }
        self.place.as_mut().expect("it ends with this").reserve(bytes)?;
        let mut shelf = self.uploads.shelf();
        let (parts, _) = shelf.parts(self.upload)?;
        let replaced = parts.there.get(&self.part).map_or(0, |part| part.length);
        parts.place.fits(parts.bytes - replaced + bytes)?;
        drop(shelf);
        self.checked = bytes;
        Ok(())
    }

    /// The client is told that the part is there, before it is: whoever joins the parts waits for it.
    ///
    /// # Errors
    /// They are being joined, or the upload is gone.
    pub fn promise(&self) -> Result<(), Refusal> {
        let mut shelf = self.uploads.shelf();
        let (parts, _) = shelf.parts(self.upload)?;
        if parts.is_joining {
            return Err(busy(self.upload));
        }
        parts.promised.insert(self.ticket, self.part);
        Ok(())
    }

    /// The file is whole, and has its name. Answers the one in whose place it has come.
    ///
    /// # Errors
    /// The upload does not take it any more, and the file is of no use.
    pub fn land(mut self, digest: ImageId, length: u64) -> Result<Option<Name>, Refusal> {
        let (upload, number, ticket) = (self.upload, self.part, self.ticket);
        let mut shelf = self.uploads.shelf();
        let (parts, _) = shelf.parts(upload)?;
        let old = parts.there.get(&number).copied();
        if parts.is_joining {
            return Err(busy(upload));
        }
        if old.is_some_and(|old| old.ticket > ticket) {
            return Err(superseded());
        }
        let replaced = old.map_or(0, |old| old.length);
        parts.place.fits(parts.bytes - replaced + length)?; // others may have come meanwhile
        parts.there.insert(number, Part { ticket, length, digest });
        parts.bytes = parts.bytes - replaced + length;
        parts.place.take_over(self.place.take().expect("it ends with this"));
        parts.place.give_back(replaced);
        drop(shelf);
        Ok(old.map(|old| old.file(upload, number)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let expires_millis = self.uploads.expiry();
        let mut shelf = self.uploads.shelf();
        let Some(upload) = shelf.uploads.get_mut(&self.upload) else { return };
        let Standing::InParts(parts) = &mut upload.standing else { return };
        parts.writers -= 1;
        parts.promised.remove(&self.ticket);
        upload.expires_millis = expires_millis;
        let waiting = upload.waiting.take();
        drop(shelf);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Standing {
    /// How many parts there are.
    fn parts(&self) -> usize {
        match self {
            Standing::InParts(parts) => parts.there.len() + parts.writers,
            Standing::Held | Standing::Resting(_) | Standing::Complete { .. } => 0,
        }
    }
}

fn too_high(upload: u64, part: u16, count: u16) -> Refusal {
    let why = format!("{} has {count} parts, as it was begun, and this is number {part}", path(upload));
    Refusal::new(422, why, format!("a number from 1 to {count}"))
}

fn too_many_kept() -> Refusal {
    let why = format!("all uploads together have {MOST_KEPT} parts, as many as may be (RFC 4918 §11.5)");
    Refusal::new(507, why, "larger parts; POST to /complete, or DELETE, what is there")
}

/// Ten uploads with as many parts as an upload may have.
const MOST_KEPT: usize = 100_000;
