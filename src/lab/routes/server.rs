//! The server about itself: who is connected, and what it has done so far.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
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
        about: "what the server has done so far: connections, requests, reads, writes, wakes",
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
            object.extend(numbers.iter().map(|(name, number)| ((*name).to_owned(), (*number).into())));
            Value::Object(object)
        },
    );
    Ok(Answer::uncached(response))
}

fn numbers(call: &Call<'_>) -> Vec<(&'static str, u64)> {
    let (lab, tally) = (call.lab, &call.lab.tally);
    let (totals, journal) = (lab.registry.totals(), lab.journal.tally());
    let (jobs, queues) = (lab.jobs.counts(call.now), lab.queues.totals(call.now));
    let mut numbers = vec![
        ("uptime_s", lab.clock.elapsed(lab.started).as_secs()),
        ("connections", totals.open as u64),
        ("most_connections", totals.most_open as u64),
        ("accepted", totals.accepted),
        ("requests", totals.requests),
        ("reads", tally.reads.load(Relaxed)),
        ("writes", tally.writes.load(Relaxed)),
        ("would_block", tally.would_block.load(Relaxed)),
        ("wakes", tally.wakes.load(Relaxed)),
        ("woken", tally.woken.load(Relaxed)),
        ("rings", tally.rings.load(Relaxed)),
        ("threads", tally.threads.load(Relaxed)),
        ("second_threads", tally.second_threads.load(Relaxed)),
        ("accept_pauses", tally.accept_pauses.load(Relaxed)),
        ("journal_commits", journal.commits),
        ("journal_syncs", journal.syncs),
        ("journal_waiting", journal.waiting),
        ("longpoll_waiters", lab.waiters.count()),
        ("jobs_queued", jobs.queued as u64),
        ("jobs_running", jobs.running as u64),
        ("jobs_ended", jobs.ended as u64),
        ("queues", queues.queues as u64),
        ("messages_ready", queues.ready as u64),
        ("messages_leased", queues.leased as u64),
        ("consumers", queues.consumers as u64),
    ];
    if lab.settings.golden {
        numbers.iter_mut().for_each(|(_, number)| *number = 0);
    }
    numbers
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
        peer: card.shown_peer(golden).to_string(),
        activity: if is_own { "answering this" } else { named(card.activity()) },
        requests,
        bytes_in: card.bytes_in.load(Relaxed),
        bytes_out: card.bytes_out.load(Relaxed),
        queued: call.lab.registry.queued(card, call.now),
        age: call.lab.clock.elapsed(card.opened),
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
