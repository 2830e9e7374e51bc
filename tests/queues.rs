//! Queues against simple models of them: nothing is lost, nobody has what somebody else has, no wake goes astray.

#[path = "queues/pages.rs"]
mod pages;
#[path = "queues/wakes.rs"]
mod wakes;
#[path = "queues/world.rs"]
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pages::{Pages, of_text};
use proptest::prelude::*;
use wirelab::lab::journal::{Ack, Failure, NoJournal};
use wirelab::lab::numbering::STEP;
use wirelab::lab::queues::{Full, Hold, Lapse, Lease, NotPosted, Parcel, Queues, Tag, Unsettled};
use wirelab::lab::settings::QueueSettings;
use world::{Act, World, acts};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn every_message_is_acked_or_dead_or_there(acts in acts()) {
        let mut world = World::new();
        acts.iter().for_each(|act| world.act(act));
        world.drain();
    }

    #[test]
    fn nobody_waits_while_there_is_a_message(acts in wakes::acts()) {
        wakes::Crowd::new().play(&acts);
    }
}

/// Queues in memory, with room for little.
fn small() -> (Arc<Queues>, Instant) {
    let settings = QueueSettings {
        max_deliveries: 2,
        max_queues: 2,
        max_messages: 3,
        max_queue_bytes: 4000,
        max_bytes: 6000,
    };
    (Arc::new(Queues::new(settings, Arc::new(NoJournal))), Instant::now())
}

fn parcel(content: &str) -> Parcel {
    Parcel { content: content.to_owned().into(), content_type: None, max_deliveries: Some(2) }
}

fn lease(now: Instant, seconds: u64) -> Hold {
    Hold::Lease(Lease::of(Duration::from_secs(seconds), now, 0))
}

/// Takes a message by the way, and answers its tag and content.
fn take(queues: &Arc<Queues>, queue: &str, now: Instant, hold: Hold) -> Option<(Tag, String)> {
    let delivery = queues.consumer(&queue.into(), None).unwrap().take(now, hold)?;
    Some((delivery.tag, of_text(&delivery.content)))
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

#[test]
fn what_is_full_says_so() {
    let (queues, now) = small();
    let post =
        |queue: &str, content: &str| queues.post(now, queue, parcel(content), Ack::Memory).map(|(id, _)| id);
    assert_eq!([post("a", ""), post("a", ""), post("a", "")], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(post("a", ""), Err(NotPosted::Full(Full::Messages)));
    assert_eq!(post("b", &"x".repeat(3000)), Ok(1));
    assert_eq!(post("b", &"x".repeat(1000)), Err(NotPosted::Full(Full::Bytes)));
    assert_eq!(post("b", &"x".repeat(3000)), Err(NotPosted::Full(Full::Memory)));
    assert_eq!(post("c", ""), Err(NotPosted::Full(Full::Queues)));
    assert_eq!(queues.consumer(&"c".into(), None).err(), Some(Full::Queues));
    // What has gone makes room.
    assert!(queues.delete("b", Ack::Memory).unwrap().is_ok());
    assert!(post("c", &"x".repeat(3000)).is_ok());
    take(&queues, "a", now, lease(now, 1)).unwrap();
    queues.ack(now, "a", tag("1.1"), Ack::Memory).unwrap();
    assert_eq!(post("a", ""), Ok(4));
}

#[test]
fn dead_letters_find_room_and_do_not_die_again() {
    let (queues, now) = small();
    for content in ["1", "2", "3"] {
        queues.post(now, "a", parcel(content), Ack::Memory).unwrap();
    }
    queues.post(now, "b", parcel("b"), Ack::Memory).unwrap();
    for number in 0..12 {
        let (tag, _) = take(&queues, "a", now, lease(now, 1)).unwrap();
        queues.nack(now, "a", tag).unwrap();
        if number % 2 == 1 && number < 6 {
            queues.post(now, "a", parcel("more"), Ack::Memory).unwrap();
        }
    }
    let account = queues.account(now, "a.dead").unwrap();
    assert_eq!((account.ready, queues.account(now, "a").unwrap().counts.dead), (6, 6));
    for _ in 0..5 {
        let letter = queues.consumer(&"a.dead".into(), None).unwrap().take(now, lease(now, 1)).unwrap();
        assert_eq!(letter.died_in.as_deref(), Some("a/1"));
        queues.nack(now, "a.dead", letter.tag).unwrap();
    }
}

/// The time of a lease ends for those as well who wait at the dead-letter queue only.
#[test]
fn a_death_wakes_who_waits_for_dead_letters() {
    let (queues, now) = small();
    let queue = Arc::from("a.dead");
    let mut mourner = queues.consumer(&queue, None).unwrap();
    mourner.wait(lease(now, 1), std::task::Waker::noop().clone());
    queues.post(now, "a", Parcel { max_deliveries: Some(1), ..parcel("1") }, Ack::Memory).unwrap();
    take(&queues, "a", now, lease(now, 7)).unwrap();
    let end = now + Duration::from_secs(7);
    assert_eq!(mourner.look_again(), Some(end));
    assert!(mourner.take(now, lease(now, 1)).is_none());
    assert_eq!(mourner.take(end, lease(end, 1)).unwrap().died_in.as_deref(), Some("a/1"));
}

#[test]
fn every_lapse_has_a_name() {
    let (queues, now) = small();
    let lapse = |result: Result<_, Unsettled>| match result {
        Err(Unsettled::Lapsed(lapse)) => Some(lapse),
        Err(other) => panic!("{other:?}"),
        Ok(_) => None,
    };
    let ack = |text| lapse(queues.ack(now, "a", tag(text), Ack::Memory).map(drop));
    assert_eq!(queues.nack(now, "a", tag("1.1")), Err(Unsettled::NoQueue));
    for content in ["1", "2"] {
        queues.post(now, "a", parcel(content), Ack::Memory).unwrap();
    }
    assert_eq!([ack("1.1"), ack("0.1"), ack("3.1")], [Some(Lapse::Unknown); 3]);
    take(&queues, "a", now, lease(now, 1)).unwrap();
    assert_eq!([ack("1.0"), ack("1.2")], [Some(Lapse::Unknown); 2]);
    queues.nack(now, "a", tag("1.1")).unwrap();
    assert_eq!(ack("1.1"), Some(Lapse::Over));
    take(&queues, "a", now, lease(now, 1)).unwrap();
    assert_eq!([ack("1.1"), ack("1.2"), ack("1.2")], [Some(Lapse::Over), None, Some(Lapse::Acked)]);
    assert_eq!([ack("1.1"), ack("1.3")], [Some(Lapse::Over), Some(Lapse::Unknown)]);
}

/// A tag of a queue that was deleted means nothing in one that has its name.
#[test]
fn no_id_is_given_twice() {
    let (queues, now) = small();
    queues.post(now, "a", parcel("old"), Ack::Memory).unwrap();
    take(&queues, "a", now, lease(now, 60)).unwrap();
    assert!(queues.delete("a", Ack::Memory).unwrap().is_ok());
    assert!(queues.account(now, "a").is_none());
    assert!(queues.delete("a", Ack::Memory).is_none());
    assert_eq!(queues.post(now, "a", parcel("new"), Ack::Memory).unwrap().0, 2);
    take(&queues, "a", now, lease(now, 60)).unwrap();
    assert_eq!(queues.ack(now, "a", tag("1.1"), Ack::Memory).err(), Some(Unsettled::Lapsed(Lapse::Over)));
}

#[test]
fn leases_and_numbers_go_on_in_a_new_process() {
    let (pages, now) = (Arc::new(Pages::default()), Instant::now());
    let start = |after_crash, unix_millis| {
        let queues = Arc::new(Queues::new(QueueSettings::default(), pages.clone()));
        queues.restore(pages.rows(), after_crash, now, unix_millis).unwrap();
        queues
    };
    let queues = start(false, 0);
    for content in ["1", "2", "3"] {
        queues.post(now, "a", parcel(content), Ack::Write).unwrap();
    }
    take(&queues, "a", now, lease(now, 10)).unwrap();
    let mut pushed = queues.consumer(&"a".into(), None).unwrap();
    assert_eq!(pushed.take(now, Hold::Window(1)).unwrap().tag, tag("2.1"));
    drop(take(&queues, "a", now, lease(now, 10)));
    queues.ack(now, "a", tag("3.1"), Ack::Write).unwrap();

    let queues = start(false, 4000);
    let account = queues.account(now, "a").unwrap();
    assert_eq!((account.ready, account.leased), (1, 1));
    assert_eq!(take(&queues, "a", now, lease(now, 1)), Some((tag("2.2"), "2".to_owned())));
    assert_eq!(take(&queues, "a", now + Duration::from_millis(5999), lease(now, 1)), None);
    queues.ack(now, "a", tag("1.1"), Ack::Write).unwrap();
    assert_eq!(queues.post(now, "a", parcel("4"), Ack::Write).unwrap().0, 4);
    assert_eq!(queues.post(now, "b", parcel("4"), Ack::Write).unwrap().0, 4);

    let queues = start(true, 4000);
    // The one before may have given all ids up to its mark.
    let mark = STEP;
    assert_eq!(queues.post(now, "a", parcel("5"), Ack::Write).unwrap().0, mark + 1);
    assert_eq!(queues.post(now, "new", parcel("1"), Ack::Write).unwrap().0, mark + 1);
    start(true, 4000);
    assert_eq!(start(true, 4000).post(now, "a", parcel("6"), Ack::Write).unwrap().0, mark + 2 * STEP + 1);
}

#[test]
fn a_message_dies_at_a_start_as_well() {
    let (pages, now) = (Arc::new(Pages::default()), Instant::now());
    let queues = Arc::new(Queues::new(QueueSettings::default(), pages.clone()));
    queues.post(now, "a", Parcel { max_deliveries: Some(1), ..parcel("1") }, Ack::Write).unwrap();
    let pushed = queues.consumer(&"a".into(), None).unwrap().take(now, lease(now, 0)).unwrap();
    assert_eq!(pushed.tag, tag("1.1"));
    let queues = Arc::new(Queues::new(QueueSettings::default(), pages.clone()));
    queues.restore(pages.rows(), false, now, 1).unwrap();
    assert_eq!(take(&queues, "a.dead", now, lease(now, 1)), Some((tag("1.1"), "1".to_owned())));
    let names: Vec<_> = pages.rows().iter().map(|row| row.name.to_string()).collect();
    assert_eq!(names, ["", "a.dead"]);
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    for (name, value) in
        [("", "{}\n"), ("a", ""), ("a", "{}\n"), ("a", "{\"deliveries\":1}\n"), ("a", "[]\n")]
    {
        let queues = Queues::new(QueueSettings::default(), Arc::new(NoJournal));
        let rows = vec![pages::row(name, 7, value)];
        let error = queues.restore(rows, false, Instant::now(), 0).unwrap_err();
        assert_eq!(error, format!("message 7 of the queue {name:?} cannot be read"));
    }
    let queues = Arc::new(Queues::new(QueueSettings::default(), Arc::new(NoJournal)));
    let rows = vec![pages::row("a", 7, "{\"max_deliveries\":1,\"deliveries\":0}\nhello")];
    queues.restore(rows, false, Instant::now(), 0).unwrap();
    assert_eq!(take(&queues, "a", Instant::now(), Hold::Window(1)), Some((tag("7.1"), "hello".to_owned())));
}

/// Then nothing has happened.
#[test]
fn a_busy_journal_refuses_what_has_to_be_kept() {
    let (pages, now) = (Arc::new(Pages::default()), Instant::now());
    let queues = Arc::new(Queues::new(QueueSettings::default(), pages.clone()));
    queues.post(now, "a", parcel("1"), Ack::Write).unwrap();
    take(&queues, "a", now, lease(now, 1)).unwrap();
    pages.be_busy(true);
    assert_eq!(queues.post(now, "a", parcel("2"), Ack::Write).err(), Some(NotPosted::NotKept(Failure::Busy)));
    let failed = queues.ack(now, "a", tag("1.1"), Ack::Write).err();
    assert_eq!(failed, Some(Unsettled::NotKept(Failure::Busy)));
    assert_eq!(queues.delete("a", Ack::Write).unwrap().err(), Some(Failure::Busy));
    assert_eq!(queues.account(now, "a").unwrap().leased, 1);
    pages.be_busy(false);
    queues.ack(now, "a", tag("1.1"), Ack::Write).unwrap();
    assert_eq!(queues.post(now, "a", parcel("2"), Ack::Write).unwrap().0, 2);
}

#[test]
fn one_message_wakes_one_of_a_crowd() {
    wakes::one_message_wakes_one_of_a_crowd();
}

#[test]
fn acts_are_what_they_seem() {
    let mut world = World::new();
    for act in [Act::Post { ack: Ack::Write }, Act::Take { lease: 10 }, Act::Ack { which: 0 }] {
        world.act(&act);
    }
    assert_eq!(world.acked(), 1);
}
