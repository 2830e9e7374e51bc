//! The WebSocket core: from the opening handshake to the last frame that counts.

use wirelab::http::Request;
use wirelab::lab::dialogue::{JSON_PROTOCOL, TEXT_PROTOCOL};
use wirelab::websocket::handshake::accept;
use wirelab::websocket::{Accepted, Close, Connection, Event, Limits, Policy, Role};

use super::reports::{Reports, visible};

/// A server that hears, and says nothing but what the protocol asks for.
pub struct WebSocket {
    connection: Connection,
}

impl WebSocket {
    /// Where the request is an opening handshake, and one that can be accepted.
    pub fn open(request: &Request<'_>, reports: &mut Reports) -> Option<WebSocket> {
        let asks = is_websocket(request.target.path()) && request.fields.first("upgrade").is_some();
        if !asks {
            return None;
        }
        match accept(request, &POLICY) {
            Ok(accepted) => {
                reports.add(["Upgrade", &agreed(&accepted)].join(" ").trim_end());
                let limits = limits(request.target.query());
                Some(WebSocket { connection: Connection::new(Role::Server, limits, accepted.deflate) })
            }
            Err(refusal) => {
                let lesson = refusal.lesson();
                reports.add_error(format!("{} {} ({})", lesson.status, lesson.claim, lesson.source));
                None
            }
        }
    }

    pub fn understand(&mut self, bytes: &mut [u8], reports: &mut Reports) -> usize {
        let mut consumed = 0;
        loop {
            let (used, event) = self.connection.next_event(&mut bytes[consumed..], &mut Vec::new());
            consumed += used;
            match event {
                Event::Text(text) => reports.add(format!("Text {}", shown(text.as_bytes()))),
                Event::Binary(content) => reports.add(format!("Binary {}", shown(&content))),
                Event::Ping(payload) => reports.add(format!("Ping {}", shown(&payload))),
                Event::Pong(payload) => reports.add(format!("Pong {}", shown(&payload))),
                Event::Close(close) => reports.add(format!("Close{}", said(&close))),
                Event::Failed(error) => reports.add_error(error),
                Event::Frame(_) => unreachable!("nobody watches the frames"),
                Event::Incomplete | Event::Closed => return consumed,
            }
        }
    }
}

/// Whether the lab speaks WebSocket there.
fn is_websocket(path: &str) -> bool {
    path.starts_with("/ws/") || path.ends_with("/ws")
}

/// What the handshake has led to besides frames.
fn agreed(accepted: &Accepted) -> String {
    let protocol = accepted.protocol.map(str::to_owned);
    let deflate = accepted.deflate.map(|parameters| parameters.encode());
    protocol.into_iter().chain(deflate).collect::<Vec<_>>().join(", ")
}

/// The routes of the lab let the query set this one.
fn limits(query: Option<&str>) -> Limits {
    let mut pairs = query.unwrap_or_default().split('&');
    let asked_for = pairs.find_map(|pair| pair.strip_prefix("max_message=")?.parse().ok());
    let default = Limits::default();
    Limits { message_bytes: asked_for.unwrap_or(default.message_bytes), ..default }
}

fn said(close: &Close<'_>) -> String {
    match close.code {
        None => String::new(),
        Some(code) if close.reason.is_empty() => format!(" {code}"),
        Some(code) => format!(" {code} {}", shown(close.reason.as_bytes())),
    }
}

/// A payload between quotation marks; of a long one the beginning.
fn shown(payload: &[u8]) -> String {
    match payload.get(..SHOWN_BYTES) {
        Some(first) if payload.len() > SHOWN_BYTES => {
            format!("\"{}\" and so on, {} bytes", visible(first), payload.len())
        }
        _ => format!("\"{}\"", visible(payload)),
    }
}

const POLICY: Policy<'_> = Policy { origins: &[], protocols: &[TEXT_PROTOCOL, JSON_PROTOCOL], deflate: true };

const SHOWN_BYTES: usize = 64;
