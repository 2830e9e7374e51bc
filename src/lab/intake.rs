//! Content on its way into a file of its own, until it is whole and has a name: what an image and a part of an upload
//! have in common.

use super::exchange::Demand;
use super::images::id::ImageId;
use super::journal::Ack;
use super::spool::Spool;

/// How far the content has come, and whether somebody sees to its file just now.
#[derive(Debug)]
pub struct Intake {
    /// What has to be sure before the answer.
    pub ack: Ack,
    pub spool: Spool,
    /// Bytes of content that have come.
    pub length: u64,
    /// All content has come.
    pub is_complete: bool,
    /// An errand is under way.
    pub is_under_way: bool,
}

impl Intake {
    pub fn new(ack: Ack) -> Intake {
        let spool = Spool::with_sha256(ack == Ack::Memory);
        Intake { ack, spool, length: 0, is_complete: false, is_under_way: false }
    }

    /// What it is ready for, while it has an errand in any case or `is_writing` what comes.
    pub fn demand(&self, is_writing: bool) -> Demand {
        match (self.is_complete, self.spool.is_full()) {
            (false, true) if self.is_under_way => Demand::Pause,
            _ if self.is_under_way => Demand::Content,
            (false, false) if is_writing => Demand::Content,
            _ => Demand::Errand,
        }
    }

    /// Whether all content is in the file.
    pub fn is_written(&self) -> bool {
        self.is_complete && !self.is_under_way && self.spool.is_empty()
    }

    /// Of all content, which is why it is asked for only at the end: when all has come, or when all is written if it
    /// is digested there.
    ///
    /// # Panics
    /// Before that.
    pub fn digest(&self) -> ImageId {
        ImageId::of(
            self.spool.sha256().expect("all content has come, and is written if it is not digested early"),
        )
    }
}
