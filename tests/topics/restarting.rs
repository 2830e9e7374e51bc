//! What is left of topics when the server begins again, and that no id is ever given to two events.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wirelab::lab::journal::{Ack, Change, Failure, Journal, Receipt, Row, Table};
use wirelab::lab::numbering::STEP;
use wirelab::lab::topics::Topics;
use wirelab::lab::topics::log::History;
use wirelab::lab::topics::start::{Gap, Start};
use wirelab::lab::topics::subscription::{Appetite, News};

use crate::{ALL, topics};

/// A journal on paper: it is never lost, and sometimes the pencil is.
#[derive(Default)]
struct Paper {
    rows: Mutex<BTreeMap<(Arc<str>, u64), Bytes>>,
    is_busy: AtomicBool,
    is_full: AtomicBool,
}

impl Journal for Paper {
    fn append(&self, changes: Vec<Change>, _ack: Ack) -> Result<Receipt, Failure> {
        if self.is_busy.load(Relaxed) {
            return Err(Failure::Busy);
        }
        if self.is_full.load(Relaxed) {
            let (receipt, promise) = Receipt::pending();
            promise.settle(Err(Failure::Refused("full".into())));
            return Ok(receipt);
        }
        let mut rows = self.rows.lock().unwrap();
        for change in changes {
            match change {
                Change::Put(row) => drop(rows.insert((row.name, row.number), row.value)),
                Change::Remove { name, number, .. } => drop(rows.remove(&(name, number))),
                Change::RemoveThrough { name, number, .. } => {
                    rows.retain(|(of, at), _| *of != name || *at > number);
                }
            }
        }
        Ok(Receipt::done())
    }
}

impl Paper {
    /// The topics of a server that begins with what is written down.
    fn restart(self: &Arc<Paper>, history: History, after_crash: bool) -> Topics {
        let topics = topics(history, 2, Arc::clone(self) as Arc<dyn Journal>);
        topics.restore(&self.rows(), after_crash).expect("they were written by topics");
        topics
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.rows.lock().unwrap();
        let row = |((name, number), value): (&(Arc<str>, u64), &Bytes)| Row {
            table: Table::Events,
            name: Arc::clone(name),
            number: *number,
            value: value.clone(),
        };
        rows.iter().map(row).collect()
    }
}

fn publish(topics: &Topics, topic: &str, data: &str) -> u64 {
    topics.publish(topic, Some("type"), data, Ack::Memory).unwrap().id
}

/// Ids and data of all events that history has.
fn all(topics: &Topics, topic: &str) -> Vec<(u64, String)> {
    let mut events = Vec::new();
    let subscribed = topics.subscribe(topic, Start::Earliest, 1, None).unwrap();
    subscribed.expect("it is not deleted").subscription.read(|news| {
        let News::Event(event) = news else { panic!("{news:?}") };
        assert_eq!(event.kind.as_deref(), Some("type"));
        events.push((event.id, event.data.to_string()));
        Appetite::More
    });
    events
}

fn gap(topics: &Topics, topic: &str, id: u64) -> Option<Gap> {
    let subscribed = topics.subscribe(topic, Start::After(id), 1, None).unwrap();
    subscribed.expect("it is not deleted").gap
}

#[test]
fn events_are_there_again_and_ids_go_on() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    assert_eq!(
        [publish(&first, "a", "one"), publish(&first, "b", "uno"), publish(&first, "a", "t\nw\n")],
        [1, 1, 2]
    );
    let second = paper.restart(ALL, false);
    assert_eq!(all(&second, "a"), [(1, "one".to_owned()), (2, "t\nw\n".to_owned())]);
    assert_eq!(publish(&second, "a", "three"), 3);
    assert_eq!(publish(&second, "b", "dos"), 2);
    assert_eq!(all(&paper.restart(ALL, false), "b"), [(1, "uno".to_owned()), (2, "dos".to_owned())]);
}

#[test]
fn what_history_has_lost_is_not_kept_and_is_known_to_be_gone() {
    let (paper, history) = (Arc::new(Paper::default()), History { events: 3, ..ALL });
    let first = paper.restart(history, false);
    (1..=1000).for_each(|number| assert_eq!(publish(&first, "a", &number.to_string()), number));
    let kept = paper.rows().len();
    assert!((3..200).contains(&kept), "{kept} rows for 3 events");
    let second = paper.restart(history, false);
    let expected = [998, 999, 1000].map(|number| (number, number.to_string()));
    assert_eq!(all(&second, "a"), expected);
    assert_eq!(gap(&second, "a", 5), Some(Gap::Missing { from: 6, to: 997 }));
    assert_eq!(publish(&second, "a", "1001"), 1001);
}

#[test]
fn no_id_is_given_again_after_a_crash_and_not_after_another() {
    let paper = Arc::new(Paper::default());
    publish(&paper.restart(ALL, false), "a", "one");
    // The second server may have given all ids up to its mark before it crashed as well, and none was written down.
    drop(paper.restart(ALL, true));
    let third = paper.restart(ALL, true);
    assert_eq!(publish(&third, "a", "two"), 2 * STEP + 1);
    assert_eq!(all(&third, "a").len(), 2);
    let fourth = paper.restart(ALL, false);
    assert_eq!(publish(&fourth, "a", "three"), 2 * STEP + 2);
    // Who has heard one of those that were never written down is not sent back.
    assert_eq!(gap(&fourth, "a", 500), None);
}

#[test]
fn a_topic_of_which_a_crash_has_left_nothing_does_not_begin_anew() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    paper.is_full.store(true, Relaxed);
    // More than ever wait for a disk: a full one lets them all go.
    let heard = 30_000;
    (1..=heard).for_each(|id| assert_eq!(publish(&first, "a", "lost"), id));
    paper.is_full.store(false, Relaxed);
    let second = paper.restart(ALL, true);
    assert_eq!(gap(&second, "a", heard), None, "it is known that there may have been such an event");
    let id = publish(&second, "a", "one");
    assert!(id > heard, "{id} comes after {heard}");
    let third = paper.restart(ALL, false);
    assert_eq!([publish(&third, "a", "two"), publish(&third, "b", "uno")], [id + 1, id]);
}

#[test]
fn no_id_is_given_that_a_full_disk_does_not_know_of() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    paper.is_full.store(true, Relaxed);
    for id in 1..=STEP {
        assert_eq!(publish(&first, "a", ""), id);
    }
    assert_eq!(first.publish("a", None, "", Ack::Memory).unwrap_err().status, 507);
    assert_eq!(first.find("a").expect("it is there").summary().last_id, STEP, "nothing has happened");
    paper.is_full.store(false, Relaxed);
    assert_eq!(publish(&first, "a", ""), STEP + 1);
}

#[test]
fn what_was_left_out_is_no_news() {
    let paper = Arc::new(Paper::default());
    publish(&paper.restart(ALL, false), "a", "one");
    let second = paper.restart(ALL, true);
    let subscribed = second.subscribe("a", Start::After(0), 1, None).unwrap().expect("it is there");
    assert_eq!(subscribed.subscription.newest_id(), 1);
    assert_eq!(second.find("a").expect("it is there").summary().last_id, 1);
}

#[test]
fn the_end_of_a_topic_lasts() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    publish(&first, "a", "one");
    first.delete("a", Ack::Memory).unwrap().expect("it was there");
    for after_crash in [false, true, false] {
        let next = paper.restart(ALL, after_crash);
        assert!(next.subscribe("a", Start::Live, 1, None).unwrap().is_none(), "it is still deleted");
    }
    let last = paper.restart(ALL, false);
    assert_eq!(publish(&last, "a", "two"), STEP + 1);
    assert_eq!(all(&paper.restart(ALL, false), "a").len(), 1);
}

#[test]
fn a_topic_without_events_may_end_as_well() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    let listener = first.subscribe("a", Start::Live, 1, None).unwrap();
    first.delete("a", Ack::Memory).unwrap().expect("somebody listens");
    drop(listener);
    // Its listeners come again, and are to learn that there is nothing to come for.
    assert!(first.subscribe("a", Start::Live, 1, None).unwrap().is_none());
    let second = paper.restart(ALL, false);
    assert!(second.subscribe("a", Start::Live, 1, None).unwrap().is_none());
    assert_eq!(publish(&second, "a", "one"), 1);
}

#[test]
fn a_deleted_topic_makes_room_for_another_on_paper_too() {
    let paper = Arc::new(Paper::default());
    let first = paper.restart(ALL, false);
    publish(&first, "a", "one");
    assert_eq!([publish(&first, "b", "uno"), publish(&first, "b", "dos")], [1, 2]);
    assert_eq!(first.publish("c", None, "un", Ack::Memory).unwrap_err().status, 507);
    first.delete("b", Ack::Memory).unwrap().expect("it was there");
    publish(&first, "c", "un");
    // How far it has come is not forgotten with it; and the end that it had once does not come back.
    first.delete("a", Ack::Memory).unwrap().expect("it was there");
    assert_eq!(publish(&first, "b", "new"), 3);
    let second = paper.restart(ALL, false);
    assert_eq!(all(&second, "b"), [(3, "new".to_owned())]);
    second.delete("b", Ack::Memory).unwrap().expect("it was there");
    assert_eq!(publish(&second, "d", "new"), 4, "it may be one that was forgotten");
}

#[test]
fn what_a_busy_journal_refuses_has_not_happened() {
    let paper = Arc::new(Paper::default());
    let topics = paper.restart(ALL, false);
    publish(&topics, "a", "one");
    paper.is_busy.store(true, Relaxed);
    assert_eq!(topics.publish("b", None, "uno", Ack::Memory).unwrap_err().status, 503);
    assert_eq!(topics.names(), ["a".into()], "a topic that nobody could begin takes no place");
    paper.is_busy.store(false, Relaxed);
    publish(&topics, "b", "uno");
    topics.delete("b", Ack::Memory).unwrap().expect("it was there");
    paper.is_busy.store(true, Relaxed);
    assert_eq!(topics.publish("a", None, "two", Ack::Memory).unwrap_err().status, 503);
    assert_eq!(topics.delete("a", Ack::Memory).unwrap_err().status, 503);
    assert_eq!(topics.publish("c", None, "un", Ack::Memory).unwrap_err().status, 503);
    let named = topics.subscribe("a", Start::Live, 1, Some("ann")).unwrap();
    assert_eq!(topics.find("a").expect("it is there").presence(), (vec!["ann".to_owned()], 0));
    drop(named);
    paper.is_busy.store(false, Relaxed);
    assert_eq!(all(&topics, "a"), [(1, "one".to_owned())]);
    assert_eq!(publish(&topics, "a", "two"), 2);
}
