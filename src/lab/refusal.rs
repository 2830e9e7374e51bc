//! How the lab says no: a rule of HTTP broken, or a request that the lab cannot serve.
//!
//! A person gets one readable block, a program that prefers JSON gets `application/problem+json` (RFC 9457).

use serde_json::{Value, json};

use crate::http::accept::preferred;
use crate::http::condition::Condition;
use crate::http::response::reason;
use crate::http::{Error, Fields, Response};
use crate::wire::{hexdump, notation};

/// A request that was understood and is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// What is wrong, as a sentence without a full stop.
    pub why: String,
    /// What to type instead.
    pub advice: String,
    /// The field lines that the status asks for, such as Allow for 405 (RFC 9110 §15.5.6).
    pub fields: Vec<(&'static str, String)>,
    /// What programs are told besides: members of the problem, its type among them. With them it is told as a problem
    /// to everybody.
    pub members: Vec<(&'static str, Value)>,
}

impl Refusal {
    pub fn new(status: u16, why: impl Into<String>, advice: impl Into<String>) -> Refusal {
        Refusal { status, why: why.into(), advice: advice.into(), fields: Vec::new(), members: Vec::new() }
    }

    /// Adds a field line that goes with the status.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Refusal {
        self.fields.push((name, value.into()));
        self
    }

    /// Adds a member of the problem (RFC 9457 §3.2).
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Refusal {
        self.members.push((name, value.into()));
        self
    }

    /// The refusal in the form that the client prefers.
    pub fn response(&self, form: Form) -> Response {
        let response = match form {
            Form::Text if self.members.is_empty() => {
                let title = reason(self.status);
                Response::text(
                    self.status,
                    format!("{} {title}: {}\ntry: {}\n", self.status, self.why, self.advice),
                )
            }
            _ => problem(self.status, self.details()),
        };
        // A cache may keep a 404 and some others without being told to (RFC 9110 §15.1), so it has to know that there
        // are two forms.
        let response = response.with("Vary", "Accept");
        self.fields.iter().fold(response, |response, (name, value)| response.with(name, value.clone()))
    }

    fn details(&self) -> Value {
        let mut details = json!({
            "title": reason(self.status),
            "status": self.status,
            "detail": self.why,
            "advice": self.advice,
        });
        self.members.iter().for_each(|(name, value)| details[*name] = value.clone());
        details
    }
}

/// The two forms of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Problem,
}

impl Form {
    /// What these fields prefer. Somebody who asks for JSON wants problems in JSON as well.
    pub fn preferred(fields: &Fields<'_>) -> Form {
        const OFFERS: [&str; 3] = ["text/plain", "application/problem+json", "application/json"];
        if preferred(fields, &OFFERS) == OFFERS[0] { Form::Text } else { Form::Problem }
    }
}

/// The refusal of a request whose precondition does not hold, given the tag of what there is.
pub fn failed_condition(condition: Condition, tag: &str) -> Refusal {
    let (why, advice) = match condition {
        Condition::IfMatch => (
            format!("If-Match does not name {tag}, the representation that there is (RFC 9110 §13.1.1)"),
            "no If-Match, or the tag in ETag",
        ),
        Condition::IfUnmodifiedSince => (
            "it was modified after the date in If-Unmodified-Since (RFC 9110 §13.1.4)".to_owned(),
            "no If-Unmodified-Since, or the date in Last-Modified",
        ),
        Condition::IfNoneMatch => (
            format!("If-None-Match names {tag}, the representation that there is (RFC 9110 §13.1.2)"),
            "no If-None-Match, or another tag",
        ),
    };
    Refusal::new(412, why, advice)
}

/// The answer to a broken rule: the byte, the rule, and the way out.
pub fn broken_rule(error: &Error, form: Form) -> Response {
    let lesson = error.rule.lesson();
    let status = lesson.status;
    match form {
        Form::Text => Response::text(status, explain(error)),
        Form::Problem => problem(
            status,
            json!({
                "title": reason(status),
                "status": status,
                "detail": lesson.claim,
                "rule": lesson.source,
                "advice": lesson.advice,
                "offset": error.offset,
                "byte": error.byte,
            }),
        ),
    }
}

fn explain(error: &Error) -> String {
    let lesson = error.rule.lesson();
    let found = match error.byte {
        Some(byte) => format!("byte {} is {}", error.offset, quoted(byte)),
        None => format!("byte {} has not come", error.offset),
    };
    let excerpt = hexdump::excerpt(error.excerpt_offset(), &error.excerpt, error.offset);
    format!(
        "{} {}: {found}: {} ({})\n{excerpt}try: {}\n",
        lesson.status,
        reason(lesson.status),
        lesson.claim,
        lesson.source,
        lesson.advice,
    )
}

/// A byte as people know it, and as it stands in the dump.
fn quoted(byte: u8) -> String {
    if byte == b' ' {
        return "a space (0x20)".to_owned();
    }
    let mut text = String::new();
    notation::encode(&[byte], &mut text);
    format!("\"{text}\" (0x{byte:02x})")
}

/// Problem details; without a type of their own they are about the status code (RFC 9457 §4.2.1).
fn problem(status: u16, details: Value) -> Response {
    Response::new(status).with_content("application/problem+json", format!("{details}\n"))
}
