//! What became of a delivery: done with, or not.

use super::queue_name;
use crate::http::Response;
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::queues::{LONGEST_LEASE, Lapse, NoTag, Tag, Unsettled};
use crate::lab::receipt::{Acknowledged, not_kept};
use crate::lab::refusal::Refusal;

/// `POST /queues/{q}/ack/{tag}`
pub fn ack(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (queue, given, ack) = (queue_name(call)?, &call.captured[1], Ack::read(call)?);
    let receipt = tag(given).and_then(|tag| call.lab.queues.ack(call.now, &queue, tag, ack));
    let receipt = receipt.map_err(|reason| refusal(&reason, given, &queue))?;
    Ok(Acknowledged::answer(receipt, Response::new(204), call.form()))
}

/// `POST /queues/{q}/nack/{tag}`
pub fn nack(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (queue, given) = (queue_name(call)?, &call.captured[1]);
    let settled = tag(given).and_then(|tag| call.lab.queues.nack(call.now, &queue, tag));
    settled.map_err(|reason| refusal(&reason, given, &queue))?;
    Ok(Response::new(204).into())
}

/// What is no tag was never given to anybody.
pub(super) fn tag(given: &str) -> Result<Tag, Unsettled> {
    given.parse().map_err(|NoTag| Unsettled::Lapsed(Lapse::Unknown))
}

pub(super) fn refusal(reason: &Unsettled, tag: &str, queue: &str) -> Refusal {
    match reason {
        Unsettled::NoQueue => no_queue(queue),
        Unsettled::Lapsed(Lapse::Unknown) => Refusal::new(
            404,
            format!("{queue} has made no delivery {tag}"),
            format!("the X-Delivery-Tag in an answer to GET /queues/{queue}/next"),
        ),
        Unsettled::Lapsed(Lapse::Acked) => Refusal::new(
            409,
            format!("delivery {tag} of {queue} was acked before"),
            "nothing: once is enough",
        ),
        Unsettled::Lapsed(Lapse::Over) => Refusal::new(
            410,
            format!("delivery {tag} of {queue} is over: its time has ended, or it was given back"),
            format!(
                "an ack while the lease lasts; lease= makes it longer, up to {} hours",
                LONGEST_LEASE.as_secs() / 3600
            ),
        ),
        Unsettled::NotKept(failure) => not_kept(failure),
    }
}

/// It may be there in a moment, and then no cache is to say that it is not (RFC 9110 §15.1).
pub(super) fn no_queue(queue: &str) -> Refusal {
    Refusal::new(404, format!("there is no queue {queue}"), format!("POST /queues/{queue}, which makes it"))
        .with("Cache-Control", "no-store")
}
