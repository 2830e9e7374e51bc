//! A room where everybody hears everybody: how one connection reaches the others.

use std::time::Duration;

use serde_json::json;

use crate::lab::dialogue::{Dialogue, JSON_PROTOCOL, Line, Message, open_for};
use crate::lab::exchange::{Answer, Call};
use crate::lab::inbox::{Overrun, Space};
use crate::lab::refusal::Refusal;
use crate::lab::rooms::{Form, Membership};
use crate::websocket::Code;

/// `/ws/chat`
pub fn chat(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let room = params.name("room")?.unwrap_or_else(|| "lobby".to_owned());
    let (connection, _) = call.card.signature(call.lab.settings.golden);
    let name = params.name("name")?.unwrap_or_else(|| format!("guest-{connection}"));
    open_for(call, MAX_WORD_BYTES, |protocol| {
        let form = if protocol == Some(JSON_PROTOCOL) { Form::Json } else { Form::Text };
        Chat { membership: call.lab.rooms.join(room, name, form), is_listening: false }
    })
}

/// `/ws/chat/{room}/presence`
pub fn presence(call: &Call<'_>) -> Result<Answer, Refusal> {
    let room = &call.captured[0];
    let members = call.lab.rooms.presence(room);
    let response = call.representation().respond(
        || match &members[..] {
            [] => format!("nobody is in {room}\n"),
            members => members.iter().map(|name| format!("{name}\n")).collect(),
        },
        || json!({ "room": room, "members": members }),
    );
    Ok(Answer::uncached(response))
}

struct Chat {
    membership: Membership,
    is_listening: bool,
}

impl Dialogue for Chat {
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>) {
        match message {
            Message::Text(text) => {
                if self.membership.say(text) == Space::Scarce {
                    line.hold(PACE);
                }
            }
            Message::Binary(_) => line.close(Code::UNSUPPORTED_DATA, "this room understands text only"),
        }
    }

    fn poll(&mut self, line: &mut Line<'_>) {
        if !self.is_listening {
            self.membership.inbox().listen(line.waker());
            line.lab.registry.count_backlog(line.card.number, self.membership.inbox());
            self.is_listening = true;
        }
        while !line.is_full() {
            match self.membership.inbox().take() {
                Ok(Some(frame)) => line.send_encoded(&frame),
                Ok(None) => return,
                Err(Overrun) => return line.close(TOO_SLOW, "too slow: more was said than was read"),
            }
        }
    }
}

/// The longest thing to say; a queue takes sixteen of them.
const MAX_WORD_BYTES: usize = 64 * 1024;

/// Between two words while a queue in the room is more than half full: who reads has time to catch up, and who does
/// not is thrown out some seconds later than it would be.
const PACE: Duration = Duration::from_millis(5);

/// The close code for somebody who does not read, of those that are free for applications.
const TOO_SLOW: Code = Code::new(3008).expect("a code that may be sent");
