//! `GET /demo/epoll-file`: epoll is asked to wait for a file, and says what it thinks of it.

use std::mem;

use super::sample::Sample;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call, Demand, Exchange, Reply};
use crate::lab::images::disk_refused;
use crate::lab::refusal::{Form, Refusal};
use crate::session::{Done, Errand, Failure, File};

/// `GET /demo/epoll-file`
pub(super) fn epoll_file(call: &Call<'_>) -> Result<Answer, Refusal> {
    let state = State::Awaited;
    Ok(Answer::exchange(EpollFile { form: call.form(), sample: Sample::NotAsked, state, failure: None }))
}

struct EpollFile {
    form: Form,
    sample: Sample,
    state: State,
    failure: Option<Failure>,
}

enum State {
    Awaited,
    /// The file is to be watched.
    Due(File),
    Asking,
    Answered(File, Result<(), Failure>),
}

impl Exchange for EpollFile {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        self.sample = Sample::ask(&reply.lab.workbench);
        self.poll(reply);
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        if let Some(failure) = self.failure.take() {
            return reply.refuse(&disk_refused(&failure), self.form);
        }
        if let Some(file) = self.sample.take() {
            self.state = State::Due(file);
        }
        if let State::Answered(..) = self.state
            && let State::Answered(file, result) = mem::replace(&mut self.state, State::Awaited)
        {
            reply.lab.workbench.leave_file(file);
            let answer = result.map_or_else(|failure| failure.to_string(), |()| "it will tell".to_owned());
            let page = format!(
                "a socket:  epoll tells when there is something to read\na file:    {answer}\n\n{LESSON}"
            );
            reply.send(Response::text(200, page).with("Cache-Control", "no-store"));
        }
    }

    fn demand(&self) -> Demand {
        match self.state {
            State::Due(_) => Demand::Errand,
            State::Awaited if self.sample.demands_errand() => Demand::Errand,
            State::Asking => Demand::Pause,
            State::Awaited if self.sample.is_under_way() => Demand::Pause,
            State::Awaited | State::Answered(..) => Demand::Content,
        }
    }

    fn poll_errand(&mut self) -> Option<Errand> {
        match mem::replace(&mut self.state, State::Asking) {
            State::Due(file) => Some(Errand::Watch { file }),
            other => {
                self.state = other;
                self.sample.poll_errand()
            }
        }
    }

    fn handle_errand(&mut self, done: Done) {
        match done {
            Done::Watched { file, result } => self.state = State::Answered(file, result),
            done => self.failure = self.sample.handle(done).err(),
        }
    }
}

const LESSON: &str = "\
A file is always ready, for epoll: there is nobody at the other end who could keep it waiting. A read waits all the
same, for the disk. So there is nothing to wait for, and epoll_ctl(2) has an error of its own for it. Who serves many
with one thread needs another thread that may wait, or a kernel that reports back:
  /demo/read?mode=thread
  /demo/read?mode=completion
";
