//! One errand after the other, from the first piece to an image that is there, and to the end of the last piece.

use std::mem;
use std::sync::Arc;

use super::{Join, Step, Target};
use crate::lab::images::disk_refused;
use crate::lab::images::file_name::FileName;
use crate::lab::images::id::ImageId;
use crate::lab::images::{Image, Kept};
use crate::lab::journal::Ack;
use crate::session::{Done, Errand, Failure, Name, Status, Stay};

impl Join {
    /// What the step needs to have done.
    pub(super) fn errand(&mut self) -> Option<Errand> {
        Some(match &self.step {
            Step::Creating => {
                Errand::Create { name: self.pieces.as_mut()?.incoming(), stay: Stay::WhileOpen }
            }
            Step::Opening => Errand::Open { name: self.sources.last()?.file.clone() },
            Step::Copying => Errand::Copy {
                file: self.file.take()?,
                offset: self.length,
                source: self.source.take()?,
                at: self.copied,
                count: self.piece(),
                digest: self.digest.take()?,
            },
            Step::Syncing(_) => Errand::Sync { file: self.file.take()? },
            Step::Publishing(target) => {
                let name = match target {
                    Target::New(known) => known.name(),
                    Target::There(image) => image.file.clone(),
                };
                Errand::Publish { file: self.file.take()?, name, sync: self.manner.ack == Ack::Fsync }
            }
            Step::Removing => Errand::Remove { name: self.left.last()?.clone() },
            Step::Receiving(_) | Step::Claiming(_) | Step::Over => return None,
        })
    }

    pub(super) fn handle_done(&mut self, done: Done) -> Result<(), Failure> {
        match (done, mem::replace(&mut self.step, Step::Over)) {
            (Done::Opened(opened), Step::Creating) => {
                self.file = Some(opened?.file);
                self.open_next();
            }
            (Done::Opened(opened), Step::Opening) => {
                (self.source, self.copied) = (Some(opened?.file), 0);
                self.step = Step::Copying;
            }
            (Done::Copied { file, source, digest, result }, Step::Copying) => {
                result?;
                (self.file, self.source, self.digest) = (Some(file), Some(source), Some(digest));
                self.handle_copied();
            }
            (Done::Synced { file, result }, Step::Syncing(target)) => {
                result?;
                (self.file, self.step) = (Some(file), Step::Publishing(target));
            }
            (Done::Published(status), Step::Publishing(target)) => self.handle_published(target, status?),
            (Done::Removed(result), Step::Removing) => {
                let name = self.left.pop();
                if let (Err(failure), Some(name)) = (result, name) {
                    log::warn!("{name} is left behind: {failure}");
                }
                self.remove_next();
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    fn handle_copied(&mut self) {
        let piece = self.piece();
        self.copied += piece;
        self.length += piece;
        self.step = Step::Copying;
        if self.piece() == 0 {
            self.source = None;
            self.sources.pop();
            self.open_next();
        }
    }

    /// How much of the source is copied by the next errand.
    fn piece(&self) -> u64 {
        self.sources.last().map_or(0, |source| (source.length - self.copied).min(MOST_BYTES))
    }

    fn open_next(&mut self) {
        while self.sources.last().is_some_and(|source| source.length == 0) {
            self.sources.pop();
        }
        match self.sources.last() {
            Some(_) => self.step = Step::Opening,
            None => self.choose_name(),
        }
    }

    /// It is known what the content is.
    fn choose_name(&mut self) {
        let digest = self.digest.take().expect("nothing is being copied");
        let pieces = self.pieces.as_ref().expect("it ends behind this");
        let id = ImageId::of(*digest);
        let (number, content_type) = (pieces.number(), pieces.content_type().to_owned());
        let new = Target::New(FileName { id, number, content_type });
        match (self.uploads.images.find(&id), self.manner.ack) {
            (None, Ack::Fsync) => self.step = Step::Syncing(new),
            (None, _) => self.step = Step::Publishing(new),
            (Some(image), Ack::Fsync) => self.step = Step::Syncing(Target::There(image)),
            (Some(image), _) => self.complete(image),
        }
    }

    fn handle_published(&mut self, target: Target, status: Status) {
        match target {
            Target::There(image) => self.complete(image),
            Target::New(known) => {
                let pieces = self.pieces.take().expect("it ends with this");
                self.settle(pieces.keep(known, status));
            }
        }
    }

    fn complete(&mut self, image: Arc<Image>) {
        let pieces = self.pieces.take().expect("it ends with this");
        self.settle(pieces.complete(image));
    }

    /// There is the image.
    fn settle(&mut self, (kept, left): (Kept, Vec<Name>)) {
        self.end(Ok((kept, self.length)));
        self.left = left;
        self.left.reverse();
        self.remove_next();
    }

    fn remove_next(&mut self) {
        self.step = if self.left.is_empty() { Step::Over } else { Step::Removing };
    }

    /// The pieces stay as they were.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.end(Err(disk_refused(failure)));
    }
}

/// Of one errand: so that a worker with many of them in line sees to each of them now and then.
const MOST_BYTES: u64 = 1024 * 1024;
