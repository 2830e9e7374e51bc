//! Those who publish, over HTTP or by WebSocket, and what they were answered.

use std::io;

use fastrand::Rng;
use wirelab::lab::journal::Ack;

use crate::client::{Answer, Client};
use crate::topics::TOPICS;
use crate::websocket::{FIN, TEXT, WebSocket, text};
use crate::world::{Moment, World};

/// An event that somebody has sent.
#[derive(Debug)]
pub struct Published {
    pub topic: &'static str,
    /// No two events have the same, and it begins with the topic.
    pub data: String,
    pub sent: Moment,
    pub answered: Option<Answered>,
}

/// What the server has said to it.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub id: u64,
    pub at: Moment,
    /// In which life of the server.
    pub life: usize,
    pub ack: Ack,
}

/// Publishes until it is time to close; several events at a time, each of them once.
pub fn publish(world: &World, name: &str, mut chance: Rng) -> Vec<Published> {
    let mut published = Vec::new();
    while !world.is_closing() {
        let (mut client, life) = world.connect();
        while !world.is_closing() {
            if let Err(error) = publish_some(world, name, &mut chance, &mut client, life, &mut published) {
                world.expect_broken(&error, name);
                break;
            }
        }
    }
    published
}

fn publish_some(
    world: &World,
    name: &str,
    chance: &mut Rng,
    client: &mut Client,
    life: usize,
    published: &mut Vec<Published>,
) -> io::Result<()> {
    let (from, mut requests, mut acks) = (published.len(), String::new(), Vec::new());
    for _ in 0..chance.usize(1..=4) {
        let topic = chance.choice(TOPICS).expect("one of them");
        let event = event(world, topic, name, published.len(), chance);
        let (word, ack) = chance.choice(ACKS).expect("one of them");
        let kind = if chance.bool() { "X-Event: kind\r\n" } else { "" };
        requests += &format!(
            "POST /topics/{}?ack={word} HTTP/1.1\r\nHost: lab\r\n{kind}Content-Length: {}\r\n\r\n{}",
            event.topic,
            event.data.len(),
            event.data
        );
        published.push(event);
        acks.push(ack);
    }
    client.try_send(requests)?;
    for (event, ack) in published[from..].iter_mut().zip(acks) {
        let answer = client.try_answer()?;
        event.answered = Some(Answered { id: id_in(&answer), at: world.now(), life, ack });
        world.note_done();
    }
    Ok(())
}

/// Publishes by WebSocket, where nothing is answered; but whoever publishes hears itself.
pub fn publish_by_socket(world: &World, name: &str, mut chance: Rng) -> Vec<Published> {
    let mut published = Vec::new();
    while !world.is_closing() {
        let (client, _) = world.connect();
        let topic = chance.choice(TOPICS).expect("one of them");
        let told = WebSocket::try_over(client, &format!("/topics/{topic}/ws"), "")
            .and_then(|(mut socket, _)| tell(world, name, topic, &mut chance, &mut socket, &mut published));
        if let Err(error) = told {
            world.expect_broken(&error, name);
        }
    }
    published
}

fn tell(
    world: &World,
    name: &str,
    topic: &'static str,
    chance: &mut Rng,
    socket: &mut WebSocket,
    published: &mut Vec<Published>,
) -> io::Result<()> {
    for _ in 0..chance.usize(1..=10) {
        let event = event(world, topic, name, published.len(), chance);
        let data = event.data.clone();
        published.push(event);
        socket.client().try_send(text(&data))?;
        loop {
            let frame = socket.try_frame()?;
            match frame.first {
                first if first != FIN | TEXT => return Ok(()), // it says goodbye
                _ if frame.payload == data.as_bytes() => break,
                _ => {}
            }
        }
        world.note_done();
    }
    Ok(())
}

/// Publishes on each topic that nothing more is to come. Whoever hears that may go.
pub fn publish_last_words(world: &World, number: usize) -> Vec<Published> {
    let (mut client, life) = world.connect();
    let say = |topic| {
        let (data, sent) = (format!("{topic}{LAST_WORD} {number}"), world.now());
        let length = data.len();
        client.send(format!(
            "POST /topics/{topic} HTTP/1.1\r\nHost: lab\r\nContent-Length: {length}\r\n\r\n{data}"
        ));
        let id = id_in(&client.answer());
        Published {
            topic,
            data,
            sent,
            answered: Some(Answered { id, at: world.now(), life, ack: Ack::Write }),
        }
    };
    TOPICS.map(say).into()
}

fn event(world: &World, topic: &'static str, name: &str, number: usize, chance: &mut Rng) -> Published {
    let more = match chance.u8(..8) {
        0 => "\nand another line\n\nκόσμε\\n\n".to_owned(),
        1 => "x".repeat(chance.usize(..20_000)),
        _ => String::new(),
    };
    Published { topic, data: format!("{topic} {name} {number} {more}"), sent: world.now(), answered: None }
}

fn id_in(answer: &Answer) -> u64 {
    assert!([201, 202].contains(&answer.status), "{} {}", answer.head, answer.text());
    let text = answer.text();
    let id = text.strip_prefix("id ").and_then(|rest| rest.split_once(',')?.0.parse().ok());
    id.unwrap_or_else(|| panic!("no id in {text}"))
}

/// What only last words have in them.
pub const LAST_WORD: &str = " that was all";

/// How sure one may want to be.
pub const ACKS: [(&str, Ack); 3] = [("memory", Ack::Memory), ("write", Ack::Write), ("fsync", Ack::Fsync)];
