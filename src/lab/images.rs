//! The images that there are, and the room for more.
//!
//! What an image is called says what it is: the digest of its content. So an image never changes, the same content sent
//! twice is one image, and whoever has the content can tell whether it is the right one. The files themselves are the
//! disk's; all that is known of them stands in their [names](file_name), and in memory once the server has started.

pub mod file_name;
pub mod id;
mod place;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::file_name::FileName;
use self::id::ImageId;
use super::clock::Clock;
use super::journal::{Ack, Journal, NoJournal, Row, Table};
use super::numbering::Numbering;
use super::receipt::not_kept;
use super::refusal::Refusal;
use super::settings::UploadSettings;
use crate::session::{Entry, Failure, Name, Status};

pub use self::place::{Kept, Place};

/// All images.
pub struct Images {
    settings: UploadSettings,
    clock: Arc<Clock>,
    shelf: Mutex<Shelf>,
}

struct Shelf {
    images: BTreeMap<ImageId, Arc<Image>>,
    /// Of all images, and of what is reserved for those that are on their way.
    bytes: u64,
    open: usize,
    last_number: u64,
    /// No number that anybody was told of is given again, whatever has become of the upload since.
    numbering: Numbering,
    journal: Arc<dyn Journal>,
}

/// What is known of an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    pub content_type: String,
    pub length: u64,
    /// When it was written, in seconds since 1970-01-01T00:00:00Z.
    pub modified: u64,
    /// Images are numbered as they come.
    pub number: u64,
    pub file: Name,
}

impl Images {
    pub fn new(settings: UploadSettings, clock: Arc<Clock>) -> Images {
        Images { settings, clock, shelf: Mutex::new(Shelf::new(Arc::new(NoJournal))) }
    }

    /// Writes down how far numbers have come, and goes on from what was found. Comes before everything else.
    ///
    /// # Errors
    /// A row that cannot be read; one line about it.
    pub fn keep_numbers(
        &self,
        journal: Arc<dyn Journal>,
        rows: &[Row],
        after_crash: bool,
    ) -> Result<(), String> {
        let mut shelf = Shelf::new(journal);
        for row in rows.iter().filter(|row| Numbering::is_row(row)) {
            shelf.numbering.read(row).ok_or("how far the numbers of uploads have come cannot be read")?;
        }
        shelf.numbering.begin(0, after_crash);
        shelf.last_number = shelf.numbering.floor();
        *self.shelf() = shelf;
        Ok(())
    }

    /// Somebody is about to be told the number of an upload.
    ///
    /// # Errors
    /// It cannot be written down that the number is taken.
    pub fn note_told(&self, number: u64) -> Result<(), Refusal> {
        let mut shelf = self.shelf();
        if let Some(change) = shelf.numbering.change(number) {
            // Behind a crash all numbers go on behind the mark, so this one may be lost.
            shelf.journal.append(vec![change], Ack::Memory).map_err(|failure| not_kept(&failure))?;
        }
        shelf.numbering.raise(number);
        Ok(())
    }

    /// Goes on from the files of a server before this one. Answers those that say again what another says: two clients
    /// may have sent the same content at the same time when it was ended.
    pub fn restore(&self, files: Vec<Entry>) -> Vec<Name> {
        let mut shelf = self.shelf();
        let mut spare = Vec::new();
        for Entry { name, status } in files {
            let Some(known) = FileName::parse(name.file()) else {
                log::warn!("{name} is not the lab's, and is left alone");
                continue;
            };
            shelf.last_number = shelf.last_number.max(known.number);
            if let Err(image) = shelf.insert(self.image(known, name, status)) {
                spare.push(image.file);
            }
        }
        spare
    }

    pub fn find(&self, id: &ImageId) -> Option<Arc<Image>> {
        self.shelf().images.get(id).cloned()
    }

    /// All of them, as they came.
    pub fn list(&self) -> Vec<Arc<Image>> {
        let mut images: Vec<_> = self.shelf().images.values().cloned().collect();
        images.sort_by_key(|image| image.number);
        images
    }

    /// Takes an image out, so that nobody finds it any more. Its file is still there.
    pub fn remove(&self, id: &ImageId) -> Option<Arc<Image>> {
        let mut shelf = self.shelf();
        let image = shelf.images.remove(id)?;
        shelf.bytes -= image.length;
        Some(image)
    }

    /// Puts an image back whose file could not be removed.
    pub fn put_back(&self, image: Arc<Image>) {
        let mut shelf = self.shelf();
        shelf.bytes += image.length;
        shelf.images.insert(image.id, image);
    }

    /// Lets an upload begin that has announced so many bytes, if it has.
    ///
    /// # Errors
    /// It is too large, or too many are under way, or there is no room.
    pub fn admit(self: &Arc<Images>, announced: Option<u64>) -> Result<Place, Refusal> {
        Place::admit(self, announced)
    }

    /// Goes on with an upload of a server before this one, of which so many bytes have come. No limit applies: they are
    /// there already.
    pub fn readmit(self: &Arc<Images>, number: u64, bytes: u64) -> Place {
        Place::readmit(self, number, bytes)
    }

    fn image(&self, known: FileName, file: Name, status: Status) -> Image {
        let FileName { id, number, content_type } = known;
        let modified = self.clock.seconds_of(status.modified_millis);
        Image { id, content_type, length: status.length, modified, number, file }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn new(journal: Arc<dyn Journal>) -> Shelf {
        let numbering = Numbering::new(Table::Uploads, Arc::clone(&journal));
        Shelf { images: BTreeMap::new(), bytes: 0, open: 0, last_number: 0, numbering, journal }
    }

    /// # Errors
    /// The image, if there is one with this content already.
    fn insert(&mut self, image: Image) -> Result<Arc<Image>, Image> {
        if self.images.contains_key(&image.id) {
            return Err(image);
        }
        let image = Arc::new(image);
        self.bytes += image.length;
        self.images.insert(image.id, Arc::clone(&image));
        Ok(image)
    }
}

impl Image {
    /// A strong validator: the digest changes whenever a byte of the content does (RFC 9110 §8.8.3).
    pub fn tag(&self) -> String {
        format!("\"{}\"", self.id)
    }

    pub fn path(&self) -> String {
        self.id.path()
    }
}

/// What a client is told when the disk says no (RFC 4918 §11.5 has the status for a full one).
pub fn disk_refused(failure: &Failure) -> Refusal {
    let why = format!("the disk says no: {failure}");
    match failure {
        Failure::Full => Refusal::new(507, why, "again when the server's disk has been seen to"),
        _ => Refusal::new(500, why, "a look into the server's log"),
    }
}

/// The folder of the files that are whole.
pub const FOLDER: &str = "images";

/// The folder of those on their way; whatever a server finds there when it starts is of no use to anybody.
pub const INCOMING: &str = "incoming";

#[cfg(test)]
mod tests;
