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
pub mod idempotency;
pub mod images;
pub mod inbox;
pub mod intake;
pub mod jobs;
pub mod journal;
pub mod markup;
pub mod moment;
pub mod numbering;
pub mod numerals;
pub mod params;
pub mod path;
pub mod pipeline;
pub mod prime;
pub mod queues;
pub mod receipt;
pub mod refusal;
pub mod registry;
pub mod rehearsal;
pub mod representation;
pub mod rooms;
pub mod router;
pub mod routes;
pub mod settings;
pub mod spool;
pub mod topics;
pub mod uploads;
pub mod visit;
pub mod wait;
pub mod watchers;
pub mod websocket;
pub mod workbench;

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::session::{Entry, Name, Service, Tally};
use crate::trace::{Audience, Print, Tape, Traced, Tracer};
use clock::{Clock, TimeSource};
use conversation::Conversation;
use images::Images;
use jobs::Jobs;
use journal::{Found, Journal, NoJournal, Table};
use moment::Epoch;
use pipeline::Pipeline;
use queues::Queues;
use registry::Registry;
use rooms::Rooms;
use settings::Settings;
use topics::Topics;
use uploads::Uploads;
use visit::Visit;
use wait::Waiters;
use watchers::Watchers;
use workbench::Workbench;

/// What all connections of one server share.
pub struct Lab {
    pub settings: Settings,
    pub clock: Arc<Clock>,
    pub registry: Arc<Registry>,
    pub rooms: Arc<Rooms>,
    pub topics: Topics,
    pub jobs: Arc<Jobs>,
    pub queues: Arc<Queues>,
    pub pipeline: Pipeline,
    pub images: Arc<Images>,
    pub uploads: Arc<Uploads>,
    pub workbench: Workbench,
    /// Who is held back until there is news.
    pub waiters: Waiters,
    /// Where what outlives the process is written down.
    pub journal: Arc<dyn Journal>,
    pub tracer: Arc<Tracer>,
    pub watchers: Arc<Watchers>,
    pub tally: Tally,
    /// When the server started.
    pub started: Instant,
    /// What its moments are counted from.
    pub epoch: Epoch,
}

impl Lab {
    /// A lab that has opened no connection yet; `print` gets the trace, if anyone wants one.
    pub fn new(settings: Settings, time: TimeSource, print: Option<Print>) -> Lab {
        let tape = Tape::new(settings.tape_bytes);
        let started = (time.instant)();
        let epoch = Epoch::new(started);
        let clock = Arc::new(Clock::new(time, settings.golden));
        let images = Arc::new(Images::new(settings.uploads, Arc::clone(&clock)));
        let journal: Arc<dyn Journal> = Arc::new(NoJournal);
        let registry = Arc::<Registry>::default();
        let watchers = Arc::new(Watchers::new(Arc::clone(&registry), epoch));
        // What the others do is not the same twice; and where nothing is recorded, nothing is shown.
        let is_watchable = tape.is_some() && !settings.golden;
        let audience = is_watchable.then(|| -> Arc<dyn Audience> { Arc::clone(&watchers) as _ });
        Lab {
            topics: Topics::new(&settings.topics, Arc::clone(&journal), Arc::clone(&clock)),
            uploads: Arc::new(Uploads::new(settings.uploads, Arc::clone(&images), Arc::clone(&clock))),
            images,
            workbench: Workbench::default(),
            clock,
            registry,
            rooms: Arc::default(),
            jobs: Arc::new(Jobs::new(&settings.jobs, Arc::clone(&journal), started)),
            queues: Arc::new(Queues::new(settings.queues, Arc::clone(&journal))),
            pipeline: Pipeline::default(),
            waiters: Waiters::default(),
            journal,
            tracer: Arc::new(Tracer::new(tape, print, audience)),
            watchers,
            tally: Tally::default(),
            started,
            epoch,
            settings,
        }
    }

    /// The same lab, which writes down what is to outlive it, and goes on from what was found.
    ///
    /// # Errors
    /// A row that cannot be read; one line about it.
    pub fn keep(self, journal: Arc<dyn Journal>, mut found: Found) -> Result<Lab, String> {
        let (settings, crashed) = (&self.settings, found.after_crash);
        let [events, messages, jobs, uploads] =
            [Table::Events, Table::Messages, Table::Jobs, Table::Uploads].map(|table| found.take(table));
        log::info!(
            "found {} events, {} messages and {} jobs; the last server {}",
            events.len(),
            messages.len(),
            jobs.len(),
            if crashed { "crashed" } else { "said goodbye" },
        );
        let topics = Topics::new(&settings.topics, Arc::clone(&journal), Arc::clone(&self.clock));
        topics.restore(&events, crashed)?;
        let jobs = Jobs::restore(&settings.jobs, Arc::clone(&journal), jobs, crashed, self.started)?;
        let queues = Queues::new(settings.queues, Arc::clone(&journal));
        queues.restore(messages, crashed, self.clock.now(), self.clock.unix_millis())?;
        self.images.keep_numbers(Arc::clone(&journal), &uploads, crashed)?;
        Ok(Lab { journal, topics, jobs: Arc::new(jobs), queues: Arc::new(queues), ..self })
    }
}

impl Lab {
    /// Goes on from the images, the unfinished uploads and their parts that were found on the disk; answers which files
    /// are of no use.
    pub fn find(&self, images: Vec<Entry>, unfinished: Vec<Entry>, parts: Vec<Entry>) -> Vec<Name> {
        let mut spare = self.images.restore(images);
        spare.extend(self.uploads.restore(unfinished, parts));
        spare
    }
}

impl Service for Arc<Lab> {
    type Session = Traced<Visit>;

    fn open(&self, now: Instant, peer: SocketAddr) -> Traced<Visit> {
        let (card, open) = self.registry.enter(self.epoch.moment(now), peer);
        let number = card.number;
        log::info!("conn {number} opened by {peer}");
        let conversation = match open > self.settings.max_connections {
            true => Conversation::refused(Arc::clone(self), card, now),
            false => Conversation::new(Arc::clone(self), card, now),
        };
        Traced::new(Visit::Http(conversation), peer, now, &self.tracer)
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }
}
