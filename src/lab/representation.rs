//! The two ways in which the lab tells what it knows: lines for people, JSON for programs.

use serde_json::Value;

use crate::http::accept::preferred;
use crate::http::{Fields, Response};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    Text,
    Json,
}

impl Representation {
    /// What these fields prefer.
    pub fn preferred(fields: &Fields<'_>) -> Representation {
        const OFFERS: [&str; 2] = ["text/plain", "application/json"];
        if preferred(fields, &OFFERS) == OFFERS[0] { Representation::Text } else { Representation::Json }
    }

    /// A 200 in this form. It depends on Accept, and caches have to know that (RFC 9110 §12.5.5).
    pub fn respond(self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) -> Response {
        let response = match self {
            Representation::Text => Response::text(200, text()),
            Representation::Json => {
                Response::new(200).with_content("application/json", format!("{:#}\n", json()))
            }
        };
        response.with("Vary", "Accept")
    }
}
