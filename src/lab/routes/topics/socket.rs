//! A topic by WebSocket: both directions on one connection.

use std::time::Duration;

use serde_json::json;

use super::{MAX_EVENT_BYTES, called, named, subscribe_to_one};
use crate::lab::dialogue::{Dialogue, JSON_PROTOCOL, Line, Message, open_if};
use crate::lab::exchange::{Answer, Call};
use crate::lab::inbox::Space;
use crate::lab::journal::Ack;
use crate::lab::refusal::Refusal;
use crate::lab::topics::Subscribed;
use crate::lab::topics::event::Form;
use crate::lab::topics::start::{Gap, Start};
use crate::lab::topics::subscription::{Appetite, News, Subscription};
use crate::websocket::Code;

/// `/topics/{t}/ws`
pub fn socket(call: &Call<'_>) -> Result<Answer, Refusal> {
    named(call)?;
    open_if(call, MAX_EVENT_BYTES, |protocol| {
        let Subscribed { subscription, gap } = subscribe_to_one(call, Start::Live, called(call)?.as_deref())?;
        let form = if protocol == Some(JSON_PROTOCOL) { Form::JsonFrame } else { Form::TextFrame };
        Ok(Socket { subscription, gap, form, is_listening: false })
    })
}

struct Socket {
    subscription: Subscription,
    gap: Option<Gap>,
    form: Form,
    is_listening: bool,
}

impl Dialogue for Socket {
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>) {
        let Message::Text(text) = message else {
            return line.close(Code::UNSUPPORTED_DATA, "a topic takes text only");
        };
        match line.lab.topics.publish(self.subscription.topic(), None, text, Ack::Memory) {
            Ok(published) if published.space == Space::Scarce => line.hold(PACE),
            Ok(_) => {}
            Err(refusal) => line.close(TRY_AGAIN_LATER, &refusal.why),
        }
    }

    fn poll(&mut self, line: &mut Line<'_>) {
        if !self.is_listening {
            self.subscription.listen(line.waker());
            self.is_listening = true;
            if let Some(gap) = self.gap.take() {
                self.tell(gap, line);
            }
        }
        let (topic, form) = (self.subscription.topic(), self.form);
        self.subscription.read(|news| {
            match news {
                News::Event(event) => line.send_encoded(event.encoded(form, topic)),
                News::Gap(_) => {
                    line.close(TOO_SLOW, "too slow: more was published than was read");
                    return Appetite::Enough;
                }
                News::End => line.close(Code::NORMAL, "the topic was deleted"),
            }
            if line.is_full() { Appetite::Enough } else { Appetite::More }
        });
    }
}

impl Socket {
    /// What had gone before it came is not its fault.
    fn tell(&self, gap: Gap, line: &mut Line<'_>) {
        match self.form {
            Form::JsonFrame => {
                let gap = gap.to_json(self.subscription.topic());
                line.send_text(&json!({ "event": "gap", "gap": gap }).to_string());
            }
            _ => line.send_text(&format!("(gap: {})", gap.to_text())),
        }
    }
}

/// Between two messages while somebody who listens lags by half of what it may, as in a chat.
const PACE: Duration = Duration::from_millis(5);

/// The close code for somebody who does not read, of those that are free for applications.
const TOO_SLOW: Code = Code::new(3008).expect("a code that may be sent");

const TRY_AGAIN_LATER: Code = Code::new(1013).expect("a code that may be sent");
