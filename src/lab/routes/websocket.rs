//! Routes that leave HTTP: WebSocket, one file a dialogue.

pub mod chat;
mod frames;
mod pace;

use crate::lab::dialogue::{Dialogue, Line, Message, open};
use crate::lab::exchange::{Answer, Call};
use crate::lab::params;
use crate::lab::refusal::Refusal;
use crate::websocket::Code;

pub use frames::frames;
pub use pace::ticker;

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
