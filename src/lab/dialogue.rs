//! What a route does with a WebSocket: the dialogue that its messages are, once the opening handshake is done.

use std::task::Waker;
use std::time::{Duration, Instant};

use super::Lab;
use super::exchange::{Answer, Call, PIECE_BYTES};
use super::refusal::Refusal;
use super::registry::Card;
use crate::http::{Method, Response};
use crate::session::Bell;
use crate::websocket::handshake::{self, Accepted, Policy};
use crate::websocket::{Code, Connection, Kind, Limits, Parameters, Seen};

/// The messages of one WebSocket, seen from its route.
///
/// Each call may send by way of the [`Line`]. Pings, pongs and Closes are answered without it. It is dropped when a
/// Close has been sent, and when the connection has ended, however it has.
pub trait Dialogue: Send {
    /// The client has sent a message.
    fn receive(&mut self, message: Message<'_>, line: &mut Line<'_>);

    /// A frame has come, ahead of what it leads to; only for who [`watches_frames`](Dialogue::watches_frames).
    fn receive_frame(&mut self, _frame: &Seen, _line: &mut Line<'_>) {}

    fn watches_frames(&self) -> bool {
        false
    }

    /// Everything sent so far has left, the first time the opening handshake: send what is ready now, about
    /// [`PIECE_BYTES`] at the most.
    fn poll(&mut self, _line: &mut Line<'_>) {}

    /// When to poll again, if nothing else happens before.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// A message, whole and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    Text(&'m str),
    Binary(&'m [u8]),
}

/// How a dialogue speaks.
pub struct Line<'l> {
    pub now: Instant,
    pub lab: &'l Lab,
    pub card: &'l Card,
    pub(super) connection: &'l mut Connection,
    pub(super) out: &'l mut Vec<u8>,
    /// Only a poll has one, as only a poll looks at what a wake is about.
    pub(super) bell: Option<&'l dyn Bell>,
    pub(super) held_until: Option<Instant>,
}

impl Line<'_> {
    pub fn send(&mut self, message: Message<'_>) {
        match message {
            Message::Text(text) => self.connection.send_text(text, self.out),
            Message::Binary(content) => self.connection.send_binary(content, self.out),
        }
    }

    pub fn send_text(&mut self, text: &str) {
        self.connection.send_text(text, self.out);
    }

    /// Sends a message in so many fragments, one or more, cut where it falls; the last ones may be empty.
    pub fn send_fragments(&mut self, message: Message<'_>, fragments: usize) {
        if fragments == 1 {
            return self.send(message);
        }
        let (kind, mut rest) = message.parts();
        let piece = rest.len().div_ceil(fragments);
        let mut cut = || {
            let (fragment, behind) = rest.split_at(piece.min(rest.len()));
            rest = behind;
            fragment
        };
        self.connection.send_first_fragment(kind, cut(), self.out);
        for _ in 1..fragments - 1 {
            self.connection.send_fragment(cut(), self.out);
        }
        self.connection.send_last_fragment(cut(), self.out);
    }

    /// Sends a frame that was encoded once for everybody.
    pub fn send_encoded(&mut self, frame: &[u8]) {
        self.connection.send_encoded(frame, self.out);
    }

    /// Starts the closing handshake; nothing is sent after it.
    pub fn close(&mut self, code: Code, reason: &str) {
        self.connection.send_close(code, reason, self.out);
    }

    /// Hears the client out only after this time, because others take what it says more slowly than it says it.
    pub fn hold(&mut self, time: Duration) {
        self.held_until = Some(self.now + time);
    }

    /// What wakes this dialogue for a poll.
    ///
    /// # Panics
    /// Outside of a poll.
    pub fn waker(&self) -> Waker {
        self.bell.expect("a waker is made in a poll, which then looks for what happened before").waker()
    }

    /// Whether this turn has sent as much as a turn should.
    pub fn is_full(&self) -> bool {
        self.out.len() >= PIECE_BYTES
    }
}

impl Message<'_> {
    fn parts(&self) -> (Kind, &[u8]) {
        match self {
            Message::Text(text) => (Kind::Text, text.as_bytes()),
            Message::Binary(content) => (Kind::Binary, content),
        }
    }
}

/// A connection on its way from HTTP to a dialogue.
pub struct Upgrade {
    pub(super) response: Response,
    pub(super) deflate: Option<Parameters>,
    pub(super) terms: Terms,
    pub(super) dialogue: Box<dyn Dialogue>,
}

/// What holds for one WebSocket: the server's options, or what the target's query says instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub limits: Limits,
    /// From a pong to the next ping.
    pub ping_interval: Duration,
    /// From a ping to its pong.
    pub pong_timeout: Duration,
}

impl Terms {
    fn read(call: &Call<'_>, usual_message: usize, largest_message: usize) -> Result<Terms, Refusal> {
        let (settings, params) = (&call.lab.settings.websocket, call.params()?);
        let range = 1..=largest_message as u64;
        let message_bytes = params.number("max_message", range, usual_message as u64)? as usize;
        Ok(Terms {
            limits: Limits { message_bytes, ..Limits::default() },
            ping_interval: params.duration("ping", LONGEST_WAIT, settings.ping_interval)?.max(SHORTEST_WAIT),
            pong_timeout: params.duration("timeout", LONGEST_WAIT, settings.pong_timeout)?.max(SHORTEST_WAIT),
        })
    }
}

/// Opens a WebSocket for a dialogue, which is told the subprotocol that was agreed on.
pub fn open<D: Dialogue + 'static>(
    call: &Call<'_>,
    dialogue: impl FnOnce(Option<&'static str>) -> D,
) -> Result<Answer, Refusal> {
    let settings = &call.lab.settings.websocket;
    let terms = Terms::read(call, settings.usual_message(), settings.largest_message())?;
    open_on(call, terms, |protocol| Ok(dialogue(protocol)))
}

/// The same for messages of at most so many bytes, unless the server's limit is lower.
pub fn open_for<D: Dialogue + 'static>(
    call: &Call<'_>,
    message_bytes: usize,
    dialogue: impl FnOnce(Option<&'static str>) -> D,
) -> Result<Answer, Refusal> {
    open_if(call, message_bytes, |protocol| Ok(dialogue(protocol)))
}

/// The same for a dialogue that may be refused, which is asked for only when the opening handshake is in order.
pub fn open_if<D: Dialogue + 'static>(
    call: &Call<'_>,
    message_bytes: usize,
    dialogue: impl FnOnce(Option<&'static str>) -> Result<D, Refusal>,
) -> Result<Answer, Refusal> {
    let message_bytes = message_bytes.min(call.lab.settings.websocket.usual_message());
    open_on(call, Terms::read(call, message_bytes, message_bytes)?, dialogue)
}

fn open_on<D: Dialogue + 'static>(
    call: &Call<'_>,
    terms: Terms,
    dialogue: impl FnOnce(Option<&'static str>) -> Result<D, Refusal>,
) -> Result<Answer, Refusal> {
    let policy = Policy {
        origins: &call.lab.settings.websocket.origins,
        protocols: &[TEXT_PROTOCOL, JSON_PROTOCOL],
        deflate: true,
    };
    let accepted = match call.request.method {
        // HEAD is told what GET would be told without an upgrade (RFC 9110 §9.3.2): a server is free to ignore what it
        // says of one (§7.8).
        Method::Head => Err(handshake::Refusal::UpgradeMissing),
        _ => handshake::accept(call.request, &policy),
    };
    let accepted = accepted.map_err(refusal)?;
    Ok(Answer::Upgrade(Box::new(Upgrade {
        response: switching(&accepted),
        deflate: accepted.deflate,
        terms,
        dialogue: Box::new(dialogue(accepted.protocol)?),
    })))
}

fn switching(accepted: &Accepted) -> Response {
    accepted
        .fields()
        .into_iter()
        .fold(Response::new(101), |response, (name, value)| response.with(name, value))
}

fn refusal(refusal: handshake::Refusal) -> Refusal {
    let lesson = refusal.lesson();
    let said = Refusal::new(lesson.status, format!("{} ({})", lesson.claim, lesson.source), lesson.advice);
    refusal.fields().iter().fold(said, |said, (name, value)| said.with(name, *value))
}

/// Messages and events as lines for people.
pub const TEXT_PROTOCOL: &str = "lab.text.v1";

/// Messages and events as JSON for programs.
pub const JSON_PROTOCOL: &str = "lab.json.v1";

const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A ping in every turn would be no heartbeat but a flood.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
