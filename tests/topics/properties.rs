//! Whoever listens hears everything in order and once, and what it does not hear is exactly what it is told to be gone.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use wirelab::lab::inbox::Space;
use wirelab::lab::journal::{Ack, NoJournal};
use wirelab::lab::topics::log::{History, WINDOW_BYTES};
use wirelab::lab::topics::start::{Gap, Start};
use wirelab::lab::topics::subscription::{Appetite, News, Subscription};

use crate::model::{Heard, Life};
use crate::topics;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Listen(From),
    /// Somebody takes up to so many things.
    Hear(Index, usize),
    Leave(Index),
    Delete,
}

/// Where to begin, with an id somewhere between none and one that was never given.
#[derive(Clone, Debug)]
enum From {
    Word(Start),
    Id(Index),
}

/// A listener, and where the model has it: in which life of the topic, and behind how many of its events.
struct Listener {
    subscription: Subscription,
    life: usize,
    place: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let words = prop::sample::select(vec![Start::Live, Start::Earliest, Start::Latest]);
    let from = prop_oneof![words.prop_map(From::Word), any::<Index>().prop_map(From::Id)];
    let step = prop_oneof![
        4 => (0..100usize).prop_map(Step::Publish),
        4 => (0..400_000usize).prop_map(Step::Publish),
        4 => from.prop_map(Step::Listen),
        6 => (any::<Index>(), 1..6usize).prop_map(|(who, appetite)| Step::Hear(who, appetite)),
        1 => any::<Index>().prop_map(Step::Leave),
        1 => Just(Step::Delete),
    ];
    prop::collection::vec(step, 1..80)
}

fn histories() -> impl Strategy<Value = History> {
    let bytes = prop::sample::select(vec![0, 1_000, 500_000, 3_000_000, u64::MAX]);
    (0..8usize, bytes).prop_map(|(events, bytes)| History { events, bytes, age_millis: u64::MAX })
}

proptest! {
    #[test]
    fn a_listener_hears_what_the_model_says(history in histories(), steps in steps()) {
        let topics = topics(history, 1, Arc::new(NoJournal));
        let (mut lives, mut listeners) = (vec![Life::new(history, 0)], Vec::<Listener>::new());
        for step in steps {
            match step {
                Step::Publish(length) => {
                    let data = "x".repeat(length);
                    if lives[lives.len() - 1].is_over {
                        lives.push(Life::new(history, lives[lives.len() - 1].last_id()));
                    }
                    let now = lives.len() - 1;
                    let id = lives[now].publish(&data);
                    let published = topics.publish("t", None, &data, Ack::Memory).unwrap();
                    let listening = listeners.iter().filter(|listener| listener.life == now).count();
                    prop_assert_eq!((published.id, published.subscribers), (id, listening));
                    prop_assert_eq!(published.queued, lives[now].queued());
                }
                Step::Listen(from) => {
                    let now = lives.len() - 1;
                    let start = match from {
                        From::Word(start) => start,
                        From::Id(index) => Start::After(index.index(lives[now].last_id() as usize + 3) as u64),
                    };
                    let subscribed = topics.subscribe("t", start, 1, None).unwrap();
                    prop_assert_eq!(subscribed.is_none(), lives[now].is_over);
                    let Some(subscribed) = subscribed else { continue };
                    let (place, gap) = lives[now].find(start);
                    prop_assert_eq!(subscribed.gap, gap);
                    prop_assert_eq!(subscribed.subscription.last_id(), lives[now].id_before(place));
                    listeners.push(Listener { subscription: subscribed.subscription, life: now, place });
                }
                Step::Hear(who, appetite) => if !listeners.is_empty() {
                    let listener = who.get_mut(&mut listeners);
                    let (place, due) = lives[listener.life].hear(listener.place, appetite);
                    listener.place = place;
                    prop_assert_eq!(hear(&listener.subscription, appetite), due);
                }
                Step::Leave(who) => if !listeners.is_empty() {
                    listeners.swap_remove(who.index(listeners.len()));
                }
                Step::Delete => {
                    let now = lives.len() - 1;
                    let is_there = !lives[now].is_over
                        && (lives[now].last_id() > 0 || listeners.iter().any(|listener| listener.life == now));
                    let deleted = topics.delete("t", Ack::Memory).unwrap();
                    prop_assert_eq!(deleted.is_some(), is_there);
                    lives[now].is_over |= is_there;
                }
            }
        }
        for Listener { subscription, life, place } in listeners {
            prop_assert_eq!(hear(&subscription, usize::MAX), lives[life].hear(place, usize::MAX).1);
        }
    }
}

/// Whoever publishes by WebSocket is held up for those who lag, and not for those for whom it is too late.
#[test]
fn who_has_lost_its_place_slows_nobody_down() {
    let topics = topics(History { events: 1, bytes: 0, age_millis: 0 }, 1, Arc::new(NoJournal));
    let deaf = topics.subscribe("t", Start::Live, 1, None).unwrap().expect("it is not deleted").subscription;
    let event = "x".repeat(WINDOW_BYTES as usize / 10);
    let publish = |_| topics.publish("t", None, &event, Ack::Memory).unwrap().space;
    let space: Vec<Space> = (1..=30).map(publish).collect();
    let held_up = space.iter().position(|space| *space == Space::Scarce).expect("it lags");
    let given_up = space.iter().rposition(|space| *space == Space::Scarce).expect("it lags");
    assert!((3..6).contains(&held_up) && (8..11).contains(&given_up), "{space:?}");
    assert!(matches!(hear(&deaf, 1)[..], [Heard::Gap { from: 1, .. }]));
}

/// Takes up to so many things.
fn hear(subscription: &Subscription, appetite: usize) -> Vec<Heard> {
    let mut heard = Vec::new();
    subscription.read(|news| {
        heard.push(match news {
            News::Event(event) => Heard::Event(event.id),
            News::Gap(Gap::Missing { from, to }) => Heard::Gap { from, to },
            News::Gap(Gap::Reset { .. }) => unreachable!("nobody who listens is sent back"),
            News::End => Heard::End,
        });
        if heard.len() < appetite { Appetite::More } else { Appetite::Enough }
    });
    heard
}
