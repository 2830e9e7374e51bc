//! Into a topic: an event that is published, and the end of all.

use serde_json::json;

use super::{MAX_EVENT_BYTES, named};
use crate::http::Response;
use crate::lab::content::{Content, Limit};
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::receipt::Acknowledged;
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::lab::topics::topic::Published;

/// `POST /topics/{t}`
pub fn publish(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (topic, kind, ack) = (named(call)?.to_owned(), kind(call)?, Ack::read(call)?);
    let (form, representation) = (call.form(), call.representation());
    let limit = Limit { bytes: MAX_EVENT_BYTES as u64, refusal: too_long };
    Content::gather_within(call, limit, move |content, reply| {
        let text = text(content)?;
        let published = reply.lab.topics.publish(&topic, kind.as_deref(), &text, ack)?;
        let response = response(&published, representation);
        Ok(Acknowledged::answer(published.receipt, response, form))
    })
}

/// `DELETE /topics/{t}`
pub fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (topic, ack) = (named(call)?, Ack::read(call)?);
    let Some(receipt) = call.lab.topics.delete(topic, ack)? else {
        let why = format!("there is no topic {topic}");
        return Err(Refusal::new(404, why, "GET /topics for those that there are"));
    };
    Ok(Acknowledged::answer(receipt, Response::new(204), call.form()))
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
            let why = format!("the event types {} have a meaning of their own", RESERVED_KINDS.join(", "));
            Err(Refusal::new(400, why, "X-Event: greeting"))
        }
        Some(kind) => Ok(Some(kind.to_owned())),
        None => {
            let due = format!("1 to {MAX_KIND_BYTES} bytes of UTF-8");
            Err(Refusal::new(400, format!("X-Event has to be {due}"), "X-Event: greeting"))
        }
    }
}

fn too_long(max: u64) -> Refusal {
    let why = format!("the event is longer than {max} bytes, as many as one may have (RFC 9110 §15.5.14)");
    Refusal::new(413, why, "a shorter event, which says where to find the rest")
}

fn text(content: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(content).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let why =
            format!("byte {at} of the content is not UTF-8, and an event stream is (WHATWG HTML §9.2.5)");
        Refusal::new(400, why, "text, or bytes in base64")
    })
}

const MAX_KIND_BYTES: usize = 64;

/// What the lab itself says on a topic; and `open` and `error`, which a page would take for what its EventSource says
/// of the connection.
const RESERVED_KINDS: [&str; 7] = ["join", "leave", "gap", "end", "open", "keepalive", "error"];
