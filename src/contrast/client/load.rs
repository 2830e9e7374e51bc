//! The same request again and again, on connections that persist.

use std::collections::VecDeque;
use std::time::Instant;

use super::answers::{Answers, Ended, Piece};
use super::meter::Meter;
use super::schedule::Schedule;
use super::{End, Next, Talk};

/// What a crowd asks, and when.
#[derive(Debug)]
pub struct Load {
    /// The request, as often as it is sent at a time.
    requests: Vec<u8>,
    pipelined: usize,
    asking: Asking,
    /// Connections that have nothing under way; one may stand here twice, or be gone.
    idle: VecDeque<usize>,
    /// Requests without an answer yet.
    under_way: u64,
    pub meter: Meter,
}

/// What makes the next request due.
#[derive(Debug)]
enum Asking {
    /// Nothing does.
    Not,
    /// The answer to the one before, on the same connection.
    WhenAnswered,
    /// The clock, on whichever connection has waited longest.
    OnSchedule(Schedule),
}

/// One connection of a load.
#[derive(Debug)]
pub struct Line {
    number: usize,
    answers: Answers,
    /// When requests were sent or due that have no answer yet, and how many at that moment.
    asked: VecDeque<(Instant, usize)>,
    /// Of the answer that is being read.
    status: u16,
    persists: bool,
    /// Whether it has brought an answer: one that never does is not opened again.
    is_of_use: bool,
}

impl Load {
    /// A load of this request, so many of them on their way on each connection.
    pub fn new(request: &[u8], pipelined: usize) -> Load {
        Load {
            requests: request.repeat(pipelined),
            pipelined,
            asking: Asking::Not,
            idle: VecDeque::new(),
            under_way: 0,
            meter: Meter::default(),
        }
    }

    /// Each answer brings the next request.
    pub fn ask_when_answered(&mut self) {
        self.asking = Asking::WhenAnswered;
    }

    /// Requests are sent by the clock, one at a time on each connection.
    pub fn ask_on_schedule(&mut self, schedule: Schedule) {
        self.asking = Asking::OnSchedule(schedule);
    }

    /// Nothing more is due from now on. What was due by now is still sent, so that none of those is left out that have
    /// waited longest.
    pub fn stop_asking(&mut self, now: Instant) {
        match &mut self.asking {
            Asking::OnSchedule(schedule) => schedule.end(now),
            asking => *asking = Asking::Not,
        }
    }

    /// Nobody waits for an answer any more: what has none counts as an error.
    pub fn give_up(&mut self) {
        let due = match &mut self.asking {
            Asking::OnSchedule(schedule) => {
                std::iter::from_fn(|| schedule.next().and_then(|at| schedule.take(at))).count()
            }
            Asking::Not | Asking::WhenAnswered => 0,
        };
        let unanswered = self.under_way + due as u64;
        self.meter.errors(|errors| &mut errors.unanswered, unanswered, "requests have had no answer in time");
    }

    /// Sends what is due on a connection with nothing under way, or lets it wait for that.
    fn ask(&mut self, line: &mut Line, now: Instant, count: usize, out: &mut Vec<u8>) {
        let (asked, count) = match &mut self.asking {
            Asking::WhenAnswered => (Some(now), count),
            Asking::OnSchedule(schedule) => (schedule.take(now), 1),
            Asking::Not => (None, 0),
        };
        match asked {
            Some(asked) => {
                out.extend_from_slice(&self.requests[..self.requests.len() / self.pipelined * count]);
                line.asked.push_back((asked, count));
                self.under_way += count as u64;
            }
            None => self.idle.push_back(line.number),
        }
    }

    /// What was asked on a connection that is over will have no answer.
    fn lose(&mut self, line: &mut Line, why: &dyn std::fmt::Display) {
        let lost = line.asked.drain(..).map(|(_, count)| count as u64).sum();
        self.under_way -= lost;
        self.meter.errors(|errors| &mut errors.broken, lost, why);
    }
}

impl Talk for Load {
    type Line = Line;

    fn open(&mut self, _: Instant, number: usize) -> Line {
        Line {
            number,
            answers: Answers::default(),
            asked: VecDeque::new(),
            status: 0,
            persists: true,
            is_of_use: false,
        }
    }

    fn connected(&mut self, line: &mut Line, now: Instant, out: &mut Vec<u8>) {
        self.ask(line, now, self.pipelined, out);
    }

    fn receive(&mut self, line: &mut Line, now: Instant, bytes: &[u8], out: &mut Vec<u8>) -> Next {
        let Line { answers, asked, status, persists, .. } = line;
        let (meter, mut ended) = (&mut self.meter, 0);
        let result = answers.receive(bytes, |piece| match piece {
            Piece::Head(head) => (*status, *persists) = (head.status, head.persists),
            Piece::Content(_) => {}
            Piece::End => ended += usize::from(finish(asked, *status, now, meter)),
        });
        self.under_way -= ended as u64;
        line.is_of_use |= ended > 0;
        if let Err(malformed) = result {
            self.meter.errors(|errors| &mut errors.malformed, 1, malformed);
            self.lose(line, &malformed);
            return Next::Close;
        }
        match (ended, line.persists) {
            (0, _) => Next::Stay,
            (_, true) => {
                self.ask(line, now, ended, out);
                Next::Stay
            }
            (_, false) => {
                self.lose(line, &"the server has closed a connection before its last answer");
                self.meter.reconnect();
                Next::Reopen
            }
        }
    }

    fn ended(&mut self, line: &mut Line, now: Instant, why: End<'_>) -> Next {
        match why {
            End::NotOpened(error) => {
                self.meter.errors(|errors| &mut errors.connect, 1, error);
                return Next::Close;
            }
            End::Broken(error) => self.lose(line, &error),
            End::Closed => {
                if line.answers.ended() == Ended::Complete {
                    let is_answer = finish(&mut line.asked, line.status, now, &mut self.meter);
                    self.under_way -= u64::from(is_answer);
                    line.is_of_use |= is_answer;
                }
                self.lose(line, &"the server has ended a connection without an answer");
            }
        }
        if !line.is_of_use {
            return Next::Close;
        }
        self.meter.reconnect();
        Next::Reopen
    }

    fn poll_speaker(&mut self, now: Instant) -> Option<usize> {
        match &self.asking {
            Asking::Not => None,
            Asking::WhenAnswered => self.idle.pop_front(),
            Asking::OnSchedule(schedule) => {
                schedule.next().filter(|due| *due <= now).and_then(|_| self.idle.pop_front())
            }
        }
    }

    fn speak(&mut self, line: &mut Line, now: Instant, out: &mut Vec<u8>) {
        if line.asked.is_empty() {
            self.ask(line, now, self.pipelined, out);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.asking {
            Asking::OnSchedule(schedule) if !self.idle.is_empty() => schedule.next(),
            _ => None,
        }
    }

    fn is_done(&self) -> bool {
        let is_due = match &self.asking {
            Asking::Not => false,
            Asking::WhenAnswered => true,
            Asking::OnSchedule(schedule) => schedule.next().is_some(),
        };
        !is_due && self.under_way == 0
    }
}

/// An answer is whole; answers whether somebody has asked for it.
fn finish(asked: &mut VecDeque<(Instant, usize)>, status: u16, now: Instant, meter: &mut Meter) -> bool {
    let Some((at, left)) = asked.front_mut() else {
        meter.errors(|errors| &mut errors.malformed, 1, "an answer that nobody has asked for");
        return false;
    };
    meter.answer(*at, now);
    meter.errors(|errors| &mut errors.status, u64::from(status != 200), format_args!("status {status}"));
    *left -= 1;
    if *left == 0 {
        asked.pop_front();
    }
    true
}
