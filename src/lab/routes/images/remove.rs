//! `DELETE /images/{id}`

use std::sync::Arc;

use super::validators;
use crate::http::Response;
use crate::http::condition::{Verdict, evaluate};
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::{Image, Images, disk_refused};
use crate::lab::refusal::{Form, Refusal, failed_condition};
use crate::session::{Done, Errand, Failure};

pub(super) fn remove(call: &Call<'_>, image: Arc<Image>) -> Result<Answer, Refusal> {
    let tag = image.tag();
    if let Verdict::Failed(condition) = evaluate(&call.request.fields, false, &validators(&image, &tag)) {
        return Err(failed_condition(condition, &tag));
    }
    let images = Arc::clone(&call.lab.images);
    Ok(Answer::exchange(Removal { images, image, form: call.form(), step: Step::Waiting }))
}

struct Removal {
    images: Arc<Images>,
    image: Arc<Image>,
    form: Form,
    step: Step,
}

enum Step {
    /// For the request to be complete.
    Waiting,
    Due,
    UnderWay,
    Over(Result<(), Failure>),
}

impl Exchange for Removal {
    /// From here on nobody finds it; who reads it already reads on.
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.step = match self.images.remove(&self.image.id) {
            Some(_) => Step::Due,
            // Somebody else was faster, and sees to the file.
            None => Step::Over(Ok(())),
        };
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        match &self.step {
            Step::Over(Ok(())) => reply.send(Response::new(204)),
            Step::Over(Err(failure)) => reply.refuse(&disk_refused(failure), self.form),
            Step::Waiting | Step::Due | Step::UnderWay => {}
        }
    }

    fn demand(&self) -> Demand {
        if let Step::Due = self.step { Demand::Errand } else { Demand::Content }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        self.step = Step::UnderWay;
        Some(Errand::Remove { name: self.image.file.clone() })
    }

    fn handle_errand(&mut self, done: Done) {
        let Done::Removed(result) = done else { unreachable!("no such errand was given: {done:?}") };
        let result = match result {
            Err(Failure::Missing) => Ok(()),
            result => result,
        };
        if result.is_err() {
            self.images.put_back(Arc::clone(&self.image));
        }
        self.step = Step::Over(result);
    }

    /// What nobody finds any more shall not stay.
    fn outlives_connection(&self) -> bool {
        matches!(self.step, Step::Due | Step::UnderWay)
    }
}
