//! The server about itself: who is connected, and what it has done so far.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::http::Method;
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::registry::{Activity, Card};
use crate::lab::router::Route;

/// The pages of the server itself.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/connections",
        methods: &[Method::Get],
        about: "who is connected, what each is doing, and how many bytes wait for it to read",
        example: "curl http://{at}/connections",
        answer: connections,
    },
    Route {
        pattern: "/stats",
        methods: &[Method::Get],
        about: "what the server has done so far: connections, requests, wakes, system calls, errands, the longest lag",
        example: "curl http://{at}/stats",
        answer: stats,
    },
];

/// `GET /connections`
pub fn connections(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (rows, threads) = (rows(call), Threads::now(call));
    let response = call.representation().respond(
        || format!("{}{}", table(&rows), threads.to_text()),
        || {
            json!({
                "connections": rows.iter().map(Row::to_json).collect::<Vec<Value>>(),
                "threads": threads.all,
                "second_threads": threads.second,
            })
        },
    );
    Ok(Answer::uncached(response))
}

/// `GET /stats`
pub fn stats(call: &Call<'_>) -> Result<Answer, Refusal> {
    let numbers = numbers(call);
    let waits_by = call.lab.settings.shown_waits_by();
    let response = call.representation().respond(
        || {
            let lines = numbers.iter().map(|(name, number)| format!("{name}: {number}\n"));
            format!("waits_by: {waits_by}\n{}", lines.collect::<String>())
        },
        || {
            let mut object = Map::new();
            object.insert("waits_by".to_owned(), waits_by.into());
            object.extend(numbers.iter().map(|(name, number)| ((*name).to_owned(), number.clone())));
            Value::Object(object)
        },
    );
    Ok(Answer::uncached(response))
}

fn numbers(call: &Call<'_>) -> Vec<(&'static str, Value)> {
    let (lab, tally) = (call.lab, &call.lab.tally);
    let (totals, journal) = (lab.registry.totals(), lab.journal.tally());
    let (jobs, queues) = (lab.jobs.counts(call.now), lab.queues.totals(call.now));
    let count = |counter: &AtomicU64| Value::from(counter.load(Relaxed));
    let numbers = vec![
        ("uptime_s", lab.clock.elapsed(lab.started).as_secs().into()),
        ("connections", totals.open.into()),
        ("most_connections", totals.most_open.into()),
        ("accepted", totals.accepted.into()),
        ("requests", totals.requests.into()),
        ("reads", count(&tally.reads)),
        ("writes", count(&tally.writes)),
        ("would_block", count(&tally.would_block)),
        ("wakes", count(&tally.wakes)),
        ("sockets_per_wake", quotient(&tally.sockets, &tally.wakes)),
        ("woken", count(&tally.woken)),
        ("rings", count(&tally.rings)),
        ("loop_lag_max_ms", count(&tally.longest_lag_ms)),
        ("threads", count(&tally.threads)),
        ("second_threads", count(&tally.second_threads)),
        ("accept_pauses", count(&tally.accept_pauses)),
        ("calls_epoll_wait", count(&tally.calls.epoll_wait)),
        ("calls_accept", count(&tally.calls.accept)),
        ("calls_read", count(&tally.calls.read)),
        ("calls_write", count(&tally.calls.write)),
        ("calls_io_uring_enter", count(&tally.calls.io_uring_enter)),
        ("uring_submissions", count(&tally.calls.submissions)),
        ("uring_completions", count(&tally.calls.completions)),
        ("errands_running", count(&tally.errands_running)),
        ("errands_waiting", count(&tally.errands_waiting)),
        ("errands_done", count(&tally.errands_done)),
        ("journal_commits", journal.commits.into()),
        ("journal_syncs", journal.syncs.into()),
        ("journal_waiting", journal.waiting.into()),
        ("longpoll_waiters", lab.waiters.count().into()),
        ("jobs_queued", jobs.queued.into()),
        ("jobs_running", jobs.running.into()),
        ("jobs_ended", jobs.ended.into()),
        ("queues", queues.queues.into()),
        ("messages_ready", queues.ready.into()),
        ("messages_leased", queues.leased.into()),
        ("consumers", queues.consumers.into()),
    ];
    let shown = |number| if lab.settings.golden { 0.into() } else { number };
    numbers.into_iter().map(|(name, number)| (name, shown(number))).collect()
}

/// How many of the one there are for each of the other, to two decimals.
fn quotient(of: &AtomicU64, each: &AtomicU64) -> Value {
    let quotient = of.load(Relaxed) as f64 / each.load(Relaxed).max(1) as f64;
    ((quotient * 100.0).round() / 100.0).into()
}

/// One open connection, as it is shown.
struct Row {
    connection: u64,
    peer: String,
    activity: &'static str,
    requests: u64,
    bytes_in: u64,
    bytes_out: u64,
    queued: u64,
    age: Duration,
}

/// The threads that serve connections.
struct Threads {
    all: u64,
    /// Those that are the second one of their connection, which is written to when others have news for it.
    second: u64,
}

impl Threads {
    fn now(call: &Call<'_>) -> Threads {
        let (tally, golden) = (&call.lab.tally, call.lab.settings.golden);
        let [all, second] = [&tally.threads, &tally.second_threads].map(|gauge| gauge.load(Relaxed));
        if golden { Threads { all: 1, second: 0 } } else { Threads { all, second } }
    }

    fn to_text(&self) -> String {
        let Threads { all, second } = self;
        match (all, second) {
            (1, _) => "1 thread serves them all\n".to_owned(),
            (all, 0) => format!("{all} threads serve them\n"),
            (all, second) => {
                format!("{all} threads serve them, {second} of these as the second of a connection\n")
            }
        }
    }
}

/// Under `--golden` there is nobody but the one who asks.
fn rows(call: &Call<'_>) -> Vec<Row> {
    if call.lab.settings.golden {
        return vec![Row { bytes_in: 0, bytes_out: 0, queued: 0, ..row(call.card, call) }];
    }
    let mut listening = BTreeMap::new();
    call.lab.topics.backlogs(|connection, bytes| *listening.entry(connection).or_insert(0) += bytes);
    let of_topics = |card: &Card| listening.get(&card.number).copied().unwrap_or_default();
    let with_topics = |row: Row, bytes: u64| Row { queued: row.queued + bytes, ..row };
    call.lab.registry.open().iter().map(|card| with_topics(row(card, call), of_topics(card))).collect()
}

fn row(card: &Card, call: &Call<'_>) -> Row {
    let golden = call.lab.settings.golden;
    let (connection, requests) = card.signature(golden);
    let is_own = card.number == call.card.number;
    Row {
        connection,
        peer: call.lab.registry.shown_peer(card, golden).to_string(),
        activity: if is_own { "answering this" } else { named(card.activity()) },
        requests,
        bytes_in: card.bytes_in.load(Relaxed),
        bytes_out: card.bytes_out.load(Relaxed),
        queued: call.lab.registry.queued(card, call.now),
        age: call.lab.clock.elapsed(call.lab.epoch.instant(card.opened)),
    }
}

impl Row {
    fn to_json(&self) -> Value {
        json!({
            "connection": self.connection,
            "peer": self.peer,
            "activity": self.activity,
            "requests": self.requests,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "bytes_queued": self.queued,
            "age_s": self.age.as_secs(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "  conn  peer                   activity         requests    bytes in   bytes out      queued   age\n"
            .to_owned();
    for row in rows {
        let Row { connection, peer, activity, requests, bytes_in, bytes_out, queued, age } = row;
        let (counts, age) = (format!("{bytes_in:>10}  {bytes_out:>10}  {queued:>10}"), age.as_secs());
        let _ = writeln!(
            table,
            "{connection:>6}  {peer:<21}  {activity:<14}  {requests:>9}  {counts}  {age:>2} s"
        );
    }
    table
}

fn named(activity: Activity) -> &'static str {
    match activity {
        Activity::Idle => "idle",
        Activity::Receiving => "receiving",
        Activity::Answering => "answering",
        Activity::Draining => "draining",
        Activity::WebSocket => "websocket",
    }
}
