//! Room for one image on its way. It is given back when the upload ends, however it ends.

use std::mem;
use std::sync::Arc;

use super::file_name::FileName;
use super::{INCOMING, Image, Images};
use crate::lab::receipt::not_kept;
use crate::lab::refusal::Refusal;
use crate::lab::settings::UploadSettings;
use crate::session::{Name, Status};

/// One of the uploads that may be under way.
pub struct Place {
    images: Arc<Images>,
    number: u64,
    /// What is reserved.
    bytes: u64,
}

/// What becomes of a file that has come whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is an image from here on.
    New(Arc<Image>),
    /// This image has the same content, and the file is of no use.
    There(Arc<Image>),
}

impl Kept {
    pub fn image(&self) -> &Arc<Image> {
        let (Kept::New(image) | Kept::There(image)) = self;
        image
    }
}

impl Place {
    pub(super) fn admit(images: &Arc<Images>, announced: Option<u64>) -> Result<Place, Refusal> {
        let mut shelf = images.shelf();
        let UploadSettings { most_open, most_kept, .. } = images.settings;
        if shelf.open >= most_open {
            return Err(too_many_open(most_open));
        }
        if shelf.images.len() + shelf.open >= most_kept {
            return Err(too_many_kept(most_kept));
        }
        let number = shelf.last_number + 1;
        shelf.numbering.admit(number).map_err(|failure| not_kept(&failure))?;
        shelf.open += 1;
        shelf.last_number = number;
        let mut place = Place { images: Arc::clone(images), number, bytes: 0 };
        drop(shelf);
        place.reserve(announced.unwrap_or_default())?;
        Ok(place)
    }

    pub(super) fn readmit(images: &Arc<Images>, number: u64, bytes: u64) -> Place {
        let mut shelf = images.shelf();
        shelf.open += 1;
        shelf.bytes += bytes;
        shelf.last_number = shelf.last_number.max(number);
        Place { images: Arc::clone(images), number, bytes }
    }

    /// Sees to it that there is room for so many bytes in all.
    ///
    /// # Errors
    /// There is not, or nobody may have so much.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.fits(bytes)?;
        let UploadSettings { max_total_bytes, .. } = self.images.settings;
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut shelf = self.images.shelf();
        if more > max_total_bytes.saturating_sub(shelf.bytes) {
            return Err(no_room(max_total_bytes));
        }
        shelf.bytes += more;
        self.bytes += more;
        Ok(())
    }

    /// Checks that an upload may have so many bytes at all.
    ///
    /// # Errors
    /// It may not.
    pub fn fits(&self, bytes: u64) -> Result<(), Refusal> {
        let max = self.images.settings.max_bytes;
        if bytes > max { Err(too_large(max)) } else { Ok(()) }
    }

    /// Takes over what another has reserved; it need not be under way any more.
    pub fn take_over(&mut self, mut other: Place) {
        self.bytes += mem::take(&mut other.bytes);
    }

    /// Gives back what was reserved for bytes that are not to stay.
    pub fn give_back(&mut self, bytes: u64) {
        self.images.shelf().bytes -= bytes;
        self.bytes -= bytes;
    }

    /// What the file is called until it is whole.
    pub fn incoming(&self) -> Name {
        Name::new(INCOMING, self.number.to_string()).expect("digits are plain")
    }

    /// No file has had this number before.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The file is whole, and has this name; now it can be found.
    pub fn keep(self, known: FileName, status: Status) -> Kept {
        let image = self.images.image(known.clone(), known.name(), status);
        let mut shelf = self.images.shelf();
        let kept = match shelf.insert(image) {
            Ok(image) => Kept::New(image),
            Err(image) => Kept::There(Arc::clone(&shelf.images[&image.id])),
        };
        drop(shelf); // which giving the place back takes
        kept
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shelf = self.images.shelf();
        shelf.bytes -= self.bytes;
        shelf.open -= 1;
    }
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(
        413,
        format!("an upload has at most {max} bytes here (RFC 9110 §15.5.14)"),
        "less content; the server's option --max-upload sets the limit",
    )
}

fn no_room(max: u64) -> Refusal {
    Refusal::new(
        507,
        format!("all uploads together have at most {max} bytes here, and there is no room (RFC 4918 §11.5)"),
        "DELETE what nobody needs; the server's option --max-stored sets the limit",
    )
}

fn too_many_kept(most: usize) -> Refusal {
    let why = format!("there are {most} images, as many as may be (RFC 4918 §11.5)");
    Refusal::new(507, why, "DELETE one that nobody needs")
}

fn too_many_open(most: usize) -> Refusal {
    let why = format!("{most} uploads are under way, as many as may be (RFC 6585 §4)");
    let advice = "again in a moment; the server's option --max-open-uploads sets the limit";
    Refusal::new(429, why, advice).with("Retry-After", "1")
}
