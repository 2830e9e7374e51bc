//! The course's example by HTTP: the same five services as a chain of calls, and as subscribers to an event.

mod report;

use std::mem;
use std::time::{Duration, Instant};

use serde_json::json;

use super::queues::not_posted;
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::journal::{Ack, Receipt};
use crate::lab::pipeline::worker::Worker;
use crate::lab::pipeline::{self, Fate, Published, Service, Terms};
use crate::lab::receipt::not_kept;
use crate::lab::refusal::{Form, Refusal};
use crate::lab::representation::Representation;
use crate::lab::router::Route;
use crate::lab::wait::LONGEST_WAIT;
use report::{Mode, Report};

/// What can be done with the services.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/pipeline",
        methods: &[Method::Get],
        about: "a video through five services: mode=chain, where each calls the next, or mode=pubsub, where all hear of it; fail=format to see one fail",
        example: "curl \"http://{at}/pipeline?mode=pubsub&fail=format\"",
        answer: run,
    },
    Route {
        pattern: "/pipeline/services",
        methods: &[Method::Get],
        about: "which of the services run, and how many events wait for each",
        example: "curl http://{at}/pipeline/services",
        answer: services,
    },
    Route {
        pattern: "/pipeline/services/{service}",
        methods: &[Method::Put, Method::Delete],
        about: "DELETE stops a service: a chain breaks there, what is published waits in its queue; PUT starts it, and it works off what it has missed",
        example: "curl -X DELETE http://{at}/pipeline/services/format; curl -X PUT http://{at}/pipeline/services/format",
        answer: service,
    },
];

/// `GET /pipeline`
pub fn run(call: &Call<'_>) -> Result<Answer, Refusal> {
    let params = call.params()?;
    let mode = match params.choice("mode", &["chain", "pubsub"])? {
        "chain" => Mode::Chain,
        _ => Mode::PubSub,
    };
    let fails = params.text("fail")?.map(|name| {
        let why = format!("fail is {name:?}, and has to be one of {}", names().join(", "));
        Service::from_name(&name).ok_or_else(|| Refusal::new(400, why, "fail=format"))
    });
    let terms = Terms { work: params.duration_if_given("work", LONGEST_WORK)?, fails: fails.transpose()? };
    let (representation, form) = (call.representation(), call.form());
    let (ack, course) = (Ack::read(call)?, Course::Waiting);
    Ok(Answer::exchange(Run { mode, terms, ack, representation, form, course }))
}

/// `GET /pipeline/services`
pub fn services(call: &Call<'_>) -> Result<Answer, Refusal> {
    let rows: Vec<_> = Service::all()
        .map(|service| {
            let waiting = service.waiting(&call.lab.queues, call.now);
            (service, !call.lab.pipeline.is_stopped(service), waiting)
        })
        .collect();
    let response = call.representation().respond(|| report::table(&rows), || report::rows_to_json(&rows));
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

/// `/pipeline/services/{service}`
pub fn service(call: &Call<'_>) -> Result<Answer, Refusal> {
    let service = named(call)?;
    if call.request.method == Method::Delete {
        return Ok(stop(call, service).into());
    }
    let (representation, form) = (call.representation(), call.form());
    Ok(Answer::exchange(Start { service, representation, form, worker: None, server_stops: false }))
}

fn stop(call: &Call<'_>, service: Service) -> Response {
    call.lab.pipeline.stop(service);
    let (name, queue) = (service.name(), service.queue());
    call.representation().respond(
        || format!("{name} is stopped; what is published for it waits in /queues/{queue}\n"),
        || json!({ "service": name, "runs": false }),
    )
}

/// The service that the path names.
fn named(call: &Call<'_>) -> Result<Service, Refusal> {
    let name = &*call.captured[0];
    Service::from_name(name).ok_or_else(|| {
        Refusal::new(404, format!("there is no service {name}"), format!("one of {}", names().join(", ")))
    })
}

fn names() -> Vec<&'static str> {
    Service::all().map(Service::name).collect()
}

/// A run, which is answered when nobody works on the event any more, and it is kept for those who have not.
struct Run {
    mode: Mode,
    terms: Terms,
    ack: Ack,
    representation: Representation,
    form: Form,
    course: Course,
}

enum Course {
    /// The request is not complete.
    Waiting,
    /// A worker for each service, or none for one that is stopped; whoever is not done in time is not waited for.
    Working { published: Published, until: Instant },
    /// It is known what will have become of it then, or has by now.
    Settled { fates: Vec<Fate>, due: Option<Instant>, receipts: Vec<Receipt> },
}

impl Run {
    fn begin(&self, reply: &Reply<'_>) -> Result<Course, Refusal> {
        let (pipeline, terms, now) = (&reply.lab.pipeline, &self.terms, reply.now);
        match self.mode {
            Mode::Chain => {
                let fates = pipeline::call(pipeline, terms);
                let due = Some(now + report::last_end(&fates));
                Ok(Course::Settled { fates, due, receipts: Vec::new() })
            }
            Mode::PubSub => {
                let published = pipeline::publish(pipeline, &reply.lab.queues, terms, self.ack, now);
                let published =
                    published.map_err(|(service, reason)| not_posted(&reason, &service.queue()))?;
                Ok(Course::Working { published, until: now + LONGEST_WAIT })
            }
        }
    }

    fn work(&mut self, now: Instant) {
        let Course::Working { published: Published { workers, receipts }, until } = &mut self.course else {
            return;
        };
        workers.iter_mut().flatten().for_each(|worker| worker.poll(now));
        if now < *until && workers.iter().flatten().any(|worker| worker.due().is_some()) {
            return;
        }
        let fate = |worker: Option<Worker>| worker.map_or(Fate::Stopped, |worker| worker.fate());
        let fates = mem::take(workers).into_iter().map(fate).collect();
        self.course = Course::Settled { fates, due: None, receipts: mem::take(receipts) };
    }
}

impl Exchange for Run {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        match self.begin(reply) {
            Ok(course) => self.course = course,
            Err(refusal) => reply.refuse(&refusal, self.form),
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        self.work(reply.now);
        let Course::Settled { fates, due, receipts } = &mut self.course else { return };
        if due.is_some_and(|due| reply.now < due) {
            return;
        }
        for receipt in receipts {
            match receipt.poll(|| reply.waker()) {
                Some(Ok(())) => {}
                Some(Err(failure)) => return reply.refuse(&not_kept(&failure), self.form),
                None => return,
            }
        }
        let (mode, terms, fates) = (self.mode, self.terms, mem::take(fates));
        let waiting = Service::all().map(|service| service.waiting(&reply.lab.queues, reply.now)).collect();
        reply.send(Report { mode, terms, fates, waiting }.response(self.representation));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.course {
            Course::Waiting => None,
            Course::Working { published, until } => {
                let due = published.workers.iter().flatten().filter_map(Worker::due).min()?;
                Some(due.min(*until))
            }
            Course::Settled { due, .. } => *due,
        }
    }
}

/// A service that works off what it has missed. Whoever does not wait for the end stops it in the middle, and the rest
/// waits on.
struct Start {
    service: Service,
    representation: Representation,
    form: Form,
    /// From when the request is complete.
    worker: Option<Worker>,
    server_stops: bool,
}

impl Exchange for Start {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        match Worker::begin(&reply.lab.queues, self.service, &Terms::default(), None, reply.now) {
            Ok(worker) => {
                self.worker = Some(worker);
                reply.lab.pipeline.start(self.service);
            }
            Err(full) => reply.refuse(&not_posted(&full.into(), &self.service.queue()), self.form),
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let Some(worker) = &mut self.worker else { return };
        worker.poll(reply.now);
        if worker.due().is_some() && !self.server_stops && !reply.peer_has_ended {
            return;
        }
        let (name, worked) = (self.service.name(), worker.worked());
        let events = if worked == 1 { "event" } else { "events" };
        reply.send(self.representation.respond(
            || format!("{name} runs, and has worked off {worked} {events}\n"),
            || json!({ "service": name, "runs": true, "worked_off": worked }),
        ));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.worker.as_ref().and_then(Worker::due)
    }

    fn handle_shutdown(&mut self) {
        self.server_stops = true;
    }
}

/// Five of them are less than any client waits.
const LONGEST_WORK: Duration = Duration::from_secs(10);
