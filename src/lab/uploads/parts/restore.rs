//! The parts that a server before this one has left.

use std::collections::BTreeMap;

use super::file_name::FileName;
use crate::session::{Entry, Name, Status};

/// A part whose file is there.
pub struct Found {
    pub known: FileName,
    pub file: Name,
    pub status: Status,
}

/// The parts of each upload, by its number, and the files in whose place others have come.
pub fn sort(files: Vec<Entry>) -> (BTreeMap<u64, Vec<Found>>, Vec<Name>) {
    let mut newest: BTreeMap<(u64, u16), Found> = BTreeMap::new();
    let mut spare = Vec::new();
    for Entry { name, status } in files {
        let Some(known) = FileName::parse(name.file()) else {
            log::warn!("{name} is not the lab's, and is left alone");
            continue;
        };
        let (place, found) = ((known.upload, known.part), Found { known, file: name, status });
        let older = match newest.get(&place) {
            Some(there) if there.known.ticket > known.ticket => Some(found),
            _ => newest.insert(place, found),
        };
        spare.extend(older.map(|older| older.file));
    }
    let mut sorted: BTreeMap<u64, Vec<Found>> = BTreeMap::new();
    for ((upload, _), found) in newest {
        sorted.entry(upload).or_default().push(found);
    }
    (sorted, spare)
}
