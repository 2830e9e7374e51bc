//! What of an upload counts: what is in the file; but content with a checksum only when all of it is there, and right.
//!
//! A server may be killed between any two steps, and the next one knows only the file. So its name says how much of it
//! counts before anything is written that may not, and says that it does before the client is told.

use std::mem;

use sha1::Digest;

use super::{Step, Sure, Transfer, tus};
use crate::lab::journal::Ack;
use crate::lab::uploads::Lease;
use crate::session::Name;

impl Transfer {
    /// No byte is written before the name says what counts, nor any acknowledged before it says that it does.
    pub(super) fn go_on_by_name(&mut self) {
        let is_over = self.refusal.is_some() || self.is_cut;
        let is_due = self.due_name() != self.lease.as_mut().map(Lease::file);
        if is_due && !is_over {
            self.step = Step::Renaming;
        }
    }

    pub(super) fn due_name(&self) -> Option<Name> {
        let lease = self.lease.as_ref()?;
        let held = if let Step::Counting = self.step { self.held } else { 0 };
        Some(lease.facts.name(self.terms.checksum().map(|_| lease.offset() + held)))
    }

    /// The file has the name that is due.
    pub(super) fn name_file(&mut self) {
        let name = self.due_name();
        if let (Some(lease), Some(name)) = (&mut self.lease, name) {
            lease.progress().file = name;
        }
    }

    pub(super) fn handle_written(&mut self, bytes: u64) {
        match self.terms.checksum() {
            Some(_) => self.held += bytes,
            None => self.count(bytes),
        }
    }

    /// What was held counts from here on.
    pub(super) fn count_held(&mut self) {
        let held = mem::take(&mut self.held);
        self.count(held);
    }

    fn count(&mut self, bytes: u64) {
        let Some(lease) = &mut self.lease else { return };
        let progress = lease.progress();
        progress.offset += bytes;
        if let Some(digest) = self.spool.written_digests().and_then(|digests| digests.sha256.clone()) {
            (progress.digest, progress.digested) = (digest, progress.offset);
        }
    }

    /// Content with a checksum counts when it is right, and is taken out again when it is not, or is not all there.
    pub(super) fn settle_checksum(&mut self) {
        let (Some(due), Some(_)) = (self.terms.checksum(), &self.lease) else { return };
        if self.is_complete && self.refusal.is_none() {
            let sha1 = self.spool.digests().and_then(|digests| digests.sha1.clone());
            if sha1.is_none_or(|sha1| sha1.finalize()[..] != due) {
                self.refusal = Some(tus::mismatch());
            } else if self.held > 0 {
                self.step = match self.terms.ack {
                    Ack::Fsync => Step::Syncing(Sure::Content),
                    Ack::Memory | Ack::Write => Step::Counting,
                };
            }
        }
        let is_over = self.refusal.is_some() || self.is_cut;
        if is_over && mem::take(&mut self.held) > 0 {
            self.step = Step::Resizing;
        }
    }
}
