//! A video on its way through five services, which call one another or hear of it from a publisher.
//!
//! ```text
//! chain    upload ──▶ compress ──▶ format ──▶ notify ──▶ copyright
//! pubsub   an event into a queue for each of them
//! ```
//!
//! The work is simulated: it is time, told as it was planned. Each caller of a chain waits for the next service, so the
//! times add up, and one that fails is the end for all behind it. From a publisher all have the event at once, and who
//! fails or is stopped finds it in its queue later. Read on: [`worker`] (a service at its queue).

pub mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::journal::{Ack, Receipt};
use super::queues::{NotPosted, Parcel, Queues};
use worker::Worker;

/// A service, by its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service(usize);

impl Service {
    /// All of them, in the order of the chain.
    pub fn all() -> impl Iterator<Item = Service> {
        (0..SERVICES.len()).map(Service)
    }

    pub fn from_name(name: &str) -> Option<Service> {
        Service::all().find(|service| service.name() == name)
    }

    pub fn name(self) -> &'static str {
        SERVICES[self.0].0
    }

    /// How long it works on an event, unless it is told otherwise.
    pub fn usual_work(self) -> Duration {
        Duration::from_millis(SERVICES[self.0].1)
    }

    /// Where its events wait for it.
    pub fn queue(self) -> Arc<str> {
        format!("pipeline.{}", self.name()).into()
    }

    /// How many are there.
    pub fn waiting(self, queues: &Queues, now: Instant) -> usize {
        queues.account(now, &self.queue()).map_or(0, |account| account.ready)
    }
}

/// Which of the services are stopped.
#[derive(Debug, Default)]
pub struct Pipeline {
    stopped: [AtomicBool; SERVICES.len()],
}

impl Pipeline {
    pub fn stop(&self, service: Service) {
        self.stopped[service.0].store(true, Relaxed);
    }

    pub fn start(&self, service: Service) {
        self.stopped[service.0].store(false, Relaxed);
    }

    pub fn is_stopped(&self, service: Service) -> bool {
        self.stopped[service.0].load(Relaxed)
    }
}

/// How one run is to go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// How long each service works, if not as long as usual.
    pub work: Option<Duration>,
    /// The service that fails.
    pub fails: Option<Service>,
}

impl Terms {
    pub fn work(&self, service: Service) -> Duration {
        self.work.unwrap_or(service.usual_work())
    }
}

/// What has become of an event at a service, in times since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done {
        got: Duration,
        done: Duration,
    },
    Failed {
        got: Duration,
        failed: Duration,
    },
    /// The service is stopped, and has not got it.
    Stopped,
    /// It never came so far.
    NotReached,
    /// The service is still at those before it.
    Behind,
    /// Somebody else has taken it out of the queue.
    Elsewhere,
}

impl Fate {
    /// Until when the service was at work.
    pub fn end(self) -> Duration {
        match self {
            Fate::Done { done: end, .. } | Fate::Failed { failed: end, .. } => end,
            Fate::Stopped | Fate::NotReached | Fate::Behind | Fate::Elsewhere => Duration::ZERO,
        }
    }
}

/// Calls the first service, which calls the second, and so on: what will have become of the event at each of them.
pub fn call(pipeline: &Pipeline, terms: &Terms) -> Vec<Fate> {
    let (mut at, mut is_broken) = (Duration::ZERO, false);
    let fate = |service: Service| {
        if is_broken {
            return Fate::NotReached;
        }
        is_broken = pipeline.is_stopped(service) || terms.fails == Some(service);
        if pipeline.is_stopped(service) {
            return Fate::Stopped;
        }
        let got = at;
        at += terms.work(service);
        if is_broken { Fate::Failed { got, failed: at } } else { Fate::Done { got, done: at } }
    };
    Service::all().map(fate).collect()
}

/// An event, and all who are to have it.
pub struct Published {
    /// One for each service, but for those that are stopped.
    pub workers: Vec<Option<Worker>>,
    /// By which it is known to be kept for each of them.
    pub receipts: Vec<Receipt>,
}

/// Puts an event into the queue of each service. Those that run begin with it; nobody is there for the others.
///
/// # Errors
/// There is no room in the queue of a service, which may have been stopped for long. Those before it have the event.
pub fn publish(
    pipeline: &Pipeline,
    queues: &Arc<Queues>,
    terms: &Terms,
    ack: Ack,
    now: Instant,
) -> Result<Published, (Service, NotPosted)> {
    let publish_to = |service: Service| {
        let content_type = Some("text/plain; charset=utf-8".into());
        let parcel = Parcel { content: Bytes::from_static(EVENT), content_type, max_deliveries: None };
        let (id, receipt) = queues.post(now, &service.queue(), parcel, ack)?;
        if pipeline.is_stopped(service) {
            return Ok((None, receipt));
        }
        Ok((Some(Worker::begin(queues, service, terms, Some(id), now)?), receipt))
    };
    let published: Result<Vec<_>, _> =
        Service::all().map(|service| publish_to(service).map_err(|reason| (service, reason))).collect();
    let (workers, receipts) = published?.into_iter().unzip();
    Ok(Published { workers, receipts })
}

/// Their names, and for how many milliseconds each usually works.
const SERVICES: [(&str, u64); 5] =
    [("upload", 40), ("compress", 80), ("format", 60), ("notify", 20), ("copyright", 50)];

const EVENT: &[u8] = b"a video was uploaded\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::journal::NoJournal;
    use crate::lab::settings::QueueSettings;

    const MS: Duration = Duration::from_millis(1);

    fn service(name: &str) -> Service {
        Service::from_name(name).unwrap()
    }

    fn queues() -> Arc<Queues> {
        Arc::new(Queues::new(QueueSettings::default(), Arc::new(NoJournal)))
    }

    fn publish_to_all(
        pipeline: &Pipeline,
        queues: &Arc<Queues>,
        terms: &Terms,
        now: Instant,
    ) -> Vec<Option<Worker>> {
        publish(pipeline, queues, terms, Ack::Memory, now).unwrap().workers
    }

    /// Lets everybody work until nothing is due.
    fn finish(workers: &mut [Option<Worker>]) -> Vec<Fate> {
        let mut workers: Vec<_> = workers.iter_mut().collect();
        for worker in workers.iter_mut().filter_map(|worker| worker.as_mut()) {
            while let Some(due) = worker.due() {
                worker.poll(due);
            }
        }
        workers.iter().map(|worker| worker.as_ref().map_or(Fate::Stopped, Worker::fate)).collect()
    }

    #[test]
    fn the_times_of_a_chain_add_up_until_one_fails() {
        let (pipeline, terms) = (Pipeline::default(), Terms { work: Some(10 * MS), fails: None });
        let all = call(&pipeline, &terms);
        assert_eq!(all[4], Fate::Done { got: 40 * MS, done: 50 * MS });
        let failing = call(&pipeline, &Terms { fails: Some(service("format")), ..terms });
        let failed = Fate::Failed { got: 20 * MS, failed: 30 * MS };
        assert_eq!(failing[1..], [all[1], failed, Fate::NotReached, Fate::NotReached]);
        pipeline.stop(service("compress"));
        assert_eq!(call(&pipeline, &terms)[..3], [all[0], Fate::Stopped, Fate::NotReached]);
        pipeline.start(service("compress"));
        assert_eq!(call(&pipeline, &terms), all);
    }

    #[test]
    fn subscribers_work_at_the_same_time_and_a_failure_is_nobody_elses() {
        let (pipeline, queues, now) = (Pipeline::default(), queues(), Instant::now());
        pipeline.stop(service("notify"));
        let terms = Terms { work: None, fails: Some(service("format")) };
        let fates = finish(&mut publish_to_all(&pipeline, &queues, &terms, now));
        let (got, done) = (Duration::ZERO, |ms| Fate::Done { got: Duration::ZERO, done: ms * MS });
        assert_eq!(
            fates,
            [done(40), done(80), Fate::Failed { got, failed: 60 * MS }, Fate::Stopped, done(50)]
        );
        assert_eq!(["upload", "format", "notify"].map(|name| service(name).waiting(&queues, now)), [0, 1, 1]);
    }

    #[test]
    fn a_service_finds_what_it_has_missed() {
        let (pipeline, queues, now) = (Pipeline::default(), queues(), Instant::now());
        let terms = Terms::default();
        pipeline.stop(service("format"));
        for _ in 0..2 {
            finish(&mut publish_to_all(&pipeline, &queues, &terms, now));
        }
        pipeline.start(service("format"));
        // The next event waits for those before it.
        let fates = finish(&mut publish_to_all(&pipeline, &queues, &terms, now));
        assert_eq!(fates[2], Fate::Done { got: 120 * MS, done: 180 * MS });
        assert_eq!(service("format").waiting(&queues, now), 0);
    }

    #[test]
    fn a_service_behind_its_events_can_be_asked_how_far_it_is() {
        let (pipeline, queues, now) = (Pipeline::default(), queues(), Instant::now());
        let failing = Terms { work: None, fails: Some(service("format")) };
        finish(&mut publish_to_all(&pipeline, &queues, &failing, now));
        let workers = publish_to_all(&pipeline, &queues, &Terms::default(), now);
        let mut format = workers.into_iter().nth(2).flatten().unwrap();
        format.poll(now + 60 * MS);
        assert_eq!((format.fate(), format.worked()), (Fate::Behind, 1));
        assert_eq!(format.due(), Some(now + 120 * MS));
    }

    #[test]
    fn a_service_that_is_lost_at_work_loses_nothing() {
        let (pipeline, queues, now) = (Pipeline::default(), queues(), Instant::now());
        let workers = publish_to_all(&pipeline, &queues, &Terms::default(), now);
        assert_eq!(service("format").waiting(&queues, now), 0);
        drop(workers);
        assert_eq!(service("format").waiting(&queues, now), 1);
        let mut worker = Worker::begin(&queues, service("format"), &Terms::default(), None, now).unwrap();
        while let Some(due) = worker.due() {
            worker.poll(due);
        }
        assert_eq!((worker.worked(), service("format").waiting(&queues, now)), (1, 0));
    }

    #[test]
    fn an_event_may_be_taken_by_somebody_else() {
        let (pipeline, queues, now) = (Pipeline::default(), queues(), Instant::now());
        let mut workers = publish_to_all(&pipeline, &queues, &Terms::default(), now);
        let mut again = publish_to_all(&pipeline, &queues, &Terms::default(), now);
        // The second instance of each service is as quick, so both have had one.
        let done = finish(&mut workers)[0];
        assert_eq!((finish(&mut again)[0], done.end()), (done, 40 * MS));
        let queue = service("upload").queue();
        pipeline.stop(service("upload"));
        publish_to_all(&pipeline, &queues, &Terms::default(), now);
        assert!(queues.delete(&queue, Ack::Memory).is_some());
        let late = Worker::begin(&queues, service("upload"), &Terms::default(), Some(3), now).unwrap();
        assert_eq!((late.due(), late.fate()), (None, Fate::Elsewhere));
    }
}
