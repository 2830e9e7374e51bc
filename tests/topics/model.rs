//! One topic, as simply as it can be said: all events that there ever were, and which of them may be gone.

use wirelab::lab::topics::event::Event;
use wirelab::lab::topics::log::{History, WINDOW_BYTES};
use wirelab::lab::topics::start::{Gap, Start};

/// From the first event to the end, or to the next beginning.
pub struct Life {
    history: History,
    /// The id of the event before the first.
    before: u64,
    costs: Vec<u64>,
    /// How many of the oldest are gone.
    gone: usize,
    pub is_over: bool,
}

/// What a listener hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Event(u64),
    Gap { from: u64, to: u64 },
    End,
}

impl Life {
    pub fn new(history: History, before: u64) -> Life {
        Life { history, before, costs: Vec::new(), gone: 0, is_over: false }
    }

    pub fn last_id(&self) -> u64 {
        self.id_before(self.costs.len())
    }

    /// An event is gone for good when it is neither history nor within the window of those who lag.
    pub fn publish(&mut self, data: &str) -> u64 {
        self.costs.push(Event::new(1, None, data, 0).cost());
        let is_gone = |at: &usize| *at < self.offered() && self.cost_from(*at) > WINDOW_BYTES;
        self.gone = (self.gone..self.costs.len()).take_while(is_gone).last().map_or(self.gone, |at| at + 1);
        self.last_id()
    }

    /// How many events history offers.
    pub fn queued(&self) -> usize {
        self.costs.len() - self.offered()
    }

    /// Where a listener begins, counted in events, and what it is told first.
    pub fn find(&self, start: Start) -> (usize, Option<Gap>) {
        let (offered, end) = (self.offered(), self.costs.len());
        match start {
            Start::Live => (end, None),
            Start::Earliest => (offered, None),
            Start::Latest => (offered.max(end.saturating_sub(1)), None),
            Start::After(id) if id > self.last_id() => (offered, Some(Gap::Reset { after: id })),
            Start::After(id) => {
                let wanted = id.saturating_sub(self.before) as usize;
                let missing = Gap::Missing { from: id + 1, to: self.id_before(offered) };
                (wanted.max(offered), (id < self.id_before(offered)).then_some(missing))
            }
        }
    }

    /// What somebody hears who is at `place` and wants so many things; and where it is then.
    pub fn hear(&self, mut place: usize, appetite: usize) -> (usize, Vec<Heard>) {
        let mut heard = Vec::new();
        if place < self.gone {
            heard.push(Heard::Gap { from: self.id_before(place) + 1, to: self.id_before(self.gone) });
            place = self.gone;
        }
        while heard.len() < appetite && place < self.costs.len() {
            place += 1;
            heard.push(Heard::Event(self.id_before(place)));
        }
        if heard.len() < appetite && self.is_over {
            heard.push(Heard::End);
        }
        (place, heard)
    }

    pub fn id_before(&self, place: usize) -> u64 {
        self.before + place as u64
    }

    fn offered(&self) -> usize {
        let by_count = self.costs.len().saturating_sub(self.history.events);
        let by_bytes =
            (0..self.costs.len()).take_while(|at| self.cost_from(*at) > self.history.bytes).count();
        by_count.max(by_bytes)
    }

    fn cost_from(&self, place: usize) -> u64 {
        self.costs[place..].iter().sum()
    }
}
