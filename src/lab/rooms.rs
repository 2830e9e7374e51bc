//! Chat rooms: who is in each, and how a word said in one reaches everybody there.
//!
//! An event is encoded once for each form that somebody wants, and shared: a member more costs a place in a queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::json;

use super::inbox::{Inbox, Overrun, Space};
use crate::websocket::{Kind, frame};

/// All rooms that have a member.
#[derive(Debug, Default)]
pub struct Rooms {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    rooms: BTreeMap<String, Room>,
    joined: u64,
}

/// Its members, in the order of joining.
type Room = BTreeMap<u64, Member>;

#[derive(Debug)]
struct Member {
    name: String,
    form: Form,
    inbox: Arc<Inbox>,
}

/// How a member wants events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
}

/// What happens in a room.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    Joined(&'e str),
    Said(&'e str, &'e str),
    Left(&'e str),
}

/// A place in a room, left when this is dropped.
#[derive(Debug)]
pub struct Membership {
    rooms: Arc<Rooms>,
    room: String,
    number: u64,
    name: String,
    inbox: Arc<Inbox>,
}

impl Rooms {
    /// Takes a place, and tells everybody, the new member as well.
    pub fn join(self: &Arc<Rooms>, room: String, name: String, form: Form) -> Membership {
        let mut open = self.open();
        open.joined += 1;
        let (number, inbox) = (open.joined, Arc::default());
        let member = Member { name: name.clone(), form, inbox: Arc::clone(&inbox) };
        open.rooms.entry(room.clone()).or_default().insert(number, member);
        open.publish(&room, Event::Joined(&name));
        drop(open);
        Membership { rooms: Arc::clone(self), room, number, name, inbox }
    }

    /// The names of those who are in a room, in the order of joining.
    pub fn presence(&self, room: &str) -> Vec<String> {
        let open = self.open();
        open.rooms
            .get(room)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(|member| member.name.clone())
            .collect()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Tells everybody in a room. Who has not read for so long that there is no place left has left it, which the
    /// others are told in turn; that may be the one event too many for the next, so this is no recursion.
    fn publish(&mut self, room: &str, event: Event<'_>) -> Space {
        let (mut lost, mut space) = (Vec::new(), Space::Ample);
        self.tell(room, event, &mut lost, &mut space);
        while let Some(name) = lost.pop() {
            self.tell(room, Event::Left(&name), &mut lost, &mut space);
        }
        space
    }

    /// Tells everybody once; adds the names of those who had no place left for it, and the least space behind it.
    fn tell(&mut self, room: &str, event: Event<'_>, lost: &mut Vec<String>, least: &mut Space) {
        let Some(members) = self.rooms.get_mut(room) else { return };
        let mut frames = Frames { event, text: None, json: None };
        members.retain(|_, member| {
            let pushed = member.inbox.push(frames.encoded(member.form));
            match pushed {
                Ok(space) => *least = space.min(*least),
                Err(Overrun) => lost.push(std::mem::take(&mut member.name)),
            }
            pushed.is_ok()
        });
        if members.is_empty() {
            self.rooms.remove(room);
        }
    }

    fn leave(&mut self, room: &str, number: u64) {
        let left = self.rooms.get_mut(room).and_then(|members| members.remove(&number));
        if let Some(member) = left {
            self.publish(room, Event::Left(&member.name));
        }
    }
}

impl Membership {
    /// Says something to everybody in the room, oneself included; tells how much space the slowest has left.
    pub fn say(&self, text: &str) -> Space {
        self.rooms.open().publish(&self.room, Event::Said(&self.name, text))
    }

    /// What has happened in the room.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.rooms.open().leave(&self.room, self.number);
    }
}

/// An event, encoded at most once a form.
struct Frames<'e> {
    event: Event<'e>,
    text: Option<Bytes>,
    json: Option<Bytes>,
}

impl Frames<'_> {
    fn encoded(&mut self, form: Form) -> &Bytes {
        let frame = match form {
            Form::Text => &mut self.text,
            Form::Json => &mut self.json,
        };
        frame.get_or_insert_with(|| frame::encode(Kind::Text, self.event.content(form).as_bytes()).into())
    }
}

impl Event<'_> {
    fn content(self, form: Form) -> String {
        match form {
            Form::Text => self.to_text(),
            Form::Json => self.to_json(),
        }
    }

    fn to_text(self) -> String {
        match self {
            Event::Joined(name) => format!("{name} joined"),
            Event::Said(name, text) => format!("{name}: {text}"),
            Event::Left(name) => format!("{name} left"),
        }
    }

    fn to_json(self) -> String {
        match self {
            Event::Joined(name) => json!({ "event": "joined", "name": name }),
            Event::Said(name, text) => json!({ "event": "said", "name": name, "text": text }),
            Event::Left(name) => json!({ "event": "left", "name": name }),
        }
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::inbox::MAX_EVENTS;

    fn join(rooms: &Arc<Rooms>, name: &str) -> Membership {
        rooms.join("lobby".to_owned(), name.to_owned(), Form::Text)
    }

    fn heard(member: &Membership) -> Vec<String> {
        let frames = std::iter::from_fn(|| member.inbox().take().expect("nothing was lost"));
        frames.map(|frame| String::from_utf8_lossy(&frame[2..]).into_owned()).collect()
    }

    #[test]
    fn everybody_hears_everything_from_joining_on() {
        let rooms = Arc::default();
        let ann = join(&rooms, "ann");
        let bob = join(&rooms, "bob");
        ann.say("hi");
        drop(ann);
        assert_eq!(heard(&bob), ["bob joined", "ann: hi", "ann left"]);
        assert_eq!(rooms.presence("lobby"), ["bob"]);
        drop(bob);
        assert!(rooms.open().rooms.is_empty());
    }

    #[test]
    fn who_does_not_read_has_left() {
        let rooms = Arc::default();
        let (ann, deaf) = (join(&rooms, "ann"), join(&rooms, "deaf"));
        let mut heard_by_ann = heard(&ann);
        for _ in 0..MAX_EVENTS {
            ann.say("hi");
            heard_by_ann.append(&mut heard(&ann));
        }
        assert_eq!(heard_by_ann.iter().filter(|line| *line == "deaf left").count(), 1);
        assert!(deaf.inbox().take().is_err());
        assert_eq!(rooms.presence("lobby"), ["ann"]);
        drop(deaf);
        assert_eq!(heard(&ann), [""; 0]);
    }

    /// Each of them is lost by the event that tells of the one before.
    #[test]
    fn a_chain_of_members_that_do_not_read_unwinds() {
        let rooms = Arc::default();
        let deaf: Vec<_> = (0..2 * MAX_EVENTS).map(|number| join(&rooms, &number.to_string())).collect();
        assert!(rooms.presence("lobby").len() <= MAX_EVENTS);
        drop(deaf);
        assert!(rooms.open().rooms.is_empty());
    }
}
