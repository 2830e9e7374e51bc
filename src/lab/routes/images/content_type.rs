//! What an upload is, as far as its client says so.

use crate::http::grammar::list;
use crate::http::media_type::{essence, is_media_type};
use crate::lab::exchange::Call;
use crate::lab::images::file_name::is_short_enough;
use crate::lab::refusal::Refusal;

/// The media type that the image is to be given back with.
///
/// # Errors
/// What is given is none, or the content is something else than the image itself.
pub(in crate::lab::routes) fn content_type(call: &Call<'_>) -> Result<String, Refusal> {
    const UNKNOWN: &str = "application/octet-stream";
    let mut codings = call.request.fields.all("content-encoding").flat_map(list);
    if codings.any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        let why = "the content is encoded, and is kept and given back only as it is (RFC 9110 §8.4)";
        let refusal = Refusal::new(415, why, "no Content-Encoding");
        return Err(refusal.with("Accept-Encoding", "identity"));
    }
    let Some(given) = call.request.fields.first("content-type") else { return Ok(UNKNOWN.to_owned()) };
    let Some(given) = str::from_utf8(given).ok().filter(|given| is_media_type(given.as_bytes())) else {
        let why = format!("Content-Type is {:?}, which is no media type", given.escape_ascii().to_string());
        return Err(Refusal::new(400, format!("{why} (RFC 9110 §8.3.1)"), "Content-Type: image/png"));
    };
    match essence(given).to_ascii_lowercase().as_str() {
        // What curl --data-binary says when nobody has told it otherwise: that nobody has said what it is.
        "application/x-www-form-urlencoded" => Ok(UNKNOWN.to_owned()),
        "multipart/form-data" => {
            let why = "this is a form with files in it, and not the content of one (RFC 7578)";
            Err(Refusal::new(415, why, "curl --data-binary @file, not -F"))
        }
        _ if !is_short_enough(given) => {
            let why = "the Content-Type is longer than this server can keep";
            Err(Refusal::new(400, why, "Content-Type without its parameters"))
        }
        _ => Ok(given.to_owned()),
    }
}
