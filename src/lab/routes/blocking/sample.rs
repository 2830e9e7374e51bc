//! The file of the experiments, on its way to somebody who wants it: found, or made.

use std::mem;

use crate::lab::workbench::{CONTENT, Workbench};
use crate::session::{Done, Errand, Failure, File, Stay};

pub(super) enum Sample {
    NotAsked,
    /// It goes when the server does, or nobody has it any more.
    Create(Errand),
    Creating,
    Write(File),
    Writing,
    There(File),
    /// Somebody has it, or nobody gets it.
    Gone,
}

impl Sample {
    /// Begins to look for it.
    pub(super) fn ask(workbench: &Workbench) -> Sample {
        match workbench.take_file() {
            Some(file) => Sample::There(file),
            None => Sample::Create(Errand::Create { name: workbench.new_name(), stay: Stay::WhileOpen }),
        }
    }

    pub(super) fn demands_errand(&self) -> bool {
        matches!(self, Sample::Create(_) | Sample::Write(_))
    }

    /// Whether there is nothing to do for it but to wait.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self, Sample::Creating | Sample::Writing)
    }

    pub(super) fn poll_errand(&mut self) -> Option<Errand> {
        match mem::replace(self, Sample::Gone) {
            Sample::Create(create) => {
                *self = Sample::Creating;
                Some(create)
            }
            Sample::Write(file) => {
                *self = Sample::Writing;
                Some(Errand::Write { file, offset: 0, bytes: CONTENT.as_bytes().to_vec(), digests: None })
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// # Errors
    /// The file could not be made.
    pub(super) fn handle(&mut self, done: Done) -> Result<(), Failure> {
        *self = match done {
            Done::Opened(opened) => Sample::Write(opened?.file),
            Done::Wrote { file, result, .. } => result.map(|()| Sample::There(file))?,
            done => unreachable!("no such errand was given: {done:?}"),
        };
        Ok(())
    }

    /// The file, when it is there.
    pub(super) fn take(&mut self) -> Option<File> {
        match mem::replace(self, Sample::Gone) {
            Sample::There(file) => Some(file),
            other => {
                *self = other;
                None
            }
        }
    }
}
