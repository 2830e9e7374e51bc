//! What there is, and a command to try each of it with: for a terminal, a browser, a program.

mod page;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::all;
use crate::http::accept::preferred;
use crate::http::condition::{Validators, Verdict, evaluate};
use crate::http::{Method, Request, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::{Refusal, failed_condition};
use crate::lab::router::{ANY, Route};

/// `GET /`
pub fn index(call: &Call<'_>) -> Result<Answer, Refusal> {
    const OFFERS: [&str; 3] = ["text/plain", "text/html", "application/json"];
    let at = typeable_authority(call.request);
    let fields = &call.request.fields;
    let response = match preferred(fields, &OFFERS) {
        "text/html" => Response::new(200).with_content("text/html; charset=utf-8", page::render(at)),
        "application/json" => {
            Response::new(200).with_content("application/json", format!("{:#}\n", to_json(at)))
        }
        _ => Response::text(200, to_text(at)),
    };
    let tag = entity_tag(&response.content);
    let response = match evaluate(fields, true, &Validators { tag: &tag, modified: None }) {
        Verdict::Perform => response,
        Verdict::NotModified => Response::new(304),
        Verdict::Failed(condition) => return Err(failed_condition(condition, &tag)),
    };
    // The host is part of the URI that a cache goes by, so it need not stand in Vary; a 304 repeats what the 200
    // would have said (RFC 9110 §12.5.5, §15.4.5).
    Ok(response.with("ETag", tag).with("Vary", "Accept").into())
}

/// Host and port for commands to be copied into a shell: so nothing in them may mean anything to a shell.
fn typeable_authority<'b>(request: &Request<'b>) -> &'b str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let named = request.authority().filter(|name| !name.is_empty() && name.bytes().all(is_plain));
    named.unwrap_or("localhost:8000")
}

/// A strong validator: it changes whenever a byte of the content does (RFC 9110 §8.8.3).
fn entity_tag(content: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(Sha1::digest(content)))
}

fn to_text(at: &str) -> String {
    let mut text = format!("{TITLE}\n{GREETING}\n");
    for route in all() {
        text += &format!("\n{} {}\n  {}\n", methods(route), route.pattern, route.about);
        text += &format!("  $ {}\n", command(route, at));
    }
    text
}

fn to_json(at: &str) -> Value {
    let routes = all().map(|route| {
        let methods: Vec<&str> = route.methods.iter().copied().map(Method::as_str).collect();
        json!({
            "methods": methods,
            "pattern": route.pattern,
            "about": route.about,
            "example": command(route, at),
        })
    });
    json!({ "routes": routes.collect::<Vec<Value>>() })
}

fn methods(route: &Route) -> String {
    if route.methods == ANY {
        return "ANY".to_owned();
    }
    let names: Vec<&str> = route.methods.iter().copied().map(Method::as_str).collect();
    names.join(" ")
}

/// The route's example, whole.
fn command(route: &Route, at: &str) -> String {
    let (host, port) = split_authority(at);
    route.example.replace("{at}", at).replace("{host}", host).replace("{port}", port)
}

/// Host and port as `nc` takes them: an address without its brackets.
fn split_authority(at: &str) -> (&str, &str) {
    let (host, port) = match at.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (at, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host, if port.is_empty() { "80" } else { port })
}

const TITLE: &str = "wirelab: HTTP/1.1 and WebSocket on raw TCP, by hand";

const GREETING: &str = "What there is, what it shows, and a command to try it with.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_a_host_and_a_port_to_connect_to() {
        for (at, host, port) in [
            ("localhost:8000", "localhost", "8000"),
            ("lab", "lab", "80"),
            ("lab:", "lab", "80"),
            ("[::1]:8000", "::1", "8000"),
            ("[::1]", "::1", "80"),
        ] {
            assert_eq!(split_authority(at), (host, port), "{at}");
        }
    }

    #[test]
    fn every_example_is_a_whole_command() {
        for route in all() {
            let command = command(route, "localhost:8000");
            assert!(!command.contains('{') || command.contains("'{"), "{command}");
            assert!(command.contains("8000"), "{command}");
        }
    }
}
