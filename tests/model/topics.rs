//! Topics: whoever goes on where it was has heard everything once and in order, whatever has ended in between.

use std::thread;

use fastrand::Rng;

use crate::plan::{Plan, plans};
use crate::process::{Binary, on_each_server, until};
use crate::publisher::{Published, publish, publish_by_socket, publish_last_words};
use crate::subscriber::{Subscriber, Way};
use crate::topic_rules::Acts;
use crate::world::{End, World};

on_each_server!(nothing_is_lost_nor_told_twice);

fn nothing_is_lost_nor_told_twice(binary: Binary) {
    plans().for_each(|plan| run(binary, plan));
}

fn run(binary: Binary, plan: Plan) {
    let mut chance = Rng::with_seed(plan.seed);
    let world = World::new(binary, &KEEP_ALL);
    let subscribers = subscribers(&world, &mut chance);
    thread::scope(|scope| {
        let (world, mut forked) = (&world, || chance.fork());
        let mut publishers = Vec::new();
        for name in ["p1", "p2", "p3"] {
            let chance = forked();
            publishers.push(scope.spawn(move || publish(world, name, chance)));
        }
        let by_socket = forked();
        publishers.push(scope.spawn(move || publish_by_socket(world, "p4", by_socket)));
        let subscribers: Vec<_> =
            subscribers.into_iter().map(|subscriber| scope.spawn(|| subscriber.listen())).collect();

        let (server, mut ends) = world.pass(plan, &mut forked());
        let mut published: Vec<Vec<Published>> =
            publishers.into_iter().map(|publisher| publisher.join().expect("it publishes")).collect();
        // Who hears no ids may come behind a last word, and needs another.
        until("everybody has heard a last word", || {
            published.push(publish_last_words(world, published.len()));
            subscribers.iter().all(|subscriber| subscriber.is_finished())
        });
        let subscribers: Vec<_> =
            subscribers.into_iter().map(|subscriber| subscriber.join().expect("it listens")).collect();
        world.end(server, End::Stopped);
        ends.push(End::Stopped);
        Acts { published, subscribers, ends }.judge();
    });
}

/// Two for each way and one who hears all topics at once, if that can be.
fn subscribers<'w>(world: &'w World, chance: &mut Rng) -> Vec<Subscriber<'w>> {
    let mut subscribers = Vec::new();
    for way in Way::ALL {
        for _ in 0..2 {
            let topic = chance.choice(TOPICS).expect("one of them");
            subscribers.push(Subscriber::new(world, way, vec![topic], chance.fork()));
        }
        if way.takes_several() {
            subscribers.push(Subscriber::new(world, way, TOPICS.to_vec(), chance.fork()));
        }
    }
    subscribers
}

/// Data begins with one of them, and no name begins with another.
pub const TOPICS: [&str; 3] = ["a", "b", "c"];

/// History has everything, so nobody has to be told of a gap.
const KEEP_ALL: [&str; 6] =
    ["--history-events", "1000000", "--history-bytes", "1000000000", "--history-age", "86400s"];
