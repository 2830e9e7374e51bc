//! One who looks at what images there are, all the time: each has to be whole, and somebody's.

use std::io;

use fastrand::Rng;

use crate::client::{Client, get};
use crate::sources::{Sources, listed, path_of};
use crate::world::World;

/// Looks until all is over; answers what it has seen that must not be.
pub fn observe(world: &World, sources: &Sources, mut chance: Rng) -> Vec<String> {
    let mut seen = Vec::new();
    while !world.is_over() {
        let (mut client, _) = world.connect();
        if let Err(error) = look(world, sources, &mut chance, &mut client, &mut seen) {
            world.expect_broken(&error, "one who looks");
        }
    }
    seen
}

fn look(
    world: &World,
    sources: &Sources,
    chance: &mut Rng,
    client: &mut Client,
    seen: &mut Vec<String>,
) -> io::Result<()> {
    for _ in 0..chance.u8(1..20) {
        if world.is_over() {
            break;
        }
        client.try_send(get("/images"))?;
        let list = client.try_answer()?.text();
        let paths: Vec<String> = listed(&list).collect();
        seen.extend(paths.iter().filter(|path| !sources.has(path)).map(|path| format!("{path} is nobody's")));
        let Some(path) = chance.choice(&paths) else { continue };
        client.try_send(get(path))?;
        let answer = client.try_answer()?;
        if answer.status == 404 && sources.is_given_up(path) {
            continue;
        }
        if answer.status != 200 || path_of(&answer.content) != *path {
            seen.push(format!("{path} is listed, and has {} bytes: {}", answer.content.len(), answer.status));
        }
    }
    Ok(())
}
