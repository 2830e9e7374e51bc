//! Where in the past a reader begins, and what it is told when the past has gone.

use serde_json::{Value, json};

use crate::lab::event_stream;
use crate::lab::exchange::Call;
use crate::lab::params::Params;
use crate::lab::refusal::Refusal;

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what comes from now on.
    Live,
    /// With the oldest event that history has.
    Earliest,
    /// With the newest event, if there is one.
    Latest,
    /// Behind the event with this id.
    After(u64),
}

/// What a reader has missed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// These events, first and last, are not kept any more.
    Missing { from: u64, to: u64 },
    /// The reader knows a later event than there has been: the topic has begun anew.
    Reset { after: u64 },
}

impl Start {
    /// Where the client wants to begin, if it says so: `Last-Event-ID`, which a browser sends by itself when it comes
    /// again and which is therefore newer than what stood in its URL; else `last_event_id=` or `since=`.
    pub fn read(call: &Call<'_>, params: &Params) -> Result<Option<String>, Refusal> {
        match event_stream::last_event_id(call)? {
            Some(given) => Ok(Some(given)),
            None => Ok(params.text("since")?.filter(|given| !given.is_empty())),
        }
    }

    /// A start as it is given for one topic.
    pub fn parse(given: &str) -> Result<Start, Refusal> {
        match given {
            "none" | "live" => Ok(Start::Live),
            "all" | "earliest" => Ok(Start::Earliest),
            "latest" => Ok(Start::Latest),
            id => parse_id(id).map(Start::After).ok_or_else(|| {
                let due = "the id of an event, such as 41, or one of all, latest, none";
                Refusal::new(400, format!("where to begin is {given:?}, and has to be {due}"), "since=41")
            }),
        }
    }

    /// The start of one topic among several: `a:41,b:7` names one for each, a word or a single number holds for all.
    /// An id leaves a topic out that was deleted when it was made: if it has begun anew since, all of it is news.
    pub fn parse_for(given: &str, topic: &str) -> Result<Start, Refusal> {
        if !given.contains(':') {
            return Start::parse(given);
        }
        for part in given.split(',') {
            if let Some((name, start)) = part.split_once(':')
                && name == topic
            {
                return Start::parse(start);
            }
        }
        Ok(Start::Earliest)
    }
}

impl Gap {
    pub fn to_json(self, topic: &str) -> Value {
        match self {
            Gap::Missing { from, to } => json!({ "topic": topic, "from": from, "to": to }),
            Gap::Reset { after } => json!({ "topic": topic, "after": after }),
        }
    }

    /// The id of the event behind which the gap lies: the last that the reader knows.
    pub fn start(self) -> u64 {
        match self {
            Gap::Missing { from, .. } => from - 1,
            Gap::Reset { after } => after,
        }
    }

    /// The id of the last event that is missing, if that is known.
    pub fn end(self) -> Option<u64> {
        match self {
            Gap::Missing { to, .. } => Some(to),
            Gap::Reset { .. } => None,
        }
    }

    /// As a person reads it, and as it stands in a field line.
    pub fn to_text(self) -> String {
        match self {
            Gap::Missing { from, to } if from == to => format!("{from}"),
            Gap::Missing { from, to } => format!("{from}-{to}"),
            Gap::Reset { after } => format!("everything behind {after}: the topic has begun anew"),
        }
    }
}

/// Digits alone: what the standard library takes for a number may have a plus sign.
fn parse_id(given: &str) -> Option<u64> {
    given.bytes().all(|byte| byte.is_ascii_digit()).then(|| given.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_for_several_topics_names_each() {
        assert_eq!(Start::parse_for("a:41,b:7", "b"), Ok(Start::After(7)));
        assert_eq!(Start::parse_for("a:41,b:7", "c"), Ok(Start::Earliest));
        assert_eq!(Start::parse_for("all", "c"), Ok(Start::Earliest));
        assert_eq!(Start::parse_for("0", "c"), Ok(Start::After(0)));
        assert!(Start::parse_for("a:x", "a").is_err());
        for given in ["-1", "+1", "", " 1", "1.0", "18446744073709551616"] {
            assert!(Start::parse_for(given, "a").is_err(), "{given:?}");
        }
    }
}
