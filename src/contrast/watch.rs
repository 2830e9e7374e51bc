//! Watchers of one feed and the one who makes its news, in one thread, by one clock.
//!
//! Read on: [`way`] (the ways to learn of news), [`terms`] (what is watched), [`watcher`] (one of them, without a socket),
//! [`ledger`] (who has heard of what, and how late), [`tcp_info`] (packets), [`gathering`] (all of them, at a server).
//!
//! Whoever publishes puts the time into the event, and whoever hears of it looks at the same clock: so nothing is
//! assumed of clocks or of the way back.
//!
//! ```text
//!    Gathering ── everybody is connected, and is listening if told ──▶ Watching ── all has been heard ──▶ done
//! ```

pub mod gathering;
pub mod ledger;
mod talk;
pub mod tcp_info;
pub mod terms;
pub mod watcher;
pub mod way;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use self::ledger::Ledger;
pub use self::terms::{Rhythm, Source, Terms};
use self::watcher::{Heard, Watcher};
use self::way::{Feed, Way};
use super::client::Next;
use super::client::answers::Answers;
use super::failure::Failure;

/// The talk of all watchers, and of the one who publishes.
pub struct Watch {
    terms: Terms,
    pub ledger: Ledger,
    pub traffic: Traffic,
    /// The topic, or the job once it was submitted.
    feed: Option<Feed>,
    start: Instant,
    stage: Stage,
    /// Who has something to say when.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The number of the connection of the one who publishes.
    publisher: Option<usize>,
    published: u64,
    /// Who will be told from now on, of those who are told.
    listening: usize,
    opened: usize,
    trouble: Option<String>,
}

/// What all watchers have said and heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub requests: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Gathering,
    Watching,
}

/// One connection.
pub enum Line {
    Watcher {
        index: usize,
        number: usize,
        asked: Instant,
        watcher: Box<Watcher>,
    },
    /// Whoever publishes, with what has come of an answer.
    Publisher {
        answers: Answers,
        status: u16,
        content: Vec<u8>,
    },
}

impl Watch {
    pub fn new(terms: Terms) -> Watch {
        let feed = match &terms.watched {
            Source::Topic(topic) => Some(Feed::Topic(topic.clone())),
            Source::Job => None,
        };
        Watch {
            ledger: Ledger::new(terms.watchers, terms.events),
            traffic: Traffic::default(),
            feed,
            start: Instant::now(),
            stage: Stage::Gathering,
            due: BinaryHeap::new(),
            publisher: None,
            published: 0,
            listening: 0,
            opened: 0,
            trouble: None,
            terms,
        }
    }

    /// Begins, once everybody is connected; the last one who came publishes.
    pub fn begin(&mut self, now: Instant) {
        (self.start, self.stage) = (now, Stage::Watching);
        let first = match (&self.feed, self.terms.rhythm) {
            (Some(_), Rhythm::Every(every)) => self.time_of(1, every),
            (None, _) | (_, Rhythm::Window(_)) => now,
        };
        self.due.push(Reverse((first, self.publisher.expect("somebody publishes"))));
        if self.feed.is_some() && !self.terms.way.is_push() {
            self.invite(now);
        }
    }

    /// Lets every watcher ask for the first time. Numbers of their connections are those below the publisher's.
    fn invite(&mut self, now: Instant) {
        for number in 0..self.terms.watchers {
            self.due.push(Reverse((self.first_question(number, now), number)));
        }
    }

    /// Whether everybody who is told listens.
    pub fn is_gathered(&self) -> bool {
        !self.subscribes_first() || self.listening == self.terms.watchers
    }

    /// What has gone wrong, if anything has.
    pub fn check(&self) -> Result<(), Failure> {
        self.trouble.clone().map_or(Ok(()), |trouble| Err(Failure::Because(trouble)))
    }

    fn note_trouble(&mut self, trouble: impl Into<String>) {
        self.trouble.get_or_insert_with(|| trouble.into());
    }

    /// Whether those who are told have subscribed before there is any news.
    fn subscribes_first(&self) -> bool {
        self.terms.way.is_push() && self.feed.is_some()
    }

    /// When a watcher asks for the first time. Those who poll come one after another, in steps by which no two of them
    /// come to the same moment of the interval; the golden ratio has them. The first one comes in the middle, so that a
    /// single one that falls into step with a job is as late as many are on average.
    fn first_question(&self, index: usize, from: Instant) -> Instant {
        match self.terms.way {
            Way::ShortPoll(interval) => from + interval.mul_f64((0.5 + index as f64 * GOLDEN_RATIO).fract()),
            Way::LongPoll | Way::EventStream | Way::WebSocket => from,
        }
    }

    /// When an event is published, on a schedule.
    fn time_of(&self, number: u64, every: Duration) -> Instant {
        let moment = (number as f64 * GOLDEN_RATIO).fract();
        self.start + every.mul_f64((number - 1) as f64 + moment)
    }

    fn publish(&mut self, publisher: usize, out: &mut Vec<u8>) {
        let Some(Feed::Topic(topic)) = &self.feed else { return self.submit(out) };
        self.published += 1;
        let nanos = self.start.elapsed().as_nanos();
        let data = format!("{} {nanos} ", self.published);
        let data = format!("{data:x<width$}", width = self.terms.data_bytes);
        let head =
            format!("POST /topics/{topic} HTTP/1.1\r\nHost: lab\r\nContent-Length: {}\r\n\r\n", data.len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(data.as_bytes());
        if let Rhythm::Every(every) = self.terms.rhythm
            && self.published < self.terms.events
        {
            self.due.push(Reverse((self.time_of(self.published + 1, every), publisher)));
        }
    }

    fn submit(&mut self, out: &mut Vec<u8>) {
        self.start = Instant::now();
        let (work, steps) = (self.step() * self.terms.events as u32, self.terms.events);
        let target = format!("/submit?work={}ms&steps={steps}", work.as_millis());
        out.extend_from_slice(format!("POST {target} HTTP/1.1\r\nHost: lab\r\n\r\n").as_bytes());
    }

    /// How long a step of the job takes.
    fn step(&self) -> Duration {
        match self.terms.rhythm {
            Rhythm::Every(every) => every,
            Rhythm::Window(_) => Duration::ZERO,
        }
    }

    /// An answer to the one who publishes. A job that was submitted can be watched from now on, and is.
    fn answered(&mut self, status: u16, content: &str, now: Instant) {
        if !matches!(status, 201 | 202) {
            return self
                .note_trouble(format!("the server answered {status} to what was published: {content}"));
        }
        if self.feed.is_some() {
            return;
        }
        match content.trim().strip_prefix("job:").and_then(|number| number.parse().ok()) {
            Some(number) => {
                self.feed = Some(Feed::Job(number));
                self.invite(now);
            }
            None => self.note_trouble(format!("the server calls a job {content:?}")),
        }
    }

    fn ask(&mut self, index: usize, watcher: &Watcher, now: Instant, out: &mut Vec<u8>) {
        let Some(feed) = &self.feed else { return };
        let before = out.len();
        watcher.ask(feed, out);
        self.traffic.requests += 1;
        self.traffic.bytes_up += (out.len() - before) as u64;
        self.ledger.listen(index, now);
    }

    /// What a watcher makes of a line of news.
    fn hear(&mut self, index: usize, known: &mut u64, text: &str, now: Instant) {
        match self.feed {
            Some(Feed::Topic(_)) => {
                // A poll is told the id as well.
                let (id, data) =
                    text.split_once('\t').map_or((None, text), |(id, data)| (id.parse().ok(), data));
                *known = id.unwrap_or(*known);
                let mut words = data.split(' ').map(str::parse::<u64>);
                match (words.next(), words.next()) {
                    (Some(Ok(number)), Some(Ok(nanos))) => {
                        self.ledger.hear_event(index, number, self.start + Duration::from_nanos(nanos), now);
                    }
                    _ => self.note_trouble(format!("nobody has published {data:?}")),
                }
            }
            Some(Feed::Job(_)) => {
                let word = text.strip_prefix("JobStatus: ").and_then(|status| status.strip_suffix('%'));
                // A job that waits for a worker has made no step.
                let percent = word.and_then(|percent| percent.parse().ok()).unwrap_or(0);
                *known = percent;
                self.hear_percent(index, percent, now);
            }
            None => self.note_trouble("there is news before there is anything to watch"),
        }
    }

    /// A job had ended before a watcher came to be told of it, who knows the rest from that.
    fn hear_end(&mut self, index: usize, now: Instant) {
        match self.feed {
            Some(Feed::Job(_)) => self.hear_percent(index, 100, now),
            Some(Feed::Topic(_)) | None => self.note_trouble("the topic is gone"),
        }
    }

    fn hear_percent(&mut self, index: usize, percent: u64, now: Instant) {
        let (start, step, events) = (self.start, self.step(), self.terms.events);
        let when = |number: u64| start + step * number as u32;
        self.ledger.hear_state(index, (percent * events + 50) / 100, when, now);
    }

    /// Bytes for a watcher, and what it says to them.
    fn watcher_receives(&mut self, line: &mut Line, now: Instant, bytes: &[u8], out: &mut Vec<u8>) -> Next {
        let Line::Watcher { index, number, asked, watcher } = line else { return Next::Close };
        let (mut known, mut was_answered, before) = (watcher.known, false, out.len());
        self.traffic.bytes_down += bytes.len() as u64;
        let result = watcher.receive(bytes, out, |heard| match heard {
            Heard::News(text) => self.hear(*index, &mut known, text, now),
            Heard::Listening => self.listening += 1,
            Heard::Answered => was_answered = true,
            Heard::Over => self.hear_end(*index, now),
            // What is missing will be counted as lost.
            Heard::Gap | Heard::Closed(_) => {}
        });
        self.traffic.bytes_up += (out.len() - before) as u64;
        watcher.known = known;
        if let Err(why) = result {
            self.note_trouble(why);
            return Next::Close;
        }
        if was_answered && !self.ledger.has_all(*index) {
            match self.terms.way {
                Way::ShortPoll(interval) => self.due.push(Reverse(((*asked + interval).max(now), *number))),
                Way::LongPoll => self.ask(*index, watcher, now, out),
                Way::EventStream | Way::WebSocket => {}
            }
        }
        Next::Stay
    }
}

/// Its multiples are spread over a unit as evenly as any can be, however many there are.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
