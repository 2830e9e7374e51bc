//! Those who work on messages: they take them in one way or another, and say that they are done with them, or that they
//! are not, or nothing at all.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::Value;
use wirelab::lab::journal::Ack;
use wirelab::lab::queues::Tag;
use wirelab::sse::{Limits, Parsed, Parser};

use crate::client::{Answer, Client, get};
use crate::publisher::ACKS;
use crate::queues::{DEAD_LETTERS, QUEUE};
use crate::stream;
use crate::websocket::{FIN, PING, PONG, TEXT, WebSocket, frame, text};
use crate::world::{Moment, World};

/// A message as somebody was handed it.
#[derive(Debug)]
pub struct Delivery {
    pub queue: &'static str,
    pub tag: Tag,
    pub content: String,
    /// Before it was asked for.
    pub asked: Moment,
    pub handed: Moment,
    pub life: usize,
    /// It is held while the connection lives by which it came, and not for a time.
    pub is_pushed: bool,
    pub acks: Vec<Acked>,
}

/// What somebody said who was done with it.
#[derive(Debug)]
pub struct Acked {
    pub ack: Ack,
    pub life: usize,
    pub verdict: Verdict,
}

/// What the server has said to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    None,
    Done(Moment),
    /// It was somebody else's by then.
    TooLate,
}

/// One who works for as long as there is something to do.
pub struct Worker<'w> {
    world: &'w World,
    name: &'static str,
    chance: Rng,
    deliveries: Vec<Delivery>,
}

/// A connection by which messages are handed out.
#[derive(Clone, Copy)]
struct Desk {
    queue: &'static str,
    pushes: bool,
    life: usize,
    asked: Moment,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Ack,
    AckTwice,
    Nack,
    /// It is left lying, and so is all that came with it.
    WalkAway,
}

impl Delivery {
    /// Whether somebody was done with it, and the server may have heard of it in time.
    pub fn is_acked(&self) -> bool {
        self.acks.iter().any(|ack| ack.verdict != Verdict::TooLate)
    }
}

impl<'w> Worker<'w> {
    pub fn new(world: &'w World, name: &'static str, chance: Rng) -> Worker<'w> {
        Worker { world, name, chance, deliveries: Vec::new() }
    }

    /// Answers all that it was handed.
    pub fn work(mut self) -> Vec<Delivery> {
        while !self.world.is_over() {
            let (client, life) = self.world.connect();
            let queue = if self.chance.u8(..4) == 0 { DEAD_LETTERS } else { QUEUE };
            let way = self.chance.u8(..3);
            let desk = Desk { queue, pushes: way > 0, life, asked: self.world.now() };
            let sat = match way {
                0 => self.lease(client, desk),
                1 => self.hear_events(client, desk),
                _ => self.talk(client, desk),
            };
            if let Err(error) = sat {
                self.world.expect_broken(&error, self.name);
            }
        }
        self.deliveries
    }

    /// Asks for one message after the other, each with a lease; an ack that comes behind its end is 410.
    fn lease(&mut self, mut client: Client, desk: Desk) -> io::Result<()> {
        for _ in 0..self.chance.u8(1..20) {
            let (name, queue, asked) = (self.name, desk.queue, self.world.now());
            let lease = self.chance.choice(["lease=5ms", "lease=500ms", "lease=1"]).expect("one of them");
            client.try_send(get(&format!("/queues/{queue}/next?consumer={name}&wait=20ms&{lease}")))?;
            let answer = client.try_answer()?;
            if answer.status == 204 {
                continue;
            }
            assert_eq!(answer.status, 200, "{}{}", answer.head, answer.text());
            let tag = answer.field("X-Delivery-Tag").and_then(|tag| tag.parse().ok()).expect("a tag");
            let deed = self.take(Desk { asked, ..desk }, tag, answer.text());
            if deed == Deed::WalkAway {
                break;
            }
            self.say(deed, &mut client, desk.life)?;
        }
        Ok(())
    }

    /// Hears events, and says on another connection what becomes of them. Nobody else can have them meanwhile.
    fn hear_events(&mut self, mut client: Client, desk: Desk) -> io::Result<()> {
        let (queue, window) = (desk.queue, self.chance.u8(1..5));
        client.try_send(get(&format!("/queues/{queue}/events?prefetch={window}&heartbeat=20ms")))?;
        assert_eq!(client.try_head()?.status, 200);
        let (mut other, other_life) = self.world.try_connect()?;
        let (mut parser, mut beats) = (Parser::new(Limits::default()), 0);
        while beats < MOST_BEATS {
            let chunk = client.chunk()?;
            let mut rest = &chunk[..];
            beats += 1;
            while let (consumed, Parsed::Event(event)) = stream::next(&mut parser, rest) {
                rest = &rest[consumed..];
                let content = match &*event.kind {
                    "base64" => {
                        String::from_utf8(STANDARD.decode(event.data).expect("base64")).expect("UTF-8")
                    }
                    _ => event.data,
                };
                let deed = self.take(desk, event.last_event_id.parse().expect("a tag"), content);
                if deed == Deed::WalkAway {
                    return Ok(());
                }
                self.say(deed, &mut other, other_life)?;
            }
        }
        Ok(())
    }

    /// Hears and says it all by WebSocket, where nothing is answered but what is wrong.
    fn talk(&mut self, client: Client, desk: Desk) -> io::Result<()> {
        let target = format!("/queues/{}/ws?prefetch={}&ping=20ms", desk.queue, self.chance.u8(1..5));
        let (mut socket, _) =
            WebSocket::try_over(client, &target, "Sec-WebSocket-Protocol: lab.json.v1\r\n")?;
        let mut beats = 0;
        while beats < MOST_BEATS {
            let message = socket.try_frame()?;
            beats += 1;
            match message.first & !FIN {
                TEXT => {}
                PING => {
                    socket.client().try_send(frame(FIN | PONG, &message.payload))?;
                    continue;
                }
                _ => break, // it says goodbye
            }
            let told: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let tag = told["tag"].as_str().and_then(|tag| tag.parse().ok());
            let tag: Tag = tag.unwrap_or_else(|| panic!("what is pushed stays mine: {told}"));
            let deed = self.take(desk, tag, told["content"].as_str().expect("text").to_owned());
            let verb = match deed {
                Deed::WalkAway => break,
                Deed::Nack => "nack",
                Deed::Ack | Deed::AckTwice => "ack",
            };
            socket.client().try_send(text(&format!("{verb} {tag}")))?;
            if verb == "ack" {
                self.note_ack(Ack::Memory, desk.life);
            }
            self.world.note_done();
        }
        if self.chance.bool() {
            socket.reset();
        }
        Ok(())
    }

    /// Takes a message, and decides what becomes of it.
    fn take(&mut self, desk: Desk, tag: Tag, content: String) -> Deed {
        let Desk { queue, pushes: is_pushed, life, asked } = desk;
        let (handed, acks) = (self.world.now(), Vec::new());
        self.deliveries.push(Delivery { queue, tag, content, asked, handed, life, is_pushed, acks });
        match self.chance.u8(..12) {
            _ if self.world.is_closing() => Deed::Ack,
            0 => Deed::WalkAway,
            1..4 => Deed::Nack,
            4 => Deed::AckTwice,
            _ => Deed::Ack,
        }
    }

    /// Says over HTTP what becomes of the latest delivery; it may be too late for that.
    fn say(&mut self, deed: Deed, client: &mut Client, life: usize) -> io::Result<()> {
        if deed == Deed::Nack {
            self.ask(client, "nack", "memory", &[204, 404, 410])?;
            self.world.note_done();
            return Ok(());
        }
        let (word, ack) = self.chance.choice(ACKS).expect("one of them");
        self.note_ack(ack, life);
        let answer = self.ask(client, "ack", word, &[204, 404, 410])?;
        let is_done = answer.status == 204;
        let verdict = if is_done { Verdict::Done(self.world.now()) } else { Verdict::TooLate };
        let delivery = self.deliveries.last_mut().expect("it was taken");
        delivery.acks.last_mut().expect("it was noted").verdict = verdict;
        self.world.note_done();
        if is_done && deed == Deed::AckTwice {
            self.ask(client, "ack", word, &[409])?;
        }
        Ok(())
    }

    fn ask(&self, client: &mut Client, verb: &str, ack: &str, expected: &[u16]) -> io::Result<Answer> {
        let Delivery { queue, tag, .. } = self.deliveries.last().expect("it was taken");
        let query = if verb == "ack" { format!("?ack={ack}") } else { String::new() };
        client.try_send(format!("POST /queues/{queue}/{verb}/{tag}{query} HTTP/1.1\r\nHost: lab\r\n\r\n"))?;
        let answer = client.try_answer()?;
        assert!(expected.contains(&answer.status), "{verb} {tag}: {}{}", answer.head, answer.text());
        Ok(answer)
    }

    /// It is said, whether anybody hears it or not.
    fn note_ack(&mut self, ack: Ack, life: usize) {
        let delivery = self.deliveries.last_mut().expect("it was taken");
        delivery.acks.push(Acked { ack, life, verdict: Verdict::None });
    }
}

/// Signs of life, or of work, after which one goes elsewhere.
const MOST_BEATS: usize = 30;
