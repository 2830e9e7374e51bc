//! From a request to the route that answers it.

use super::exchange::{Answer, Call};
use super::path;
use super::refusal::Refusal;
use super::routes;
use crate::http::{Method, Response, Target};

/// One resource, or a family of them.
pub struct Route {
    /// The path; a segment in braces stands for any one segment.
    pub pattern: &'static str,
    /// The methods it answers. HEAD comes with GET, and OPTIONS with all; who names OPTIONS has more to say there.
    pub methods: &'static [Method],
    /// What it shows.
    pub about: &'static str,
    /// A command to try it with; `{at}` is where the server listens.
    pub example: &'static str,
    pub answer: fn(&Call<'_>) -> Result<Answer, Refusal>,
}

/// Every method that content may come with or go with.
pub const ANY: &[Method] = &[Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

/// Finds the route and lets it answer.
pub fn answer(call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.request.method == Method::Unknown {
        return Err(unknown_method());
    }
    let path = match call.request.target {
        Target::Asterisk => return Ok(options(&all_methods())),
        // The way in which a proxy is asked to ask the server for "*" (RFC 9112 §3.2.4).
        Target::Absolute { path, .. } if path.is_absent() && call.request.method == Method::Options => {
            return Ok(options(&all_methods()));
        }
        Target::Origin(path) | Target::Absolute { path, .. } => path,
    };
    // Most requests name their resource literally, and need neither decoding nor memory. A pattern with braces
    // equals no path: they cannot stand in a target.
    if let Some(route) = routes::all().find(|route| route.pattern.as_bytes() == path.bytes()) {
        return route.answer_with_method(call);
    }
    let path = call.request.target.path();
    let segments = path::segments(path)?;
    for route in routes::all() {
        if let Some(captured) = captures(route.pattern, &segments) {
            return route.answer_with_method(&Call { captured: &captured, ..*call });
        }
    }
    Err(Refusal::new(404, format!("nothing is at {path}"), "GET / for the list of what there is"))
}

impl Route {
    fn answer_with_method(&self, call: &Call<'_>) -> Result<Answer, Refusal> {
        match call.request.method {
            Method::Options if !self.allows(Method::Options) => Ok(options(&self.allow())),
            method if self.allows(method) => (self.answer)(call),
            method => Err(Refusal::new(
                405,
                format!("{} has no method {}", self.pattern, method.as_str()),
                format!("one of {}", self.allow()),
            )
            .with("Allow", self.allow())),
        }
    }

    fn allows(&self, method: Method) -> bool {
        let wanted = if method == Method::Head { Method::Get } else { method };
        self.methods.contains(&wanted)
    }

    /// The Allow field (RFC 9110 §10.2.1).
    pub fn allow(&self) -> String {
        allow(self.methods.iter().copied())
    }
}

/// What stood for the braces of a pattern, if the segments fit it.
fn captures(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut captured = Vec::new();
    let mut given = segments.iter();
    for due in pattern[1..].split('/') {
        let segment = given.next()?;
        if due.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            captured.push(segment.clone());
        } else if due != segment {
            return None;
        }
    }
    given.next().is_none().then_some(captured)
}

fn options(allow: &str) -> Answer {
    Answer::Whole(Response::new(204).with("Allow", allow.to_owned()))
}

fn all_methods() -> String {
    allow(ANY.iter().copied())
}

fn allow(methods: impl Iterator<Item = Method>) -> String {
    let mut names = vec![];
    for method in methods {
        names.push(method.as_str());
        if method == Method::Get {
            names.push(Method::Head.as_str());
        }
    }
    if !names.contains(&Method::Options.as_str()) {
        names.push(Method::Options.as_str());
    }
    names.join(", ")
}

fn unknown_method() -> Refusal {
    Refusal::new(
        501,
        "this method is not known here (RFC 9110 §9.1); methods are case-sensitive",
        format!("one of {}", all_methods()),
    )
}
