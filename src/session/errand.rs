//! Errands: what only the operating system can do with a file, and what takes too long for a thread that serves others
//! as well. A session asks for it, its driver sees to it, and how it waits meanwhile is what drivers differ in.
//!
//! A file has a [`Name`], never a path. What an errand needs is its own while it runs, the open file and the bytes, and
//! comes back in its [`Done`]: so a driver may hand it to another thread, or to the kernel.

mod assignment;

use std::any::Any;
use std::fmt;

use sha2::Sha256;

use super::Digests;

pub use self::assignment::{Assignment, Doer, Report, Way, Work};

/// What is to be done.
#[derive(Debug)]
pub enum Errand {
    /// Makes a new, empty file and opens it; [`Failure::Exists`] if there is one with this name.
    Create { name: Name, stay: Stay },
    /// Opens a file that is there, to read and to write.
    Open { name: Name },
    /// Writes all the bytes, from `offset` on, and adds them to the digests. If that fails, some of them may be there.
    Write { file: File, offset: u64, bytes: Vec<u8>, digests: Option<Box<Digests>> },
    /// Reads from `offset` on as many bytes as the buffer is long, and adds them to the digests; fewer come back only
    /// where the file ends.
    Read { file: File, offset: u64, bytes: Vec<u8>, digests: Option<Box<Digests>> },
    /// Copies so many bytes of another file, from `at` on, to `offset`, and adds them to the digest; the other file must
    /// have as many.
    Copy { file: File, offset: u64, source: File, at: u64, count: u64, digest: Box<Sha256> },
    /// Cuts the file off behind so many bytes, or fills it up with zeros.
    Resize { file: File, length: u64 },
    /// Waits until the disk has what was written and, if the file is there to stay, its name.
    Sync { file: File },
    /// Gives the file another name, in the place of whatever has it; it stays open.
    Rename { file: File, name: Name },
    /// Gives the file its final name, in the place of whatever has it, and closes it. Others see the old file or the
    /// whole new one, and nothing between. With `sync`, the disk has the name too when this is done; the content has
    /// to be [synced](Errand::Sync) before.
    Publish { file: File, name: Name, sync: bool },
    /// Takes the name away. Who has the file open can go on reading.
    Remove { name: Name },
    /// Lists the files of a folder; one that is not there has none.
    List { folder: &'static str },
    /// Asks the system to tell when the file can be read without waiting, as it does for sockets. Fails where files
    /// cannot be waited for in this way.
    Watch { file: File },
    /// Computes something.
    Compute(Work),
    /// Sees to an errand in the way that it is told, and reports.
    Assigned(Box<Assignment>),
}

impl Errand {
    /// What becomes of an errand that nobody can see to.
    pub fn refused(self, failure: Failure) -> Done {
        let result = Err(failure.clone());
        match self {
            Errand::Create { .. } | Errand::Open { .. } => Done::Opened(Err(failure)),
            Errand::Write { file, bytes, digests, .. } => Done::Wrote { file, bytes, digests, result },
            Errand::Read { file, digests, .. } => Done::Read { file, bytes: Vec::new(), digests, result },
            Errand::Copy { file, source, digest, .. } => Done::Copied { file, source, digest, result },
            Errand::Resize { file, .. } => Done::Resized { file, result },
            Errand::Sync { file } => Done::Synced { file, result },
            Errand::Rename { file, .. } => Done::Renamed { file, result },
            Errand::Publish { .. } => Done::Published(Err(failure)),
            Errand::Remove { .. } => Done::Removed(result),
            Errand::List { .. } => Done::Listed(Err(failure)),
            Errand::Watch { file } => Done::Watched { file, result },
            Errand::Compute(_) => Done::Computed(result),
            Errand::Assigned(assignment) => assignment.errand.refused(failure),
        }
    }

    /// Who is to see to it.
    pub fn way(&self) -> Way {
        match self {
            Errand::Assigned(assignment) => assignment.way,
            Errand::Compute(_) => Way::Aside,
            _ => Way::Usual,
        }
    }
}

/// What became of an errand, and what it borrowed.
#[derive(Debug)]
pub enum Done {
    /// Of [`Errand::Create`] and [`Errand::Open`].
    Opened(Result<Opened, Failure>),
    Wrote {
        file: File,
        bytes: Vec<u8>,
        digests: Option<Box<Digests>>,
        result: Result<(), Failure>,
    },
    /// `bytes` is as long as what was read.
    Read {
        file: File,
        bytes: Vec<u8>,
        digests: Option<Box<Digests>>,
        result: Result<(), Failure>,
    },
    Copied {
        file: File,
        source: File,
        digest: Box<Sha256>,
        result: Result<(), Failure>,
    },
    Resized {
        file: File,
        result: Result<(), Failure>,
    },
    Synced {
        file: File,
        result: Result<(), Failure>,
    },
    Renamed {
        file: File,
        result: Result<(), Failure>,
    },
    /// If it failed, the file is closed all the same.
    Published(Result<Status, Failure>),
    Removed(Result<(), Failure>),
    /// In no order.
    Listed(Result<Vec<Entry>, Failure>),
    Watched {
        file: File,
        result: Result<(), Failure>,
    },
    /// Fails only where nobody could be found to do it.
    Computed(Result<(), Failure>),
    /// Of [`Errand::Assigned`], when somebody was found for it.
    Reported(Box<Done>, Report),
}

/// An open file; dropping it closes it. What it is, only the driver knows that has opened it.
pub struct File(Box<dyn Any + Send>);

impl File {
    /// For drivers.
    pub fn new(opened: impl Any + Send) -> File {
        File(Box::new(opened))
    }

    /// What the driver has opened.
    ///
    /// # Panics
    /// When it was another driver.
    pub fn opened<T: Any>(&mut self) -> &mut T {
        self.0.downcast_mut().expect("a file goes back to the driver that has opened it")
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("File(..)")
    }
}

/// A file that was opened, and what is known of it.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    pub status: Status,
}

/// What a file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// In bytes.
    pub length: u64,
    /// When it was written to last, in milliseconds since 1970-01-01T00:00:00Z.
    pub modified_millis: u64,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: Name,
    pub status: Status,
}

/// How long a new file stays, unless it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// It is removed when it is closed, however that comes about: an upload that was cut leaves nothing behind.
    WhileOpen,
    /// It is there until somebody removes it.
    UntilRemoved,
}

/// The name of a file: a folder and a name in it, both of them plain.
///
/// Plain are letters and digits, and behind the first one also `-._%+=`. So no name leads out of its folder or hides
/// there, and none means anything to a shell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    folder: &'static str,
    file: Box<str>,
}

impl Name {
    /// `None` when the name of the file is not plain, or is longer than file systems take.
    ///
    /// # Panics
    /// When the name of the folder is not plain: it never comes from others.
    pub fn new(folder: &'static str, file: impl Into<Box<str>>) -> Option<Name> {
        assert!(is_plain(folder), "{folder:?} is no name of a folder");
        let file = file.into();
        is_plain(&file).then_some(Name { folder, file })
    }

    pub fn folder(&self) -> &'static str {
        self.folder
    }

    pub fn file(&self) -> &str {
        &self.file
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.file)
    }
}

fn is_plain(name: &str) -> bool {
    let is_plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._%+=".contains(&byte);
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(is_plain_byte)
}

/// Why an errand failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No file has the name.
    Missing,
    /// A file has the name already.
    Exists,
    /// The disk has no room, or does not give us more of it.
    Full,
    /// What the operating system says.
    Other(Box<str>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Missing => f.write_str("there is no such file"),
            Failure::Exists => f.write_str("there is such a file already"),
            Failure::Full => f.write_str("the disk is full"),
            Failure::Other(why) => f.write_str(why),
        }
    }
}

/// NAME_MAX of Linux and others.
const MAX_NAME_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_anywhere() {
        for file in
            ["", ".", "..", "a/b", "/a", "../a", ".a", "-a", "a b", "a\0", "a\n", "ä", "a\\b", "~", "$a"]
        {
            assert_eq!(Name::new("images", file), None, "{file:?}");
        }
        assert_eq!(Name::new("images", "a".repeat(256)), None);
        for file in ["a", "0", "a.b", "a..", "9f86-1.image%2Fsvg+xml", &"a".repeat(255)] {
            assert!(Name::new("images", file).is_some(), "{file:?}");
        }
        assert_eq!(Name::new("images", "a").unwrap().to_string(), "images/a");
    }

    #[test]
    #[should_panic(expected = "no name of a folder")]
    fn a_folder_is_never_a_path() {
        let _ = Name::new("../images", "a");
    }
}
