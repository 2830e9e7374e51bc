//! One errand after the other, from a file that is opened to an image that is there.

use std::mem;

use sha1::Sha1;

use super::{Outcome, Step, Sure, Target, Transfer, inconsistent};
use crate::lab::images::file_name::FileName;
use crate::lab::images::id::ImageId;
use crate::lab::images::{Kept, disk_refused};
use crate::lab::journal::Ack;
use crate::lab::refusal::Refusal;
use crate::lab::spool::{PIECE_BYTES, Spool};
use crate::lab::uploads::file_name::{Facts, Shape};
use crate::lab::uploads::{Lease, gone};
use crate::session::{Digests, Done, Errand, Failure, Opened, Stay};

impl Transfer {
    /// Takes the upload: its digest goes on with what has come for it, if it is as far as its content.
    pub(super) fn hold(&mut self, mut lease: Lease) {
        let progress = lease.progress();
        let digests = Digests {
            sha256: (progress.digested == progress.offset).then(|| progress.digest.clone()),
            sha1: self.terms.checksum().map(|_| Sha1::default()),
        };
        let early = self.terms.ack == Ack::Memory && digests.sha1.is_none();
        self.spool.digest(digests, early);
        self.lease = Some(lease);
    }

    /// What the step needs to have done.
    pub(super) fn errand(&mut self) -> Option<Errand> {
        Some(match &self.step {
            // Whoever begins an upload takes those with it for which nobody came.
            Step::Creating => match self.uploads.take_left() {
                Some(name) => Errand::Remove { name },
                None => Errand::Create { name: self.lease.as_mut()?.file(), stay: Stay::UntilRemoved },
            },
            Step::Opening => Errand::Open { name: self.lease.as_mut()?.file() },
            Step::Resizing => {
                Errand::Resize { file: self.spool.take_file()?, length: self.lease.as_ref()?.offset() }
            }
            Step::Renaming | Step::Counting => {
                Errand::Rename { name: self.due_name()?, file: self.spool.take_file()? }
            }
            Step::Writing => self.spool.write()?,
            Step::Hashing => {
                let progress = self.lease.as_mut()?.progress();
                let rest = usize::try_from(progress.offset - progress.digested).unwrap_or(usize::MAX);
                let digests = Digests { sha256: Some(progress.digest.clone()), sha1: None };
                let (offset, bytes) = (progress.digested, vec![0; rest.min(PIECE_BYTES)]);
                let file = self.spool.take_file()?;
                Errand::Read { file, offset, bytes, digests: Some(Box::new(digests)) }
            }
            Step::Syncing(_) => Errand::Sync { file: self.spool.take_file()? },
            Step::Publishing(target) => {
                let name = match target {
                    Target::New(known) => known.name(),
                    Target::There(image) => image.file.clone(),
                };
                let sync = self.terms.ack == Ack::Fsync;
                Errand::Publish { file: self.spool.take_file()?, name, sync }
            }
            Step::Removing(name, _) => Errand::Remove { name: name.clone() },
            Step::Waiting(_) | Step::Over(_) => return None,
        })
    }

    pub(super) fn handle_done(&mut self, done: Done) -> Result<(), Failure> {
        match (done, mem::replace(&mut self.step, Step::Writing)) {
            (Done::Removed(_), Step::Creating) => self.step = Step::Creating,
            (Done::Opened(opened), Step::Creating) => {
                if opened.is_err() {
                    self.forget();
                }
                self.spool.open(opened?.file, 0);
            }
            (Done::Opened(opened), Step::Opening) => self.handle_opened(opened?),
            (Done::Resized { file, result }, Step::Resizing) => {
                result?;
                self.spool.open(file, self.offset());
                self.go_on_by_name();
            }
            (Done::Renamed { file, result }, step) => {
                result?;
                if let Step::Counting = step {
                    self.count_held();
                }
                self.name_file();
                self.spool.open(file, self.offset());
            }
            (Done::Wrote { file, bytes, digests, result }, _) => {
                result?;
                let count = bytes.len() as u64;
                self.spool.wrote(file, bytes, digests);
                self.handle_written(count);
            }
            (Done::Read { file, bytes, digests, result }, _) => {
                result?;
                self.spool.open(file, self.offset());
                self.handle_read(bytes.len() as u64, digests)?;
            }
            (Done::Synced { file, result }, Step::Syncing(what)) => {
                result?;
                self.spool.open(file, self.offset());
                match what {
                    Sure::Content => self.step = Step::Counting,
                    Sure::Offset => self.end(self.partial()),
                    Sure::Image(target) => self.step = Step::Publishing(target),
                }
            }
            (Done::Published(status), Step::Publishing(target)) => {
                let (status, length) = (status?, self.offset());
                let lease = self.lease.take().expect("it ends with this");
                self.step = match target {
                    Target::There(image) => {
                        lease.complete(image.id);
                        Step::Over(Outcome::Complete(Kept::There(image), length))
                    }
                    Target::New(known) => match lease.keep(known.clone(), status) {
                        Kept::There(image) => {
                            let outcome = Outcome::Complete(Kept::There(image), length);
                            Step::Removing(known.name(), Box::new(outcome))
                        }
                        kept @ Kept::New(_) => Step::Over(Outcome::Complete(kept, length)),
                    },
                };
            }
            (Done::Removed(result), Step::Removing(name, outcome)) => {
                result.unwrap_or_else(|failure| log::warn!("{name} is left behind: {failure}"));
                self.step = Step::Over(*outcome);
            }
            (done, _) => unreachable!("no such errand was given: {done:?}"),
        }
        Ok(())
    }

    /// A write that was broken off may have left more in the file than was ever counted.
    fn handle_opened(&mut self, opened: Opened) {
        let Some(lease) = &mut self.lease else { return };
        let offset = lease.offset();
        self.spool.open(opened.file, offset);
        if opened.status.length < offset {
            log::error!("{} has lost bytes that were acknowledged", lease.file());
            (self.is_void, self.refusal) = (true, Some(gone(lease.facts.number)));
        } else if opened.status.length > offset {
            self.step = Step::Resizing;
        } else {
            self.go_on_by_name();
        }
    }

    /// Bytes that a server before this one has written.
    fn handle_read(&mut self, count: u64, digests: Option<Box<Digests>>) -> Result<(), Failure> {
        let Some(lease) = &mut self.lease else { return Ok(()) };
        let digest = digests.and_then(|digests| digests.sha256);
        let Some(digest) = digest.filter(|_| count > 0) else {
            return Err(Failure::Other("the file is shorter than it was".into()));
        };
        let progress = lease.progress();
        progress.digest = digest;
        progress.digested += count;
        self.finish();
        Ok(())
    }

    /// Goes on when all that has come is in the file.
    pub(super) fn advance(&mut self) {
        let is_written = !self.is_under_way && self.spool.is_empty();
        if !is_written || !matches!(self.step, Step::Writing) {
            return;
        }
        self.settle_checksum();
        if !matches!(self.step, Step::Writing) {
            return;
        }
        match self.refusal.take() {
            Some(refusal) if self.is_void => self.discard(refusal),
            Some(refusal) => self.end(Outcome::Refused(refusal)),
            None if self.is_cut => self.end(Outcome::Cut),
            None if self.is_complete => self.finish(),
            None => {}
        }
    }

    /// All content of this request is in the file.
    fn finish(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        let offset = lease.offset();
        let is_piece = lease.facts.shape != Shape::Whole;
        if is_piece || !self.terms.ends_at(offset, lease.facts.length) {
            return match self.terms.ack {
                Ack::Fsync => self.step = Step::Syncing(Sure::Offset),
                Ack::Memory | Ack::Write => self.end(self.partial()),
            };
        }
        if let Some(length) = lease.facts.length.filter(|length| *length != offset) {
            let why = format!("the upload has {length} bytes, and only {offset} have come");
            return self.end(Outcome::Refused(inconsistent(why)));
        }
        lease.facts.length = Some(offset);
        match lease.progress().digested == offset {
            true => self.choose_name(),
            false => self.step = Step::Hashing,
        }
    }

    /// It is known what the content is.
    fn choose_name(&mut self) {
        let lease = self.lease.as_mut().expect("it ends behind this");
        let id = ImageId::of(lease.progress().digest.clone());
        let new = FileName { id, number: lease.facts.number, content_type: lease.facts.content_type.clone() };
        self.step = match (self.uploads.images.find(&id), self.terms.ack) {
            (None, Ack::Fsync) => Step::Syncing(Sure::Image(Target::New(new))),
            (None, _) => Step::Publishing(Target::New(new)),
            (Some(image), Ack::Fsync) => Step::Syncing(Sure::Image(Target::There(image))),
            (Some(image), _) => {
                let (file, outcome) = (lease.file(), Outcome::Complete(Kept::There(image), lease.offset()));
                self.spool = Spool::default();
                self.lease.take().expect("it was there").complete(id);
                Step::Removing(file, Box::new(outcome))
            }
        };
    }

    /// Ends the upload itself: nobody can go on with it.
    fn discard(&mut self, refusal: Refusal) {
        let Some(mut lease) = self.lease.take() else { return };
        self.spool = Spool::default();
        self.step = Step::Removing(lease.file(), Box::new(Outcome::Refused(refusal)));
        lease.forget();
    }

    /// Lets the upload go.
    fn end(&mut self, outcome: Outcome) {
        (self.spool, self.lease) = (Spool::default(), None);
        self.step = Step::Over(outcome);
    }

    /// More is to come.
    fn partial(&self) -> Outcome {
        match self.lease.as_ref().map(|lease| &lease.facts) {
            Some(Facts { number, shape: Shape::Parts(_), .. }) => Outcome::Begun(*number),
            _ => Outcome::Partial(self.offset()),
        }
    }

    fn forget(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.forget();
        }
    }

    /// What was acknowledged before stays.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if *failure == Failure::Missing {
            self.forget();
        }
        self.end(Outcome::Refused(disk_refused(failure)));
    }

    fn offset(&self) -> u64 {
        self.lease.as_ref().map_or(0, |lease| lease.offset())
    }
}
