//! The server about itself: who is connected, and what it has done so far.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::registry::{Activity, Card};

/// `GET /connections`
pub fn connections(call: &Call<'_>) -> Result<Answer, Refusal> {
    let rows = rows(call);
    let response = call.representation().respond(
        || table(&rows),
        || json!({ "connections": rows.iter().map(Row::to_json).collect::<Vec<Value>>() }),
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

fn numbers(call: &Call<'_>) -> [(&'static str, u64); 10] {
    let (lab, tally) = (call.lab, &call.lab.tally);
    let totals = lab.registry.totals();
    let numbers = [
        ("uptime_s", lab.clock.elapsed(lab.started).as_secs()),
        ("connections", totals.open as u64),
        ("most_connections", totals.most_open as u64),
        ("accepted", totals.accepted),
        ("requests", totals.requests),
        ("reads", tally.reads.load(Relaxed)),
        ("writes", tally.writes.load(Relaxed)),
        ("would_block", tally.would_block.load(Relaxed)),
        ("wakes", tally.wakes.load(Relaxed)),
        ("accept_pauses", tally.accept_pauses.load(Relaxed)),
    ];
    if lab.settings.golden { numbers.map(|(name, _)| (name, 0)) } else { numbers }
}

/// One open connection, as it is shown.
struct Row {
    connection: u64,
    peer: String,
    activity: &'static str,
    requests: u64,
    bytes_in: u64,
    bytes_out: u64,
    age: Duration,
}

/// Under `--golden` there is nobody but the one who asks.
fn rows(call: &Call<'_>) -> Vec<Row> {
    if call.lab.settings.golden {
        return vec![Row { bytes_in: 0, bytes_out: 0, ..row(call.card, call) }];
    }
    call.lab.registry.open().iter().map(|card| row(card, call)).collect()
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
            "age_s": self.age.as_secs(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "  conn  peer                   activity         requests    bytes in   bytes out   age\n".to_owned();
    for row in rows {
        let Row { connection, peer, activity, requests, bytes_in, bytes_out, age } = row;
        let age = age.as_secs();
        let _ = writeln!(
            table,
            "{connection:>6}  {peer:<21}  {activity:<14}  {requests:>9}  {bytes_in:>10}  {bytes_out:>10}  {age:>2} s"
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
