//! Floor 3: what the servers do, once for all of them; one file a topic.
//!
//! Read on: [`conversation`] (a connection's requests and answers, in turn), [`exchange`] (what a route may do),
//! [`router`], then the [`routes`]. A connection that leaves HTTP goes on in [`websocket`], and its route as a
//! [`dialogue`]; [`visit`] holds the two together.

pub mod clock;
pub mod content;
pub mod conversation;
pub mod dialogue;
pub mod event_stream;
pub mod exchange;
pub mod inbox;
pub mod journal;
pub mod params;
pub mod path;
pub mod queues;
pub mod receipt;
pub mod refusal;
pub mod registry;
pub mod representation;
pub mod rooms;
pub mod router;
pub mod routes;
pub mod settings;
pub mod visit;
pub mod wait;
pub mod websocket;

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::session::{Service, Tally};
use crate::trace::{Print, Tape, Traced, Tracer};
use clock::{Clock, TimeSource};
use conversation::Conversation;
use journal::{Journal, NoJournal};
use queues::Queues;
use registry::Registry;
use rooms::Rooms;
use settings::Settings;
use visit::Visit;

/// What all connections of one server share.
pub struct Lab {
    pub settings: Settings,
    pub clock: Clock,
    pub registry: Registry,
    pub rooms: Arc<Rooms>,
    pub queues: Arc<Queues>,
    /// Where what outlives the process is written down.
    pub journal: Arc<dyn Journal>,
    pub tracer: Arc<Tracer>,
    pub tally: Tally,
    /// When the server started.
    pub started: Instant,
}

impl Lab {
    /// A lab that has opened no connection yet; `print` gets the trace, if anyone wants one.
    pub fn new(settings: Settings, time: TimeSource, print: Option<Print>) -> Lab {
        let tape = Tape::new(settings.tape_bytes);
        Lab {
            clock: Clock::new(time, settings.golden),
            registry: Registry::default(),
            rooms: Arc::default(),
            queues: Arc::new(Queues::new(settings.queues.clone(), Arc::new(NoJournal))),
            journal: Arc::new(NoJournal),
            tracer: Arc::new(Tracer::new(tape, print)),
            tally: Tally::default(),
            started: (time.instant)(),
            settings,
        }
    }
}

impl Service for Arc<Lab> {
    type Session = Traced<Visit>;

    fn open(&self, now: Instant, peer: SocketAddr) -> Traced<Visit> {
        let (card, open) = self.registry.enter(now, peer);
        let number = card.number;
        log::info!("conn {number} opened by {peer}");
        let conversation = match open > self.settings.max_connections {
            true => Conversation::refused(Arc::clone(self), card, now),
            false => Conversation::new(Arc::clone(self), card, now),
        };
        Traced::new(Visit::Http(conversation), number, peer, now, &self.tracer)
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
