//! The events of one topic, the oldest first: a history for those who come back, and a window for those who lag.
//!
//! A subscriber has no queue of its own. It has a place in this log, and what lies behind its place is what waits for
//! it: so an event is kept once however many wait, and a subscriber costs a number. Whoever lags by more than
//! [`WINDOW_BYTES`] finds its place gone.

use std::collections::VecDeque;

use super::event::Event;

/// What has happened on a topic, as far as it is kept.
#[derive(Debug, Default)]
pub struct Log {
    kept: VecDeque<Kept>,
    /// How many events came before those that are kept, and the id of the latest of them.
    gone: u64,
    gone_id: u64,
    /// The greatest id that was given, or left out.
    last_id: u64,
    /// What all events so far have cost.
    cost: u64,
}

#[derive(Debug)]
struct Kept {
    event: Event,
    /// What all events up to this one have cost.
    cost: u64,
}

/// A place in the log: how many events lie before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// How much of the past a topic offers to those who come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    pub events: usize,
    pub bytes: u64,
    pub age_millis: u64,
}

impl Log {
    /// A log that goes on after an event that may be gone.
    pub fn after(last_id: u64) -> Log {
        Log { last_id, gone_id: last_id, ..Log::default() }
    }

    /// Leaves out all ids up to this one, so that none of them is ever given.
    pub fn skip_to(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }

    /// Adds an event, and drops those that nobody may want any more.
    pub fn push(&mut self, event: Event, history: &History) {
        debug_assert!(event.id > self.last_id, "ids increase");
        let now = event.at;
        self.last_id = event.id;
        self.cost += event.cost();
        self.kept.push_back(Kept { event, cost: self.cost });
        self.trim(now, history);
    }

    fn trim(&mut self, now: u64, history: &History) {
        let offered = self.start_of(history, now);
        while self.gone < offered.0 && self.behind(Place(self.gone)) > WINDOW_BYTES {
            if let Some(kept) = self.kept.pop_front() {
                (self.gone, self.gone_id) = (self.gone + 1, kept.event.id);
            }
        }
    }

    /// Whether nothing has happened yet, and as far as is known never has.
    pub fn is_new(&self) -> bool {
        self.end() == Place::default() && self.gone_id == 0
    }

    /// The greatest id that was given, or left out.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The id of the latest event, kept or not.
    pub fn newest_id(&self) -> u64 {
        self.id_before(self.end())
    }

    pub fn end(&self) -> Place {
        Place(self.gone + self.kept.len() as u64)
    }

    /// The first place that is still kept.
    pub fn start(&self) -> Place {
        Place(self.gone)
    }

    /// The first place that history offers at a time.
    pub fn start_of(&self, history: &History, now: u64) -> Place {
        let by_count = self.kept.len().saturating_sub(history.events);
        let by_bytes = self.kept.partition_point(|kept| {
            self.cost - kept.cost + kept.event.cost() > history.bytes // it and all behind it
        });
        let by_age = self.kept.partition_point(|kept| now.saturating_sub(kept.event.at) > history.age_millis);
        Place(self.gone + by_count.max(by_bytes).max(by_age) as u64)
    }

    /// The place behind the event with this id, or behind those before it.
    pub fn place_after(&self, id: u64) -> Place {
        Place(self.gone + self.kept.partition_point(|kept| kept.event.id <= id) as u64)
    }

    /// The id of the event before a place. For those that are gone it is counted back, as if no id was left out.
    pub fn id_before(&self, place: Place) -> u64 {
        match place.0.checked_sub(self.gone + 1) {
            Some(index) => self.kept.get(index as usize).map_or(self.last_id, |kept| kept.event.id),
            None => self.gone_id.saturating_sub(self.gone - place.0),
        }
    }

    /// The event at a place, if it has happened and is kept.
    pub fn at(&self, place: Place) -> Option<&Event> {
        let index = place.0.checked_sub(self.gone)?;
        self.kept.get(index as usize).map(|kept| &kept.event)
    }

    /// The events from a place on.
    pub fn from(&self, place: Place) -> impl ExactSizeIterator<Item = &Event> {
        let index = place.0.saturating_sub(self.gone) as usize;
        self.kept.range(index.min(self.kept.len())..).map(|kept| &kept.event)
    }

    /// What the events from a place on cost, as far as they are kept.
    pub fn behind(&self, place: Place) -> u64 {
        let index = place.0.saturating_sub(self.gone) as usize;
        self.kept.get(index).map_or(0, |kept| self.cost - kept.cost + kept.event.cost())
    }
}

impl Place {
    pub fn next(self) -> Place {
        Place(self.0 + 1)
    }
}

/// How far a subscriber may lag: what a connection of this lab may have waiting.
pub const WINDOW_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: History = History { events: usize::MAX, bytes: u64::MAX, age_millis: u64::MAX };

    fn ids(log: &Log, place: Place) -> Vec<u64> {
        log.from(place).map(|event| event.id).collect()
    }

    fn log(ids: impl IntoIterator<Item = u64>, history: &History) -> Log {
        let mut log = Log::default();
        ids.into_iter().for_each(|id| log.push(Event::new(id, None, "x", id), history));
        log
    }

    #[test]
    fn a_place_is_found_by_id_even_where_ids_are_left_out() {
        let log = log([1, 2, 10_002, 10_003], &ALL);
        assert_eq!(ids(&log, log.place_after(0)), [1, 2, 10_002, 10_003]);
        assert_eq!(ids(&log, log.place_after(2)), [10_002, 10_003]);
        assert_eq!(ids(&log, log.place_after(500)), [10_002, 10_003]);
        assert_eq!(ids(&log, log.place_after(99_999)), [0; 0]);
        assert_eq!(log.id_before(log.place_after(500)), 2);
        assert_eq!(log.id_before(log.end()), 10_003);
        assert_eq!(log.id_before(log.start()), 0);
    }

    #[test]
    fn an_id_that_is_left_out_is_never_given() {
        let mut log = log([1, 2], &ALL);
        log.skip_to(10_002);
        assert_eq!((log.last_id(), log.newest_id()), (10_002, 2));
        log.skip_to(7);
        assert_eq!(log.last_id(), 10_002);
        let log = Log::after(7);
        assert_eq!((log.last_id(), log.newest_id()), (7, 7));
    }

    #[test]
    fn history_ends_by_count_by_bytes_and_by_age() {
        let log = log(1..=10, &ALL);
        let offered = |history| ids(&log, log.start_of(&history, 10));
        assert_eq!(offered(History { events: 3, ..ALL }), [8, 9, 10]);
        assert_eq!(
            offered(History { bytes: 2 * log.from(log.start()).next().unwrap().cost(), ..ALL }),
            [9, 10]
        );
        assert_eq!(offered(History { age_millis: 1, ..ALL }), [9, 10]);
        assert_eq!(offered(History { events: 0, ..ALL }), [0; 0]);
    }

    #[test]
    fn who_lags_keeps_its_place_within_the_window_and_no_longer() {
        let history = History { events: 2, ..ALL };
        let mut log = log(1..=100, &history);
        assert_eq!(ids(&log, log.start()).len(), 100, "beyond history, but within the window");
        let place = log.place_after(50);
        let long = "x".repeat(WINDOW_BYTES as usize / 4);
        (101..=110).for_each(|id| log.push(Event::new(id, None, long.as_str(), id), &history));
        assert!(log.start() > place);
        assert_eq!(log.from(log.start()).len(), 3);
        assert!(log.behind(place) <= WINDOW_BYTES + long.len() as u64 + 1000);
    }
}
