//! Those who post messages, and what they were answered.

use std::io;

use fastrand::Rng;
use wirelab::lab::journal::Ack;

use crate::client::Client;
use crate::publisher::{ACKS, Answered};
use crate::queues::QUEUE;
use crate::world::{Moment, World};

/// A message that somebody has sent.
#[derive(Debug)]
pub struct Posted {
    /// No two messages have the same.
    pub content: String,
    pub sent: Moment,
    pub answered: Option<Answered>,
}

/// Posts until it is time to close; each message once.
pub fn produce(world: &World, name: &str, mut chance: Rng) -> Vec<Posted> {
    let mut posted = Vec::new();
    while !world.is_closing() {
        let (mut client, life) = world.connect();
        while !world.is_closing() {
            let (word, ack) = chance.choice(ACKS).expect("one of them");
            let content = content(name, posted.len(), &mut chance);
            posted.push(Posted { content, sent: world.now(), answered: None });
            let message = posted.last_mut().expect("it was pushed");
            if let Err(error) = post(world, &mut client, life, message, (word, ack)) {
                world.expect_broken(&error, name);
                break;
            }
        }
    }
    posted
}

fn post(
    world: &World,
    client: &mut Client,
    life: usize,
    message: &mut Posted,
    (word, ack): (&str, Ack),
) -> io::Result<()> {
    let (content, length) = (&message.content, message.content.len());
    client.try_send(format!(
        "POST /queues/{QUEUE}?ack={word} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n{content}"
    ))?;
    let answer = client.try_answer()?;
    assert_eq!(answer.status, 201, "{}{}", answer.head, answer.text());
    let id = answer.field("X-Message-Id").and_then(|id| id.parse().ok()).expect("an id");
    message.answered = Some(Answered { id, at: world.now(), life, ack });
    world.note_done();
    Ok(())
}

fn content(name: &str, number: usize, chance: &mut Rng) -> String {
    let more = match chance.u8(..8) {
        0 => "\nκόσμε\r\nand another line\n".to_owned(),
        1 => "x".repeat(chance.usize(..20_000)),
        _ => String::new(),
    };
    format!("{name} {number} {more}")
}
