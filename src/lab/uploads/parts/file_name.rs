//! The names of the files that hold parts: `UPLOAD.PART.TICKET.DIGEST`.
//!
//! Such a file is whole, as it gets its name when it is. A part that comes again has another ticket, a higher one, and
//! so a file of its own: nothing depends on which of two renames the disk has done first, and a server that is killed
//! between a new file and the end of the old one knows which counts.

use crate::lab::images::id::ImageId;
use crate::session::Name;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    pub upload: u64,
    pub part: u16,
    pub ticket: u64,
    pub digest: ImageId,
}

impl FileName {
    pub fn name(&self) -> Name {
        let FileName { upload, part, ticket, digest } = self;
        let file = format!("{upload}.{part}.{ticket}.{digest}");
        Name::new(super::FOLDER, file).expect("digits and dots")
    }

    /// What a name says, if it is one that [`name`](FileName::name) makes.
    pub fn parse(file: &str) -> Option<FileName> {
        let mut said = file.split('.');
        let known = FileName {
            upload: said.next()?.parse().ok()?,
            part: said.next()?.parse().ok().filter(|part| super::NUMBERS.contains(part))?,
            ticket: said.next()?.parse().ok()?,
            digest: ImageId::parse(said.next()?)?,
        };
        (known.name().file() == file).then_some(known)
    }
}
