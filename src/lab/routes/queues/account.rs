//! How queues stand.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::queue_name;
use super::settling::no_queue;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::queues::Account;
use crate::lab::receipt::{Acknowledged, not_kept};
use crate::lab::refusal::Refusal;

/// `GET /queues`
pub fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let accounts = call.lab.queues.accounts(call.now);
    let response = call.representation().respond(
        || table(&accounts),
        || json!({ "queues": accounts.iter().map(to_json).collect::<Vec<Value>>() }),
    );
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

/// `GET /queues/{q}`
pub fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let queue = queue_name(call)?;
    let account = call.lab.queues.account(call.now, &queue).ok_or_else(|| no_queue(&queue))?;
    let response = call.representation().respond(|| to_text(&account), || to_json(&account));
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

/// `DELETE /queues/{q}`
pub fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (queue, ack) = (queue_name(call)?, Ack::read(call)?);
    let deleted = call.lab.queues.delete(&queue, ack).ok_or_else(|| no_queue(&queue))?;
    let receipt = deleted.map_err(|failure| not_kept(&failure))?;
    Ok(Acknowledged::answer(receipt, Response::new(204), call.form()))
}

/// What is counted: first what is there now, then what has happened since the server started.
fn numbers(account: &Account) -> [(&'static str, u64); 8] {
    let counts = account.counts;
    [
        ("ready", account.ready as u64),
        ("leased", account.leased as u64),
        ("consumers", account.consumers as u64),
        ("posted", counts.posted),
        ("delivered", counts.delivered),
        ("redelivered", counts.redelivered),
        ("acked", counts.acked),
        ("dead", counts.dead),
    ]
}

fn to_text(account: &Account) -> String {
    let mut text = String::new();
    for (name, number) in numbers(account) {
        let _ = writeln!(text, "{name}: {number}");
    }
    for (tag, consumer) in &account.held {
        let consumer = consumer.as_deref().unwrap_or("somebody");
        let _ = writeln!(text, "{tag} is with {consumer}");
    }
    text
}

fn to_json(account: &Account) -> Value {
    let held = account
        .held
        .iter()
        .map(|(tag, consumer)| json!({ "tag": tag.to_string(), "consumer": consumer.as_deref() }));
    let mut object = Map::new();
    object.insert("queue".to_owned(), (*account.queue).into());
    object.extend(numbers(account).map(|(name, number)| (name.to_owned(), number.into())));
    object.insert("deliveries".to_owned(), held.collect());
    object.into()
}

fn table(accounts: &[Account]) -> String {
    if accounts.is_empty() {
        return "there is no queue\n".to_owned();
    }
    let mut table = "   ready   leased     dead consumers  queue\n".to_owned();
    for Account { queue, ready, leased, consumers, counts, .. } in accounts {
        let dead = counts.dead;
        let _ = writeln!(table, "{ready:>8} {leased:>8} {dead:>8} {consumers:>9}  {queue}");
    }
    table
}
