//! The concatenation extension of tus: uploads that are begun as pieces, to be sent at the same time, and one that is
//! put together of them.
//!
//! ```text
//! Upload-Concat: partial
//! Upload-Concat: final;/uploads/1 /uploads/2
//! ```

use super::join::{Join, Manner, Words};
use crate::http::grammar::trim;
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::{Claim, Turn, Whole};

/// What the field says, if there is one.
pub(super) fn read(call: &Call<'_>) -> Result<Option<Shape>, Refusal> {
    let Some(given) = call.request.fields.first("upload-concat").map(trim) else { return Ok(None) };
    let given = str::from_utf8(given).unwrap_or_default();
    match given.split_once(';') {
        None if given == "partial" => Ok(Some(Shape::Partial)),
        Some(("final", of)) => Ok(Some(Shape::Final(of.into()))),
        _ => Err(malformed(&format!("Upload-Concat is {given:?}"))),
    }
}

/// Puts an upload together of others, in the order in which they are named.
pub(super) fn join(
    call: &Call<'_>,
    of: Box<str>,
    metadata: Option<Box<str>>,
    content_type: String,
) -> Result<Answer, Refusal> {
    if call.request.fields.first("upload-length").is_some() {
        let why = "the length of a final upload is that of its pieces, and not for its client to say";
        return Err(Refusal::new(400, why, "no Upload-Length"));
    }
    let numbers = numbers(&of)?;
    let uploads = &call.lab.uploads;
    let turns: Vec<Turn> = numbers.iter().map(|number| uploads.ask(*number)).collect::<Result<_, _>>()?;
    let whole = Whole { of, content_type, metadata };
    let claim = Claim::Partials { uploads: uploads.clone(), turns, leases: Vec::new(), whole };
    Ok(Join::answer(uploads, claim, Manner::read(call, Words::Tus)?))
}

/// "The Upload-Concat header … MUST be `final` followed by a semicolon and a space-separated list of the partial upload
/// URLs … The URLs MAY be absolute or relative".
fn numbers(of: &str) -> Result<Vec<u64>, Refusal> {
    let mut numbers = Vec::new();
    for url in of.split_ascii_whitespace() {
        let number = number(url).ok_or_else(|| malformed(&format!("{url:?} is no upload of this server")))?;
        if numbers.contains(&number) {
            return Err(malformed(&format!("{url:?} is named twice")));
        }
        numbers.push(number);
    }
    if numbers.is_empty() { Err(malformed("it names no upload")) } else { Ok(numbers) }
}

fn number(url: &str) -> Option<u64> {
    let path = match url.split_once("://") {
        Some((_, behind)) => behind.split_once('/')?.1,
        None => url.strip_prefix('/')?,
    };
    path.strip_prefix("uploads/")?.parse().ok()
}

/// What PATCH is told.
pub(super) fn is_final() -> Refusal {
    let why = "this upload was put together of others, and nothing can be added to it";
    Refusal::new(403, why, "GET what Content-Location names behind HEAD")
}

fn malformed(why: &str) -> Refusal {
    let advice = "Upload-Concat: partial, or Upload-Concat: final;/uploads/1 /uploads/2";
    Refusal::new(400, format!("{why} (tus 1.0.0, Concatenation)"), advice)
}
