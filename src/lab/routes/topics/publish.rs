//! Into a topic: an event that is published, and the end of all.

use serde_json::json;

use super::{MAX_EVENT_BYTES, named};
use crate::http::Response;
use crate::lab::content::Content;
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::receipt::{Acknowledged, not_kept};
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::lab::topics::topic::Published;

/// `POST /topics/{t}`
pub fn publish(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (topic, kind, ack) = (named(call)?.to_owned(), kind(call)?, Ack::read(call)?);
    let (form, representation) = (call.form(), call.representation());
    Content::gather(call, move |content, reply| {
        let text = check(content)?;
        let published = reply.lab.topics.publish(&topic, kind.as_deref(), &text, ack)?;
        let published = published.map_err(|failure| not_kept(&failure))?;
        let response = response(&published, representation);
        Ok(Acknowledged::answer(published.receipt, response, form))
    })
}

/// `DELETE /topics/{t}`
pub fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (topic, ack) = (named(call)?, Ack::read(call)?);
    match call.lab.topics.delete(topic, ack) {
        Some(Ok(receipt)) => Ok(Acknowledged::answer(receipt, Response::new(204), call.form())),
        Some(Err(failure)) => Err(not_kept(&failure)),
        None => Err(Refusal::new(
            404,
            format!("there is no topic {topic}"),
            "GET /topics for those that there are",
        )),
    }
}

/// As nchan answers: 201 when somebody was listening, 202 when nobody was.
fn response(published: &Published, representation: Representation) -> Response {
    let Published { id, subscribers, queued, .. } = *published;
    let response = representation.respond(
        || format!("id {id}, subscribers {subscribers}, queued {queued}\n"),
        || json!({ "id": id, "subscribers": subscribers, "queued": queued }),
    );
    response.with_status(if subscribers > 0 { 201 } else { 202 })
}

/// The type of the event, by which a page chooses who hears of it.
fn kind(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let Some(given) = call.request.fields.first("X-Event") else { return Ok(None) };
    let kind = str::from_utf8(given).ok().filter(|kind| (1..=MAX_KIND_BYTES).contains(&kind.len()));
    match kind {
        Some(kind) if RESERVED_KINDS.contains(&kind) => {
            let why = format!("the event type {kind} is what the lab itself says on a topic");
            Err(Refusal::new(400, why, "another X-Event"))
        }
        Some(kind) => Ok(Some(kind.to_owned())),
        None => {
            let due = format!("1 to {MAX_KIND_BYTES} bytes of UTF-8");
            Err(Refusal::new(400, format!("X-Event has to be {due}"), "X-Event: greeting"))
        }
    }
}

fn check(content: Vec<u8>) -> Result<String, Refusal> {
    if content.len() > MAX_EVENT_BYTES {
        let why = format!("the event has {} bytes, and may have {MAX_EVENT_BYTES}", content.len());
        return Err(Refusal::new(413, why, "a shorter event, which says where to find the rest"));
    }
    String::from_utf8(content).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let why =
            format!("byte {at} of the content is not UTF-8, and an event stream is (WHATWG HTML §9.2.5)");
        Refusal::new(400, why, "text, or bytes in base64")
    })
}

const MAX_KIND_BYTES: usize = 64;

const RESERVED_KINDS: [&str; 4] = ["join", "leave", "gap", "end"];
