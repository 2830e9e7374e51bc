//! `/queues/{q}/ws`: messages are pushed over a WebSocket, and settled on the spot.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::settling::{refusal, tag};
use super::{consumer, prefetch, queue_name};
use crate::lab::dialogue::{Dialogue, JSON_PROTOCOL, Line, Message, open_for};
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::queues::{Consumer, Delivery, Hold};
use crate::lab::refusal::Refusal;
use crate::websocket::Code;

/// `/queues/{q}/ws`
///
/// As on an event stream, nothing that is pushed has a lease that could end. What the client says is text: `ack` or
/// `nack` and a tag. As in AMQP, an ack is not answered; one that changes nothing is.
pub fn open(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (queue, consumer) = (queue_name(call)?, consumer(call)?);
    let hold = Hold::Window(prefetch(call)?);
    open_for(call, MAX_WORD_BYTES, |protocol| Pushing {
        queue,
        consumer,
        hold,
        is_json: protocol == Some(JSON_PROTOCOL),
    })
}

struct Pushing {
    queue: Arc<str>,
    consumer: Consumer,
    hold: Hold,
    is_json: bool,
}

impl Pushing {
    fn push(&self, delivery: &Delivery, line: &mut Line<'_>) {
        let text = str::from_utf8(&delivery.content).ok();
        match text {
            _ if self.is_json => line.send_text(&to_json(delivery, text).to_string()),
            Some(text) => line.send_text(&format!("{} {text}", delivery.tag)),
            None => {
                let tag = format!("{} ", delivery.tag);
                line.send(Message::Binary(&[tag.as_bytes(), &delivery.content].concat()));
            }
        }
    }

    /// Does what the client says.
    fn settle(&self, said: &str, line: &Line<'_>) -> Result<(), Refusal> {
        let (verb, given) = said.trim_end().split_once(' ').unwrap_or((said, ""));
        let (queues, now) = (&line.lab.queues, line.now);
        let settled = match verb {
            "ack" => tag(given).and_then(|tag| queues.ack(now, &self.queue, tag, Ack::Memory).map(drop)),
            "nack" => tag(given).and_then(|tag| queues.nack(now, &self.queue, tag)),
            _ => return Err(Refusal::new(400, "there is nothing else to say", "ack 1.1, or nack 1.1")),
        };
        settled.map_err(|reason| refusal(&reason, given, &self.queue))
    }

    fn refuse(&self, refusal: &Refusal, line: &mut Line<'_>) {
        let Refusal { status, why, advice, .. } = refusal;
        let text = match self.is_json {
            true => json!({ "status": status, "detail": why, "advice": advice }).to_string(),
            false => format!("{status} {why}; try: {advice}"),
        };
        line.send_text(&text);
    }
}

impl Dialogue for Pushing {
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>) {
        match message {
            Message::Text(said) => {
                if let Err(refusal) = self.settle(said, line) {
                    self.refuse(&refusal, line);
                }
            }
            Message::Binary(_) => line.close(Code::UNSUPPORTED_DATA, "ack and nack are said as text"),
        }
    }

    /// Waits only when everything has left: who is called has to be able to come.
    fn poll(&mut self, line: &mut Line<'_>) {
        let mut has_sent = line.is_full();
        while !line.is_full()
            && let Some(delivery) = self.consumer.take(line.now, self.hold)
        {
            self.push(&delivery, line);
            has_sent = true;
        }
        if !has_sent {
            self.consumer.wait(self.hold, line.waker());
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.consumer.look_again()
    }
}

fn to_json(delivery: &Delivery, text: Option<&str>) -> Value {
    let Delivery { tag, content, content_type, died_in } = delivery;
    let mut object = Map::new();
    object.insert("tag".to_owned(), tag.to_string().into());
    object.insert("id".to_owned(), tag.id.into());
    object.insert("deliveries".to_owned(), tag.delivery.into());
    object.insert("redelivered".to_owned(), tag.is_redelivered().into());
    let noted = [("type", content_type), ("died_in", died_in)];
    let noted =
        noted.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.into())));
    object.extend(noted);
    match text {
        Some(text) => object.insert("content".to_owned(), text.into()),
        None => object.insert("base64".to_owned(), STANDARD.encode(content).into()),
    };
    object.into()
}

/// The longest thing that there is to say: a verb, and a tag of 31 digits.
const MAX_WORD_BYTES: usize = 64;
