//! Who listens to what.

use std::fmt::Write;

use serde_json::{Value, json};

use super::named;
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;

/// `GET /topics`
pub fn topics(call: &Call<'_>) -> Result<Answer, Refusal> {
    let topics = &call.lab.topics;
    let found = topics.names().into_iter().filter_map(|name| Some((topics.find(&name)?.summary(), name)));
    let rows: Vec<_> = found.collect();
    let response = call.representation().respond(
        || {
            let mut text = String::new();
            for (summary, name) in &rows {
                let (id, queued, subscribers) = (summary.last_id, summary.queued, summary.subscribers);
                let _ = writeln!(text, "{name}: id {id}, subscribers {subscribers}, queued {queued}");
            }
            if text.is_empty() {
                "nobody has published or listens; POST to /topics/news\n".to_owned()
            } else {
                text
            }
        },
        || {
            let topics: Vec<Value> = rows
                .iter()
                .map(|(summary, name)| {
                    json!({
                        "topic": **name,
                        "id": summary.last_id,
                        "subscribers": summary.subscribers,
                        "queued": summary.queued,
                    })
                })
                .collect();
            json!({ "topics": topics })
        },
    );
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

/// `GET /topics/{t}/presence`
pub fn presence(call: &Call<'_>) -> Result<Answer, Refusal> {
    let topic = named(call)?;
    let (names, others) = call.lab.topics.find(topic).map(|topic| topic.presence()).unwrap_or_default();
    let response = call.representation().respond(
        || {
            let mut text: String = names.iter().map(|name| format!("{name}\n")).collect();
            match others {
                0 if names.is_empty() => text = format!("nobody listens to {topic}\n"),
                0 => {}
                1 => text += "and one who has not said a name\n",
                others => text += &format!("and {others} who have not said a name\n"),
            }
            text
        },
        || json!({ "topic": topic, "names": names, "others": others }),
    );
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}
