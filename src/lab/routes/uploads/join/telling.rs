//! What is said when the pieces are an image, and when: before they are removed, and when a job is to follow, behind it
//! is written down.

use super::{Join, Step};
use crate::http::{Length, Response};
use crate::lab::exchange::{Call, Reply};
use crate::lab::images::Kept;
use crate::lab::journal::{Ack, Receipt};
use crate::lab::receipt::has_happened;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::routes::uploads::process::Process;
use crate::lab::routes::uploads::{answer, tus};

/// In which way the client is told.
pub(in crate::lab::routes::uploads) struct Manner {
    pub words: Words,
    pub ack: Ack,
    pub form: Form,
    pub representation: Representation,
    /// What is to be done with the image.
    pub process: Option<Process>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::lab::routes::uploads) enum Words {
    /// As any image is told of.
    Plain,
    Tus,
}

pub(super) enum Telling {
    Silent,
    /// A job is submitted, and its answer waits until it is written down.
    Waiting(Receipt, Response),
    Ready(Response),
    /// What is left to be done delays only the next request.
    Told,
}

impl Manner {
    pub fn read(call: &Call<'_>, words: Words) -> Result<Manner, Refusal> {
        Ok(Manner {
            words,
            ack: Ack::of_file(call)?,
            form: call.form(),
            representation: call.representation(),
            process: Process::read(call)?,
        })
    }

    fn refused(&self, refusal: &Refusal) -> Response {
        match self.words {
            Words::Plain => refusal.response(self.form),
            Words::Tus => tus::refused(refusal.clone()).response(self.form),
        }
    }

    fn told(&self, number: u64, kept: &Kept, length: u64, expires_millis: u64) -> Response {
        let (Kept::New(image) | Kept::There(image)) = kept;
        let is_new = matches!(kept, Kept::New(_));
        match self.words {
            Words::Plain => answer::complete(&image.id, is_new, length, self.representation),
            Words::Tus => tus::appended(Some(number), length, Some(&image.id), expires_millis),
        }
    }
}

impl Join {
    pub(super) fn tell(&mut self, reply: &mut Reply<'_>) {
        let Some(outcome) = &self.outcome else { return };
        if let Telling::Silent = self.telling {
            self.telling = self.manner.answer(self.number, outcome, reply);
        }
        if let Telling::Waiting(receipt, response) = &self.telling {
            match receipt.poll(|| reply.waker()) {
                None => return,
                Some(Ok(())) => self.telling = Telling::Ready(response.clone()),
                Some(Err(failure)) => {
                    let what = String::from_utf8_lossy(&response.content).into_owned();
                    let refusal = has_happened(&what, &failure);
                    self.telling = Telling::Ready(self.manner.refused(&refusal));
                }
            }
        }
        if let Telling::Ready(response) = &self.telling {
            reply.begin(response.clone(), Length::Known(response.content.len() as u64));
            reply.send_data(&response.content);
            self.telling = Telling::Told;
        }
        if let (Telling::Told, Step::Over) = (&self.telling, &self.step) {
            reply.end(&[]);
        }
    }
}

impl Manner {
    fn answer(&self, number: u64, outcome: &Result<(Kept, u64), Refusal>, reply: &Reply<'_>) -> Telling {
        let (kept, length) = match outcome {
            Ok(known) => known,
            Err(refusal) => return Telling::Ready(self.refused(refusal)),
        };
        let Some(process) = &self.process else {
            return Telling::Ready(self.told(number, kept, *length, reply.lab.uploads.expiry()));
        };
        match process.submit(kept.image(), self, reply) {
            Ok((receipt, response)) => Telling::Waiting(receipt, response),
            Err(refusal) => Telling::Ready(self.refused(&refusal)),
        }
    }
}
