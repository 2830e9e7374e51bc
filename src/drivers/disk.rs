//! The disk: what becomes of an [`Errand`] when it is run, in place, by whichever thread can wait for it.
//!
//! No other module of the drivers knows a system call for files, but for the operations of the ring. All files lie in
//! folders below one root, and a [`Name`] cannot name anything else.

mod assigned;
mod at_hand;
mod copy;
mod fresh_folder;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use self::copy::copy;
use self::fresh_folder::FreshFolder;
use super::system;
use crate::session::{Digests, Done, Entry, Errand, Failure, File, Name, Opened, Status, Stay};

pub use self::fresh_folder::remove_abandoned;

/// Where files are, and how fast.
#[derive(Debug)]
pub struct Disk {
    root: Mutex<Root>,
    delay: Duration,
    closer: Mutex<Option<Arc<dyn Closer>>>,
}

#[derive(Debug)]
enum Root {
    Lasting(PathBuf),
    /// Gone with the disk.
    Fresh(FreshFolder),
    /// To be made as soon as somebody wants to create a file: most servers never need it.
    NotNeededYet,
}

/// Who closes files for a thread that must not wait: taking away the last name of a large file takes time.
pub(super) trait Closer: Send + Sync + std::fmt::Debug {
    fn close(&self, left: Left);
}

/// A file that nobody holds any more. Dropping it closes it, and removes it if it was only there to be open.
#[derive(Debug)]
pub(super) struct Left {
    file: Option<fs::File>,
    path: Option<PathBuf>,
}

/// What a [`File`] of this disk is.
#[derive(Debug)]
struct OpenFile {
    disk: Arc<Disk>,
    file: Option<fs::File>,
    name: Name,
    stay: Stay,
}

impl Disk {
    /// The disk below a folder, which is made when it is needed.
    pub fn at(root: PathBuf, delay: Duration) -> Arc<Disk> {
        Disk::new(Root::Lasting(root), delay)
    }

    /// A disk in a fresh folder, which is removed with everything in it when nobody holds the disk any more.
    pub fn fresh(delay: Duration) -> Arc<Disk> {
        Disk::new(Root::NotNeededYet, delay)
    }

    fn new(root: Root, delay: Duration) -> Arc<Disk> {
        Arc::new(Disk { root: Mutex::new(root), delay, closer: Mutex::default() })
    }

    /// Runs the errand; waits as long as the disk takes, and as long as it was told to be slow.
    pub fn run(self: &Arc<Disk>, errand: Errand) -> Done {
        match errand {
            Errand::Compute(work) => assigned::compute(work),
            Errand::Assigned(assignment) => self.run_assigned(*assignment, None),
            errand => {
                thread::sleep(self.delay);
                self.run_on_files(errand)
            }
        }
    }

    fn run_on_files(self: &Arc<Disk>, errand: Errand) -> Done {
        match errand {
            Errand::Create { name, stay } => Done::Opened(self.create(name, stay).map_err(failure)),
            Errand::Open { name } => Done::Opened(self.open(name).map_err(failure)),
            Errand::Write { mut file, offset, bytes, mut digests } => {
                add(&bytes, &mut digests);
                let written = opened(&mut file).write_all_at(&bytes, offset);
                Done::Wrote { file, bytes, digests, result: written.map_err(failure) }
            }
            Errand::Read { mut file, offset, mut bytes, mut digests } => {
                let read = read_at(opened(&mut file), offset, &mut bytes);
                add(&bytes, &mut digests);
                Done::Read { file, bytes, digests, result: read.map_err(failure) }
            }
            Errand::Copy { mut file, offset, mut source, at, count, mut digest } => {
                let (from, to) = (opened(&mut source), opened(&mut file));
                let copied = copy(from, at, to, offset, count, &mut digest);
                Done::Copied { file, source, digest, result: copied.map_err(failure) }
            }
            Errand::Resize { mut file, length } => {
                let resized = opened(&mut file).set_len(length);
                Done::Resized { file, result: resized.map_err(failure) }
            }
            Errand::Sync { mut file } => {
                let synced = self.sync(file.opened());
                Done::Synced { file, result: synced.map_err(failure) }
            }
            Errand::Rename { mut file, name } => {
                let renamed = self.rename(file.opened(), name);
                Done::Renamed { file, result: renamed.map_err(failure) }
            }
            Errand::Publish { file, name, sync } => {
                Done::Published(self.publish(file, name, sync).map_err(failure))
            }
            Errand::Remove { name } => Done::Removed(self.remove(&name).map_err(failure)),
            Errand::List { folder } => Done::Listed(self.list(folder).map_err(failure)),
            Errand::Watch { mut file } => {
                let watched = system::watch_file(opened(&mut file));
                Done::Watched { file, result: watched.map_err(failure) }
            }
            Errand::Compute(_) | Errand::Assigned(_) => unreachable!("they are for no file"),
        }
    }

    /// Removes the files of a folder: those that a process has left there which could not say goodbye.
    pub fn clear(&self, folder: &'static str) -> io::Result<()> {
        for entry in self.list(folder)? {
            self.remove(&entry.name)?;
        }
        Ok(())
    }

    /// The files of a folder, as [`Errand::List`] has them; without delay, as before a server listens.
    pub fn list(&self, folder: &'static str) -> io::Result<Vec<Entry>> {
        let Ok(path) = self.root() else { return Ok(Vec::new()) };
        let entries = match fs::read_dir(path.join(folder)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_str().and_then(|file| Name::new(folder, file));
            match (name, entry.metadata()) {
                (Some(name), Ok(metadata)) if metadata.is_file() => {
                    listed.push(Entry { name, status: status(&metadata) });
                }
                // Not ours, or gone between the two calls.
                _ => {}
            }
        }
        Ok(listed)
    }

    /// Takes a name away, as [`Errand::Remove`] does; without delay.
    pub fn remove(&self, name: &Name) -> io::Result<()> {
        fs::remove_file(self.path(name)?)
    }

    /// How much longer everything takes than it has to.
    #[cfg(target_os = "linux")]
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// From here on, files that are dropped are closed by somebody else.
    pub(super) fn close_by(&self, closer: Option<Arc<dyn Closer>>) {
        *lock(&self.closer) = closer;
    }

    fn create(self: &Arc<Disk>, name: Name, stay: Stay) -> io::Result<Opened> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let path = self.made_root()?.join(name.folder()).join(name.file());
        let file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make_folder(name.folder())?;
                options.open(&path)?
            }
            opened => opened?,
        };
        self.opened(file, name, stay)
    }

    fn open(self: &Arc<Disk>, name: Name) -> io::Result<Opened> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(&name)?)?;
        self.opened(file, name, Stay::UntilRemoved)
    }

    fn opened(self: &Arc<Disk>, file: fs::File, name: Name, stay: Stay) -> io::Result<Opened> {
        let open = OpenFile { disk: Arc::clone(self), file: Some(file), name, stay };
        let status = status(&open.file().metadata()?);
        Ok(Opened { file: File::new(open), status })
    }

    fn rename(&self, open: &mut OpenFile, name: Name) -> io::Result<()> {
        let (old, new) = (self.path(&open.name)?, self.path(&name)?);
        match fs::rename(&old, &new) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make_folder(name.folder())?;
                fs::rename(&old, &new)?;
            }
            renamed => renamed?,
        }
        open.name = name;
        Ok(())
    }

    fn publish(&self, mut file: File, name: Name, sync: bool) -> io::Result<Status> {
        let open: &mut OpenFile = file.opened();
        self.rename(open, name)?;
        open.stay = Stay::UntilRemoved;
        if sync {
            self.sync_folder(open.name.folder())?;
        }
        let status = status(&open.file().metadata()?);
        open.file = None; // whoever runs this may wait for it
        Ok(status)
    }

    fn sync(&self, open: &OpenFile) -> io::Result<()> {
        open.file().sync_all()?;
        match open.stay {
            Stay::WhileOpen => Ok(()),
            // "Calling fsync() does not necessarily ensure that the entry in the directory containing the file has also
            // reached disk" (fsync(2)).
            Stay::UntilRemoved => self.sync_folder(open.name.folder()),
        }
    }

    fn path(&self, name: &Name) -> io::Result<PathBuf> {
        Ok(self.root()?.join(name.folder()).join(name.file()))
    }

    /// Where the folders are.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] while nobody has created a file.
    fn root(&self) -> io::Result<PathBuf> {
        match &*lock(&self.root) {
            Root::Lasting(path) => Ok(path.clone()),
            Root::Fresh(folder) => Ok(folder.path().to_owned()),
            Root::NotNeededYet => Err(ErrorKind::NotFound.into()),
        }
    }

    fn made_root(&self) -> io::Result<PathBuf> {
        let mut root = lock(&self.root);
        if let Root::NotNeededYet = *root {
            *root = Root::Fresh(FreshFolder::make()?);
        }
        drop(root);
        self.root()
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let root = self.root()?;
        for path in [&root, &root.join(folder)] {
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// A name lasts when its folder is synced, and that of the folder when the root is.
    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let root = self.root()?;
        [root.join(folder), root].iter().try_for_each(|path| fs::File::open(path)?.sync_all())
    }
}

impl OpenFile {
    fn file(&self) -> &fs::File {
        self.file.as_ref().expect("it is open until it is published or dropped")
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let path = match self.stay {
            Stay::WhileOpen => self.disk.path(&self.name).ok(),
            Stay::UntilRemoved => None,
        };
        let left = Left { file: self.file.take(), path };
        if left.file.is_none() {
            return;
        }
        let closer = lock(&self.disk.closer).clone();
        match closer {
            Some(closer) => closer.close(left),
            None => drop(left),
        }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            log::warn!("{} is left behind: {error}", path.display());
        }
        // Only now, so that whoever sees that the last descriptor has gone finds no name either.
        drop(mem::take(&mut self.file));
    }
}

/// What the system knows an open file of this disk as.
pub(super) fn opened(file: &mut File) -> &fs::File {
    file.opened::<OpenFile>().file()
}

/// Whether a file is more than open.
#[cfg(target_os = "linux")]
pub(super) fn is_there_to_stay(file: &mut File) -> bool {
    file.opened::<OpenFile>().stay == Stay::UntilRemoved
}

fn add(bytes: &[u8], digests: &mut Option<Box<Digests>>) {
    if let Some(digests) = digests {
        digests.update(bytes);
    }
}

/// Reads until the buffer is full or the file ends, and cuts the buffer off there.
fn read_at(file: &fs::File, offset: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut count = 0;
    while count < bytes.len() {
        match file.read_at(&mut bytes[count..], offset + count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.clear();
                return Err(error);
            }
        }
    }
    bytes.truncate(count);
    Ok(())
}

fn status(metadata: &fs::Metadata) -> Status {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Status { length: metadata.len(), modified_millis: modified.unwrap_or_default().as_millis() as u64 }
}

/// What a session is told of an error.
pub(super) fn failure(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::Missing,
        ErrorKind::AlreadyExists => Failure::Exists,
        // No room for anybody, for this user, or in one file.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Failure::Full,
        _ => Failure::Other(error.to_string().into()),
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
