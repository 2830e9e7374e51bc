//! What holds for uploads, whatever happens.
//!
//! 1. What was acknowledged is there, or has become an image: an offset never goes back, and no upload is forgotten.
//! 2. What is there is a beginning of what was sent, so that the whole is right in the end.
//! 3. Content with a checksum counts when it is whole and right, or not at all.
//! 4. What was cancelled does not come again, and nobody else gets its number.
//! 5. An image is whole, and was there when its client was told; until then there is nothing of it.
//!
//! What was answered with `ack=memory` may be lost by a `kill -9`, and by nothing else.

use std::collections::BTreeSet;

use wirelab::lab::journal::Ack;

use crate::complaints::Complaints;
use crate::world::End;

/// All that is known of the upload of one content.
#[derive(Debug)]
pub struct Account {
    /// What it will be called.
    pub image: String,
    pub length: usize,
    pub log: Vec<Entry>,
}

/// What happened, in the order in which its client knows of it.
#[derive(Debug)]
pub struct Entry {
    pub life: usize,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    /// It has this number from here on.
    Begun(u64),
    /// So much is to be there.
    Holds {
        offset: usize,
        ack: Ack,
    },
    /// So much may have been sent, and counts as soon as it is there.
    Sent {
        end: usize,
    },
    /// So much may have been sent, and counts when all of it is there.
    SentChecked {
        end: usize,
    },
    /// A part is to be there.
    PartThere {
        part: usize,
        ack: Ack,
    },
    /// These parts are not.
    PartsMissing(Vec<usize>),
    /// All of it may have been sent: it may be an image by now, and no upload any more.
    SentLast,
    Cancelling,
    Cancelled,
    /// Nobody knows it.
    Missing,
    /// It is an image.
    Complete {
        ack: Ack,
    },
    /// The image is not there.
    NoImage,
    /// The image was to be taken away again.
    Deleting,
}

/// What all have done.
pub struct Acts {
    pub accounts: Vec<Account>,
    pub ends: Vec<End>,
    /// The images that are there in the end.
    pub images: BTreeSet<String>,
}

impl Acts {
    /// # Panics
    /// When a rule is broken.
    pub fn judge(self) {
        let mut complaints = Complaints::default();
        let mut numbers = BTreeSet::new();
        for account in &self.accounts {
            for entry in &account.log {
                if let What::Begun(number) = entry.what
                    && !numbers.insert(number)
                {
                    complaints.add(&account.image, format!("has number {number}, as another has had"));
                }
            }
            let mut trial = Trial::new(account, &self.ends, &mut complaints);
            account.log.iter().for_each(|entry| trial.hear(entry));
            trial.conclude(&self.images);
        }
        complaints.hear();
    }
}

struct Trial<'t> {
    account: &'t Account,
    ends: &'t [End],
    complaints: &'t mut Complaints,
    upload: Known,
    /// In which life it was an image, and how sure that was.
    complete: Vec<(usize, Ack)>,
    is_given_up: bool,
}

/// What is known of the upload with the latest number.
#[derive(Default)]
struct Known {
    held: Vec<(usize, Ack, usize)>,
    sent: usize,
    /// Where checked content ends, if there was any.
    ends: Vec<usize>,
    /// In which life they were acknowledged.
    parts: Vec<(usize, Ack, usize)>,
    may_be_gone: bool,
    is_cancelled: bool,
}

impl<'t> Trial<'t> {
    fn new(account: &'t Account, ends: &'t [End], complaints: &'t mut Complaints) -> Trial<'t> {
        let (upload, complete) = (Known::default(), Vec::new());
        Trial { account, ends, complaints, upload, complete, is_given_up: false }
    }

    fn hear(&mut self, Entry { life, what }: &Entry) {
        match *what {
            What::PartThere { part, ack } => self.upload.parts.push((*life, ack, part)),
            What::PartsMissing(ref missing) => {
                let lost = self.upload.parts.iter().find(|(since, ack, part)| {
                    let is_sure = *ack > Ack::Memory || since < life;
                    is_sure && missing.contains(part) && self.survives(*since, *ack, *life)
                });
                if let Some(lost) = lost {
                    self.complain(format!("has lost a part: {lost:?}"));
                }
            }
            What::Begun(_) => self.upload = Known::default(),
            What::Sent { end } => self.upload.sent = self.upload.sent.max(end),
            What::SentChecked { end } => {
                self.upload.sent = self.upload.sent.max(end);
                self.upload.ends.push(end);
            }
            What::SentLast | What::Cancelling => self.upload.may_be_gone = true,
            What::Cancelled => self.upload.is_cancelled = true,
            What::Holds { offset, ack } => self.hear_offset(*life, offset, ack),
            What::Missing => {
                let is_due =
                    self.upload.held.iter().any(|(since, ack, _)| self.survives(*since, *ack, *life));
                if is_due && !self.upload.may_be_gone {
                    self.complain("is forgotten".to_owned());
                }
            }
            What::Complete { ack } => self.complete.push((*life, ack)),
            What::NoImage => self.expect_image(*life, false),
            What::Deleting => self.is_given_up = true,
        }
    }

    fn hear_offset(&mut self, life: usize, offset: usize, ack: Ack) {
        let due = self.upload.held.iter().filter(|(since, ack, _)| self.survives(*since, *ack, life));
        let due = due.map(|(_, _, offset)| *offset).max().unwrap_or(0);
        if offset < due {
            self.complain(format!("is at {offset}, and was at {due}"));
        }
        if offset > self.upload.sent {
            self.complain(format!("is at {offset}, and only {} were sent", self.upload.sent));
        }
        let ends = &self.upload.ends;
        if !ends.is_empty() && offset > 0 && !ends.contains(&offset) {
            self.complain(format!("is at {offset}, and checked content ends at {ends:?}"));
        }
        if self.upload.is_cancelled {
            self.complain("was cancelled and is there".to_owned());
        }
        self.upload.held.push((life, ack, offset));
    }

    fn conclude(&mut self, images: &BTreeSet<String>) {
        self.expect_image(self.ends.len() - 1, images.contains(&self.account.image));
    }

    fn expect_image(&mut self, life: usize, is_there: bool) {
        // What was answered from memory is still on its way, and certain only when that life has ended in order.
        let mut sure = self.complete.iter().filter(|(since, ack)| *ack > Ack::Memory || *since < life);
        let is_due = sure.any(|(since, ack)| self.survives(*since, *ack, life));
        if is_due && !is_there && !self.is_given_up {
            self.complain("was an image and is none".to_owned());
        }
    }

    /// Whether what was acknowledged in one life is still there in another.
    fn survives(&self, since: usize, ack: Ack, life: usize) -> bool {
        ack > Ack::Memory || self.ends[since..life].iter().all(|end| *end == End::Stopped)
    }

    fn complain(&mut self, what: String) {
        self.complaints.add(&self.account.image, format!("of {} bytes {what}", self.account.length));
    }
}
