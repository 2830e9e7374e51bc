//! One connection's conversation: requests as they arrive, each led to its route, and the answers in order.
//!
//! ```text
//! Talking ──an answer that closes, a broken rule──▶ Draining ──the peer ends, or LINGER──▶ Over
//!    └──the peer has ended and has all answers, or was idle too long─────────────────────▶ Over
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::Lab;
use super::clock::Date;
use super::exchange::{Answer, Call, Cut, Exchange, PIECE_BYTES, Reply};
use super::refusal::{Form, Refusal, broken_rule};
use super::registry::{Activity, Card};
use super::router;
use crate::http::connection::Missing;
use crate::http::{Connection, Error, Event, Request, Response};
use crate::session::{Cause, Flow, Session};
use crate::wire::receive_buffer::ReceiveBuffer;

/// A [`Session`] that speaks HTTP/1.1.
pub struct Conversation {
    lab: Arc<Lab>,
    card: Arc<Card>,
    connection: Connection,
    pending: ReceiveBuffer,
    exchange: Option<Box<dyn Exchange>>,
    state: State,
    deadline: Option<Instant>,
    /// When the first byte of the head came that is not complete yet.
    head_begun: Option<Instant>,
    /// In how many reads that head has come.
    head_reads: u32,
    form: Form,
    peer_finished: bool,
    /// The time for the message that has begun is over.
    late: bool,
    reset: bool,
    reason: &'static str,
}
