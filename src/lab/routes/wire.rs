//! What has passed on a connection, in the layout of `curl --trace`: to be laid beside curl's own.

use crate::http::Response;
use crate::lab::exchange::{Answer, Call};
use crate::lab::params;
use crate::lab::refusal::Refusal;
use crate::trace::{Exchanges, Tape, curl_layout, last_finished};

/// `GET /wire/last`: the exchange that ended last on another connection, else the one before this on the same.
pub fn last(call: &Call<'_>) -> Result<Answer, Refusal> {
    let tape = tape(call)?;
    let own = call.card.number;
    // What the others do is not the same twice.
    let other = if call.lab.settings.golden { None } else { last_finished(tape, own) };
    let text = curl_layout(&tape.connection(other.unwrap_or(own)), Exchanges::LastFinished);
    shown(text, "no exchange has ended yet", "another request first, on a connection of its own")
}

/// `GET /wire/{conn}`
pub fn connection(call: &Call<'_>) -> Result<Answer, Refusal> {
    let asked = params::number("conn", &call.captured[0], 1..=u64::MAX)?;
    let (own, _) = call.card.signature(call.lab.settings.golden);
    let number = if asked == own { call.card.number } else { asked };
    let text = curl_layout(&tape(call)?.connection(number), Exchanges::All);
    let otherwise = format!("nothing is recorded of connection {asked}");
    shown(text, &otherwise, "the number in X-Conn of a recent answer; what is oldest is forgotten first")
}

/// Where the bytes of all connections are, unless nobody is to see those of others.
pub fn tape<'c>(call: &Call<'c>) -> Result<&'c Tape, Refusal> {
    call.lab.tracer.tape().map(|tape| &**tape).ok_or_else(|| {
        Refusal::new(
            404,
            "this server records nothing of what passes, and shows it to nobody",
            "a server whose option --tape is not 0, or what it prints with --trace",
        )
    })
}

fn shown(text: String, otherwise: &str, advice: &str) -> Result<Answer, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new(404, otherwise, advice));
    }
    Ok(Answer::uncached(Response::text(200, text)))
}
