//! Routes that leave HTTP: WebSocket, one file a dialogue.

pub mod chat;
mod frames;
mod pace;

use crate::http::Method;
use crate::lab::dialogue::{Dialogue, Line, Message, open};
use crate::lab::exchange::{Answer, Call};
use crate::lab::params;
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;
use crate::websocket::Code;

use frames::frames;
use pace::ticker;

/// What a WebSocket can be used for.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/ws/echo",
        methods: &[Method::Get],
        about: "WebSocket: each message comes back; max_message, ping and timeout as you like them, here and below",
        example: "printf 'GET /ws/echo HTTP/1.1\\r\\nHost: lab\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n\\201\\205\\067\\372\\041\\075\\177\\237\\115\\121\\130' | nc -N {host} {port} | xxd",
        answer: echo,
    },
    Route {
        pattern: "/ws/frames",
        methods: &[Method::Get],
        about: "WebSocket: each frame comes back as a text that takes it apart, bit by bit",
        example: "websocat ws://{at}/ws/frames",
        answer: frames,
    },
    Route {
        pattern: "/ws/close/{code}",
        methods: &[Method::Get],
        about: "WebSocket: the server closes at once, with this code and with reason= as its reason",
        example: "printf 'GET /ws/close/4000?reason=enough HTTP/1.1\\r\\nHost: lab\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n' | nc -N {host} {port} | xxd",
        answer: close,
    },
    Route {
        pattern: "/ws/ticker/{s}",
        methods: &[Method::Get],
        about: "WebSocket: a message every s seconds",
        example: "websocat ws://{at}/ws/ticker/0.5s",
        answer: ticker,
    },
    Route {
        pattern: "/ws/fragment/{n}",
        methods: &[Method::Get],
        about: "WebSocket: each message comes back in n fragments",
        example: "websocat ws://{at}/ws/fragment/3",
        answer: fragment,
    },
    Route {
        pattern: "/ws/chat",
        methods: &[Method::Get],
        about: "WebSocket: a room where everybody hears everybody; room and name as you like them",
        example: "websocat \"ws://{at}/ws/chat?room=lobby&name=ann\"",
        answer: chat::chat,
    },
    Route {
        pattern: "/ws/chat/{room}/presence",
        methods: &[Method::Get],
        about: "who is in a room",
        example: "curl http://{at}/ws/chat/lobby/presence",
        answer: chat::presence,
    },
];

/// `/ws/echo`
pub fn echo(call: &Call<'_>) -> Result<Answer, Refusal> {
    open(call, |_| Echo)
}

/// `/ws/close/{code}`
pub fn close(call: &Call<'_>) -> Result<Answer, Refusal> {
    let number = params::number("code", &call.captured[0], 1000..=4999)?;
    let code = Code::new(number as u16).ok_or_else(|| {
        let allowed = "1000 to 1003, 1007 to 1014, 3000 to 4999";
        Refusal::new(
            400,
            format!("{number} may not stand in a Close (RFC 6455 §7.4)"),
            format!("one of {allowed}"),
        )
    })?;
    let reason = call.params()?.text("reason")?.unwrap_or_default();
    open(call, |_| Closing { code, reason })
}

/// `/ws/fragment/{n}`
pub fn fragment(call: &Call<'_>) -> Result<Answer, Refusal> {
    let fragments = params::number("n", &call.captured[0], 1..=MAX_FRAGMENTS)?;
    open(call, |_| Fragmenting(fragments as usize))
}

/// Each message comes back.
struct Echo;

impl Dialogue for Echo {
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>) {
        line.send(message);
    }
}

/// The server begins to close, as soon as it can.
struct Closing {
    code: Code,
    reason: String,
}

impl Dialogue for Closing {
    fn receive(&mut self, _message: Message<'_>, _line: &mut Line<'_>) {}

    fn poll(&mut self, line: &mut Line<'_>) {
        line.close(self.code, &self.reason);
    }
}

/// Each message comes back in so many fragments.
struct Fragmenting(usize);

impl Dialogue for Fragmenting {
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>) {
        line.send_fragments(message, self.0);
    }
}

const MAX_FRAGMENTS: u64 = 1000;
