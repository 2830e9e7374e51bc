//! Queues: what was posted is done with at least once, whoever is lost in between.

use std::thread;

use fastrand::Rng;

use crate::client::Client;
use crate::plan::{Plan, plans};
use crate::process::{Binary, on_each_server, until};
use crate::producer::{Posted, produce};
use crate::queue_rules::Acts;
use crate::worker::{Delivery, Worker};
use crate::world::{End, World};

on_each_server!(no_message_is_lost);

fn no_message_is_lost(binary: Binary) {
    plans().for_each(|plan| run(binary, plan));
}

fn run(binary: Binary, plan: Plan) {
    let mut chance = Rng::with_seed(plan.seed);
    let world = &World::new(binary, &["--max-deliveries", "3"]);
    thread::scope(|scope| {
        let producers = ["p1", "p2", "p3"].map(|name| {
            let chance = chance.fork();
            scope.spawn(move || produce(world, name, chance))
        });
        let workers = ["ann", "bob", "cem", "dan", "eve"].map(|name| {
            let worker = Worker::new(world, name, chance.fork());
            scope.spawn(move || worker.work())
        });
        let (server, mut ends) = world.pass(plan, &mut chance);
        let posted: Vec<Posted> =
            producers.into_iter().flat_map(|producer| producer.join().expect("it posts")).collect();
        let (mut client, _) = world.connect();
        until("everything is done with", || left(&mut client) == 0);
        world.finish();
        let deliveries: Vec<Delivery> =
            workers.into_iter().flat_map(|worker| worker.join().expect("it works")).collect();
        drop(client);
        world.end(server, End::Stopped);
        ends.push(End::Stopped);
        Acts { posted, deliveries, ends }.judge();
    });
}

/// How many messages are not done with.
fn left(client: &mut Client) -> usize {
    let page = |queue| client.get(&format!("/queues/{queue}")).text();
    let pages = [QUEUE, DEAD_LETTERS].map(page).concat();
    let numbers = pages.lines().filter_map(|line| {
        let (name, number) = line.split_once(": ")?;
        ["ready", "leased"].contains(&name).then(|| number.parse::<usize>().expect("a number"))
    });
    numbers.sum()
}

pub const QUEUE: &str = "q";
pub const DEAD_LETTERS: &str = "q.dead";
