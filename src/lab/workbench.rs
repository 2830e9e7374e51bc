//! What requests need that are there to take long: a file to read, and a place to compute at.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::{File, Name};

/// One of each lab.
#[derive(Default)]
pub struct Workbench {
    /// Whoever has read the file leaves it to the next one.
    file: Mutex<Option<File>>,
    files: AtomicU64,
    computing: Arc<AtomicUsize>,
}

/// One of the places to compute at; dropping it gives it back.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Workbench {
    /// The file with [`CONTENT`], if it was made and nobody has it.
    pub fn take_file(&self) -> Option<File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves the file to others, who need one at a time.
    pub fn leave_file(&self, file: File) {
        let spare = self.file.lock().unwrap_or_else(PoisonError::into_inner).replace(file);
        drop(spare);
    }

    /// The name of a file that is not there yet.
    pub fn new_name(&self) -> Name {
        let number = self.files.fetch_add(1, Relaxed) + 1;
        Name::new(FOLDER, format!("lorem-{number}.txt")).expect("it is plain")
    }

    /// A place to compute at, if one is free.
    pub fn take_place(&self) -> Option<Place> {
        let take = |taken| (taken < PLACES).then_some(taken + 1);
        let taken = self.computing.fetch_update(Relaxed, Relaxed, take);
        taken.is_ok().then(|| Place(Arc::clone(&self.computing)))
    }
}

impl fmt::Debug for Workbench {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Workbench").field("computing", &self.computing).finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// What stands in the file.
pub const CONTENT: &str = "Lorem ipsum dolor sit amet";

/// The folder of the file; whatever a server finds there when it starts is of no use to anybody.
pub const FOLDER: &str = "demo";

/// Computations at a time. A driver has four threads for errands, and those of disks must not wait for these.
pub const PLACES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_given_back() {
        let workbench = Workbench::default();
        let mut places: Vec<Place> = (0..PLACES).filter_map(|_| workbench.take_place()).collect();
        assert_eq!(places.len(), PLACES);
        assert!(workbench.take_place().is_none());
        places.pop();
        assert!(workbench.take_place().is_some());
    }
}
