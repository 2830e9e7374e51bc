//! The course's example by HTTP: the same five services as a chain of calls, and as subscribers to an event.

mod report;

use std::mem;
use std::time::{Duration, Instant};

use serde_json::json;

use super::queues::not_posted;
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call, Exchange, Reply};
use crate::lab::pipeline::worker::Worker;
use crate::lab::pipeline::{self, Fate, Service, Terms};
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
    Ok(Answer::exchange(Run { mode, terms, representation, form, course: Course::Waiting }))
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

/// A run, which is answered when nobody works on the event any more.
struct Run {
    mode: Mode,
    terms: Terms,
    representation: Representation,
    form: Form,
    course: Course,
}

enum Course {
    /// The request is not complete.
    Waiting,
    /// A chain, in which everything is as it will be when its time is over.
    Called { fates: Vec<Fate>, due: Instant },
    /// A worker for each service, or none for one that is stopped; whoever is not done in time is not waited for.
    Published { workers: Vec<Option<Worker>>, until: Instant },
}

impl Exchange for Run {
    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        let (pipeline, terms, now) = (&reply.lab.pipeline, &self.terms, reply.now);
        match self.mode {
            Mode::Chain => {
                let fates = pipeline::call(pipeline, terms);
                let due = now + report::last_end(&fates);
                self.course = Course::Called { fates, due };
            }
            Mode::PubSub => match pipeline::publish(pipeline, &reply.lab.queues, terms, now) {
                Ok(workers) => self.course = Course::Published { workers, until: now + LONGEST_WAIT },
                Err((service, reason)) => {
                    reply.refuse(&not_posted(&reason, &service.queue()), self.form);
                }
            },
        }
    }

    fn poll(&mut self, reply: &mut Reply<'_>) {
        let now = reply.now;
        let fates = match &mut self.course {
            Course::Called { fates, due } if *due <= now => mem::take(fates),
            Course::Published { workers, until } => {
                workers.iter_mut().flatten().for_each(|worker| worker.poll(now));
                if now < *until && workers.iter().flatten().any(|worker| worker.due().is_some()) {
                    return;
                }
                // Who is still at work is not waited for, and gives its event back.
                let workers = mem::take(workers).into_iter();
                workers.map(|worker| worker.map_or(Fate::Stopped, |worker| worker.fate())).collect()
            }
            Course::Called { .. } | Course::Waiting => return,
        };
        let waiting = Service::all().map(|service| service.waiting(&reply.lab.queues, now)).collect();
        reply.send(
            Report { mode: self.mode, terms: self.terms, fates, waiting }.response(self.representation),
        );
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.course {
            Course::Waiting => None,
            Course::Called { due, .. } => Some(*due),
            Course::Published { workers, until } => {
                let due = workers.iter().flatten().filter_map(Worker::due).min()?;
                Some(due.min(*until))
            }
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
