//! Hearing by WebSocket, as text or as JSON.

use std::io;

use serde_json::Value;

use crate::client::Client;
use crate::subscriber::{Subscriber, Way};
use crate::websocket::{FIN, PING, PONG, TEXT, WebSocket, frame};

/// Changes the protocol, and listens.
pub fn sit(subscriber: &mut Subscriber<'_>, client: Client) -> io::Result<()> {
    let (topic, start) = (subscriber.topics[0], subscriber.start());
    let target = format!("/topics/{topic}/ws?since={start}&ping=50ms");
    let protocol = if subscriber.way == Way::JsonSocket { "lab.json.v1" } else { "lab.text.v1" };
    let fields = format!("Sec-WebSocket-Protocol: {protocol}\r\n");
    let (mut socket, _) = WebSocket::try_over(client, &target, &fields)?;
    loop {
        let message = socket.try_frame()?;
        let goes_on = match message.first & !FIN {
            TEXT => hear(subscriber, String::from_utf8(message.payload).expect("text is UTF-8")),
            PING => socket.client().try_send(frame(FIN | PONG, &message.payload)).map(|()| true)?,
            _ => false, // it says goodbye
        };
        if !goes_on {
            // It has heard enough. Some say so.
            if subscriber.chance.bool() {
                socket.reset();
            }
            return Ok(());
        }
    }
}

fn hear(subscriber: &mut Subscriber<'_>, text: String) -> bool {
    if subscriber.way == Way::TextSocket {
        return subscriber.hear(None, text);
    }
    let value: Value = serde_json::from_str(&text).expect("a message of JSON");
    assert!(["message", "kind"].map(Some).contains(&value["event"].as_str()), "{text}");
    subscriber.hear(value["id"].as_u64(), value["data"].as_str().expect("data").to_owned())
}
