//! A folder for one process, which is removed when the process ends; or else, if that was killed, by the next one.
//!
//! Who lives has its folder locked (flock(2)): the system gives the lock up with the process, however that ends. So
//! there is no number of a process in it that another process could have by now. And the mark, by which a folder is
//! known to be one of these, is made behind the lock: whoever finds a mark and gets the lock has found a dead one's.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Dropping it removes the folder with everything in it.
#[derive(Debug)]
pub(super) struct FreshFolder {
    folder: TempDir,
    /// Behind the folder, as fields are dropped in their order.
    _lock: File,
}

impl FreshFolder {
    pub(super) fn make() -> io::Result<FreshFolder> {
        FreshFolder::make_in(&env::temp_dir())
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn make_in(parent: &Path) -> io::Result<FreshFolder> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::open(folder.path())?;
        // Waits for who is just looking whose it is. On a file system without locks nobody removes what is left.
        if lock.lock().is_ok() {
            File::create(folder.path().join(MARK))?;
        }
        Ok(FreshFolder { folder, _lock: lock })
    }
}

/// Removes the folders of processes that were killed.
pub fn remove_abandoned() {
    remove_abandoned_in(&env::temp_dir());
}

fn remove_abandoned_in(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let folder = entry.path();
        match remove_if_abandoned(&folder) {
            Ok(false) => {}
            Ok(true) => {
                log::info!("{} was left by a server that was killed, and is removed", folder.display())
            }
            Err(error) => log::debug!("{} is left alone: {error}", folder.display()),
        }
    }
}

fn remove_if_abandoned(folder: &Path) -> io::Result<bool> {
    let is_marked = || fs::symlink_metadata(folder.join(MARK)).is_ok_and(|mark| mark.is_file());
    if !fs::symlink_metadata(folder)?.is_dir() || !is_marked() {
        return Ok(false);
    }
    let lock = File::open(folder)?;
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    fs::remove_dir_all(folder)?;
    Ok(true)
}

const PREFIX: &str = "wirelab-";

const MARK: &str = "goes-with-its-server";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_any_more_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let living = FreshFolder::make_in(parent.path()).unwrap();
        let dead = FreshFolder::make_in(parent.path()).unwrap();
        fs::write(dead.path().join("content"), "of nobody").unwrap();
        let left = dead.path().to_owned();
        let FreshFolder { folder, _lock } = dead;
        let _ = folder.keep();
        remove_abandoned_in(parent.path());
        assert!(left.exists(), "the lock is still held");
        drop(_lock);
        let somebodys = parent.path().join("wirelab-notes");
        fs::create_dir(&somebodys).unwrap();
        fs::write(somebodys.join("thoughts"), "mine").unwrap();
        std::os::unix::fs::symlink(&left, parent.path().join("wirelab-link")).unwrap();
        remove_abandoned_in(parent.path());
        assert!(!left.exists() && living.path().exists() && somebodys.join("thoughts").exists());
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }
}
