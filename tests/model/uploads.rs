//! Uploads: whatever cuts them, and whoever kills the server, in the end each is there as it was sent.

use std::collections::BTreeSet;
use std::thread;

use fastrand::Rng;

use crate::client::{Client, get};
use crate::observer::observe;
use crate::plan::{Plan, plans};
use crate::process::{Binary, on_each_server};
use crate::sources::{Sources, listed};
use crate::upload_rules::Acts;
use crate::uploader::{PATIENT, Uploader};
use crate::world::{End, World};

on_each_server!(no_upload_is_lost_nor_half_there);

fn no_upload_is_lost_nor_half_there(binary: Binary) {
    // An upload takes longer than a word.
    plans().take(2).for_each(|plan| run(binary, plan));
}

fn run(binary: Binary, plan: Plan) {
    let mut chance = Rng::with_seed(plan.seed);
    let (world, sources) = (World::new(binary, &OPTIONS), Sources::default());
    thread::scope(|scope| {
        let (world, sources, mut forked) = (&world, &sources, || chance.fork());
        let uploaders: Vec<_> = [PATIENT, "u2", "u3", "u4"]
            .into_iter()
            .map(|name| {
                let uploader = Uploader::new(world, sources, name, forked());
                scope.spawn(|| uploader.work())
            })
            .collect();
        let look = forked();
        let observer = scope.spawn(move || observe(world, sources, look));
        let (server, mut ends) = world.pass(plan, &mut forked());
        let accounts = uploaders.into_iter().flat_map(|uploader| uploader.join().expect("it uploads"));
        let accounts = accounts.collect();
        world.finish();
        assert_eq!(observer.join().expect("it looks"), Vec::<String>::new());
        let (mut client, _) = world.connect();
        let images = images(&mut client);
        drop(client);
        world.end(server, End::Stopped);
        ends.push(End::Stopped);
        Acts { accounts, ends, images }.judge();
    });
}

fn images(client: &mut Client) -> BTreeSet<String> {
    client.send(get("/images"));
    listed(&client.answer().text()).collect()
}

/// What a client loses sight of stays open; and who holds a request back is not waited for.
const OPTIONS: [&str; 6] = ["--max-open-uploads", "1000000", "--idle-timeout", "2s", "--grace", "200ms"];
