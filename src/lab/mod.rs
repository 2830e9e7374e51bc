//! Floor 3: what the servers do, once for all of them; one file a topic.
//!
//! Read on: [`conversation`] (a connection's requests and answers, in turn), [`exchange`] (what a route may do),
//! [`router`], then the [`routes`].

pub mod clock;
pub mod conversation;
pub mod exchange;
pub mod params;
pub mod path;
pub mod refusal;
pub mod registry;
pub mod router;
pub mod routes;
pub mod settings;

use core::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use crate::session::{Service, Tally};
use crate::trace::{Tape, Traced};
use clock::{Clock, TimeSource};
use conversation::Conversation;
use registry::Registry;
use settings::Settings;

/// What all connections of one server share.
pub struct Lab {
    pub settings: Settings,
    pub clock: Clock,
    pub registry: Registry,
    pub tape: Arc<Tape>,
    pub tally: Tally,
    pub requests: AtomicU64,
    /// When the server started.
    pub started: Instant,
}

impl Lab {
    pub fn new(settings: Settings, time: TimeSource) -> Lab {
        Lab {
            clock: Clock::new(time, settings.golden),
            registry: Registry::default(),
            tape: Arc::new(Tape::new(settings.tape_bytes)),
            tally: Tally::default(),
            requests: AtomicU64::new(0),
            started: (time.instant)(),
            settings,
        }
    }
}
