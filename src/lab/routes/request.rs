//! What the request says about who asks: its field lines, its agent, its connection.

use core::net::SocketAddr;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;

/// `GET /headers`
pub fn headers(call: &Call<'_>) -> Result<Answer, Refusal> {
    let lines = || {
        let fields = call.request.fields.iter();
        fields.map(|(name, value)| (name, String::from_utf8_lossy(value)))
    };
    let response = call.representation().respond(
        || lines().map(|(name, value)| format!("{name}: {value}\n")).collect(),
        || {
            let fields = lines().map(|(name, value)| json!({ "name": name, "value": value }));
            json!({ "fields": fields.collect::<Vec<Value>>() })
        },
    );
    Ok(Answer::uncached(response))
}

/// `GET /user-agent`
pub fn user_agent(call: &Call<'_>) -> Result<Answer, Refusal> {
    let agent = call.request.fields.first("user-agent").map(String::from_utf8_lossy);
    let response = call.representation().respond(
        || format!("{}\n", agent.as_deref().unwrap_or("(the request has no User-Agent)")),
        || json!({ "user-agent": agent }),
    );
    Ok(Answer::uncached(response))
}

/// `GET /whoami`
pub fn whoami(call: &Call<'_>) -> Result<Answer, Refusal> {
    let settings = &call.lab.settings;
    let host = call.request.authority().unwrap_or_default();
    let peer = call.lab.registry.shown_peer(call.card, settings.golden);
    let (connection, request) = call.card.signature(settings.golden);
    let waits_by = settings.shown_waits_by();
    let response = call.representation().respond(
        || {
            let mut text = String::new();
            let _ = writeln!(text, "you asked for:  {}", if host.is_empty() { "(no host)" } else { host });
            let _ = writeln!(text, "you are:        {peer}, {}", family(peer));
            let _ = writeln!(text, "connection:     {connection}");
            let _ = writeln!(text, "request on it:  {request}");
            let _ = writeln!(text, "server:         wirelab, waits by {waits_by}");
            text
        },
        || {
            json!({
                "host": host,
                "peer": peer.to_string(),
                "family": family(peer),
                "connection": connection,
                "request": request,
                "waits_by": waits_by,
            })
        },
    );
    Ok(Answer::uncached(response))
}

/// An IPv4 peer of a socket that listens on `::` shows up as an IPv6 address (RFC 4291 §2.5.5.2).
fn family(peer: SocketAddr) -> &'static str {
    match peer {
        SocketAddr::V4(_) => "IPv4",
        SocketAddr::V6(address) if address.ip().to_ipv4_mapped().is_some() => "IPv4 mapped into IPv6",
        SocketAddr::V6(_) => "IPv6",
    }
}
