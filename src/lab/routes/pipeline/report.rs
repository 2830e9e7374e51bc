//! Who got what, and when: a table for people, JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Response;
use crate::lab::pipeline::{Fate, Service, Terms};
use crate::lab::representation::Representation;

/// How the services hear of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Chain,
    PubSub,
}

/// What has come of a run.
pub struct Report {
    pub mode: Mode,
    pub terms: Terms,
    /// Of each service.
    pub fates: Vec<Fate>,
    /// How many events are in the queue of each.
    pub waiting: Vec<usize>,
}

impl Report {
    pub fn response(&self, representation: Representation) -> Response {
        let response = representation.respond(|| self.to_text(), || self.to_json());
        response
            .with_status(self.status())
            .with("Cache-Control", "no-store")
            .with("Access-Control-Allow-Origin", "*")
    }

    /// A chain that breaks is the failure of a gateway (RFC 9110 §15.6.3). What is published was accepted, even if
    /// somebody is still to come to it (§15.3.3).
    fn status(&self) -> u16 {
        let is_done = |fate: &Fate| matches!(fate, Fate::Done { .. } | Fate::Elsewhere);
        match self.mode {
            _ if self.fates.iter().all(is_done) => 200,
            Mode::Chain => 502,
            Mode::PubSub => 202,
        }
    }

    /// What all of the work would take, one behind the other, and side by side.
    fn sum_and_longest(&self) -> (Duration, Duration) {
        let works = || Service::all().map(|service| self.terms.work(service));
        (works().sum(), works().max().unwrap_or_default())
    }

    fn to_text(&self) -> String {
        let mut text = "service         got it        done\n".to_owned();
        for ((service, fate), waiting) in Service::all().zip(&self.fates).zip(&self.waiting) {
            let _ = writeln!(text, "{:<10} {}", service.name(), self.line(service, *fate, *waiting));
        }
        let (took, (sum, longest)) = (millis(last_end(&self.fates)), self.sum_and_longest());
        let _ = match self.mode {
            Mode::Chain => writeln!(
                text,
                "{took} ms: each waits for the one that it calls, so the times add up; at once it would be {} ms",
                millis(longest)
            ),
            Mode::PubSub => writeln!(
                text,
                "{took} ms: all have it at once, so the longest time counts; one after another it would be {} ms",
                millis(sum)
            ),
        };
        text
    }

    fn line(&self, service: Service, fate: Fate, waiting: usize) -> String {
        let queue = service.queue();
        let waits = match self.mode {
            Mode::Chain => String::new(),
            Mode::PubSub => format!("; waiting in /queues/{queue}: {waiting}"),
        };
        match fate {
            Fate::Done { got, done } => format!("{:>8} ms {:>8} ms", millis(got), millis(done)),
            Fate::Failed { got, failed } => {
                format!("{:>8} ms   failed at {} ms{waits}", millis(got), millis(failed))
            }
            Fate::Stopped => format!("    stopped{waits}"),
            Fate::NotReached => "      never".to_owned(),
            Fate::Behind => format!("    not yet{waits}"),
            Fate::Elsewhere => format!("    somebody else took it out of /queues/{queue}"),
        }
    }

    fn to_json(&self) -> Value {
        let services =
            Service::all().zip(&self.fates).zip(&self.waiting).map(|((service, fate), waiting)| {
                let (word, got, end) = match *fate {
                    Fate::Done { got, done } => ("done", Some(got), Some(done)),
                    Fate::Failed { got, failed } => ("failed", Some(got), Some(failed)),
                    Fate::Stopped => ("stopped", None, None),
                    Fate::NotReached => ("not reached", None, None),
                    Fate::Behind => ("not yet", None, None),
                    Fate::Elsewhere => ("elsewhere", None, None),
                };
                let (name, got, end) = (service.name(), got.map(millis), end.map(millis));
                json!({ "service": name, "fate": word, "got_ms": got, "end_ms": end, "waiting": waiting })
            });
        let (sum, longest) = self.sum_and_longest();
        json!({
            "mode": match self.mode { Mode::Chain => "chain", Mode::PubSub => "pubsub" },
            "took_ms": millis(last_end(&self.fates)),
            "sum_ms": millis(sum),
            "longest_ms": millis(longest),
            "services": services.collect::<Vec<Value>>(),
        })
    }
}

/// Until when anybody was at work.
pub fn last_end(fates: &[Fate]) -> Duration {
    fates.iter().map(|fate| fate.end()).max().unwrap_or_default()
}

/// The services, whether they run, and how many events wait for each.
pub fn table(rows: &[(Service, bool, usize)]) -> String {
    let mut table = "service         work   waiting\n".to_owned();
    for (service, runs, waiting) in rows {
        let (name, work) = (service.name(), millis(service.usual_work()));
        let _ =
            writeln!(table, "{name:<10} {work:>6} ms {waiting:>9}{}", if *runs { "" } else { "  stopped" });
    }
    table
}

/// The same as JSON.
pub fn rows_to_json(rows: &[(Service, bool, usize)]) -> Value {
    let services = rows.iter().map(|(service, runs, waiting)| {
        json!({
            "service": service.name(),
            "runs": runs,
            "work_ms": millis(service.usual_work()),
            "waiting": waiting,
            "queue": format!("/queues/{}", service.queue()),
        })
    });
    json!({ "services": services.collect::<Vec<Value>>() })
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
