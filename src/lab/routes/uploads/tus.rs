//! The tus resumable upload protocol, 1.0.0 (<https://tus.io/protocols/resumable-upload>): the same uploads, spoken of in
//! another dialect. Its length decides when an upload is complete, and its offset is digits and nothing else.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::terms::{Dialect, Terms};
use crate::http::grammar::trim;
use crate::http::media_type::is_media_type;
use crate::http::{Method, Response};
use crate::lab::exchange::Call;
use crate::lab::images::file_name::is_short_enough;
use crate::lab::images::id::ImageId;
use crate::lab::refusal::Refusal;
use crate::lab::settings::UploadSettings;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::{Found, path};

/// What a request speaks.
///
/// # Errors
/// Another version of tus, with those that there are.
pub(super) fn is_spoken(call: &Call<'_>) -> Result<bool, Refusal> {
    match call.request.fields.first(VERSION_FIELD) {
        None => Ok(false),
        Some(given) if trim(given) == VERSION.as_bytes() => Ok(true),
        Some(given) => {
            let why = format!(
                "{VERSION_FIELD} is {:?}, and this is tus {VERSION}",
                given.escape_ascii().to_string()
            );
            let refusal = Refusal::new(412, why, format!("{VERSION_FIELD}: {VERSION}"));
            Err(refused(refusal).with("Tus-Version", VERSION))
        }
    }
}

/// The method that a request stands for: some clients, and what lies between, know no PATCH and no DELETE.
///
/// "The X-HTTP-Method-Override request header MUST be a string which MUST be interpreted as the request's method by the
/// Server, if the header is presented. The actual method of the request MUST be ignored." Of those whose actual method
/// is POST only: a GET that deletes would be a gift to strangers' pages.
pub(super) fn method(call: &Call<'_>) -> Method {
    match (call.request.method, call.request.fields.first("x-http-method-override").map(trim)) {
        (Method::Post, Some(given)) => Method::from_token(given),
        (method, _) => method,
    }
}

/// Checks that a new upload says how long it will be, or that it will say so later.
pub(super) fn check_length(call: &Call<'_>, terms: &Terms) -> Result<(), Refusal> {
    let deferred = call.request.fields.first("upload-defer-length").map(trim);
    let (why, advice) = match (terms.length, deferred) {
        (Some(_), None) | (None, Some(b"1")) => return Ok(()),
        (Some(_), Some(_)) => ("Upload-Length is there, and Upload-Defer-Length too", "one of them"),
        (None, Some(_)) => ("Upload-Defer-Length is not 1", "Upload-Defer-Length: 1"),
        (None, None) => (
            "Upload-Length does not say how long the upload will be",
            "Upload-Length: 6, or Upload-Defer-Length: 1",
        ),
    };
    Err(Refusal::new(400, why, advice))
}

/// What the fields of a request with content say.
pub(super) fn terms(call: &Call<'_>) -> Result<Terms, Refusal> {
    Ok(Terms {
        dialect: Dialect::Tus { checksum: checksum(call)? },
        offset: digits(call, "Upload-Offset")?,
        is_last: false,
        length: digits(call, "Upload-Length")?,
        hears_interim: false,
        ..Terms::of_any(call)?
    })
}

/// Those of a request that adds nothing.
pub(super) fn terms_of_nothing(call: &Call<'_>) -> Result<Terms, Refusal> {
    let dialect = Dialect::Tus { checksum: None };
    Ok(Terms { dialect, offset: None, length: None, hears_interim: false, ..Terms::of_any(call)? })
}

/// The metadata as it came, and the media type in it.
///
/// ```text
/// Upload-Metadata: filename Y2F0LnBuZw==,filetype aW1hZ2UvcG5n,is_confidential
/// ```
pub(super) fn metadata(call: &Call<'_>) -> Result<(Option<Box<str>>, String), Refusal> {
    // tuspy sends the field without a value when there is nothing to tell.
    let given = call.request.fields.text("upload-metadata").filter(|given| !given.is_empty());
    let Some(given) = given else { return Ok((None, UNKNOWN.to_owned())) };
    let mut content_type = None;
    for pair in given.split(',') {
        let (key, value) = pair.trim_matches(' ').split_once(' ').unwrap_or((pair.trim_matches(' '), ""));
        let value = STANDARD.decode(value).ok().filter(|_| !key.is_empty()).ok_or_else(|| malformed(pair))?;
        if key == "filetype" {
            content_type = String::from_utf8(value).ok();
        }
    }
    // A type that is none is not the upload's fault: clients send what a browser guesses.
    let is_known = |given: &String| is_media_type(given.as_bytes()) && is_short_enough(given);
    Ok((Some(given.into()), content_type.filter(is_known).unwrap_or_else(|| UNKNOWN.to_owned())))
}

/// Everything that is spoken here.
pub(super) fn abilities(response: Response, settings: &UploadSettings) -> Response {
    spoken(response)
        .with("Tus-Version", VERSION)
        .with("Tus-Extension", EXTENSIONS)
        .with("Tus-Max-Size", settings.max_bytes.to_string())
        .with("Tus-Checksum-Algorithm", "sha1")
}

/// A response in this dialect.
pub(super) fn spoken(response: Response) -> Response {
    response.with(VERSION_FIELD, VERSION)
}

/// A refusal in this dialect.
pub(super) fn refused(refusal: Refusal) -> Refusal {
    refusal.with(VERSION_FIELD, VERSION)
}

/// The bytes of a request are there. A client that has begun the upload is told where it is.
pub(super) fn appended(
    begun: Option<u64>,
    offset: u64,
    image: Option<&ImageId>,
    expires_millis: u64,
) -> Response {
    let response = match begun {
        Some(number) => Response::new(201).with("Location", path(number)),
        None => Response::new(204),
    };
    let response = spoken(response).with("Upload-Offset", offset.to_string());
    match image {
        Some(image) => response.with("Content-Location", image.path()),
        None => response.with("Upload-Expires", date(expires_millis)),
    }
}

/// How far an upload has come.
pub(super) fn state(found: &Found, expires_millis: u64) -> Response {
    let response = spoken(Response::new(204));
    let (offset, length, shape) = match found {
        Found::Open(lease) => (lease.offset(), lease.facts.length, &lease.facts.shape),
        Found::Complete { length, shape, .. } => (*length, Some(*length), shape),
        // There is nothing of tus to say of it.
        Found::InParts => return response.with("Cache-Control", "no-store"),
    };
    let response = response.with("Upload-Offset", offset.to_string());
    let response = match length {
        Some(length) => response.with("Upload-Length", length.to_string()),
        None => response.with("Upload-Defer-Length", "1"),
    };
    let response = match shape {
        Shape::Partial => response.with("Upload-Concat", "partial"),
        Shape::Final(of) => response.with("Upload-Concat", format!("final;{of}")),
        Shape::Whole | Shape::Parts(_) => response,
    };
    let response = match found {
        Found::InParts => response,
        Found::Complete { image, .. } => response.with("Content-Location", image.path()),
        Found::Open(lease) => {
            let metadata = lease.facts.metadata.iter();
            let response = response.with("Upload-Expires", date(expires_millis));
            metadata.fold(response, |response, given| response.with("Upload-Metadata", given.to_string()))
        }
    };
    response.with("Cache-Control", "no-store")
}

/// The content is not what its client has sent.
pub(super) fn mismatch() -> Refusal {
    Refusal::new(
        460,
        "the SHA-1 of the content is not the one in Upload-Checksum",
        "the same content once more",
    )
}

fn date(millis: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(millis))
}

fn digits(call: &Call<'_>, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(given) = call.request.fields.first(name).map(trim) else { return Ok(None) };
    let is_number = (1..=MAX_DIGITS).contains(&given.len()) && given.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(given).ok().filter(|_| is_number).and_then(|given| given.parse().ok());
    number.map(Some).ok_or_else(|| {
        let why = format!("{name} is {:?}, and has to be a number", given.escape_ascii().to_string());
        Refusal::new(400, why, "digits alone")
    })
}

/// ```text
/// Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=
/// ```
fn checksum(call: &Call<'_>) -> Result<Option<[u8; 20]>, Refusal> {
    let Some(given) = call.request.fields.text("upload-checksum") else { return Ok(None) };
    let sum = given.strip_prefix("sha1 ").and_then(|sum| STANDARD.decode(sum).ok());
    sum.and_then(|sum| sum.try_into().ok()).map(Some).ok_or_else(|| {
        let why = format!("Upload-Checksum is {given:?}, and has to be a SHA-1 in Base64");
        Refusal::new(400, why, "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")
    })
}

fn malformed(pair: &str) -> Refusal {
    let why = format!("Upload-Metadata has {pair:?}, and has to have pairs of a key and a value in Base64");
    Refusal::new(400, why, "Upload-Metadata: filetype aW1hZ2UvcG5n")
}

/// Of the media type, when nobody has told.
const UNKNOWN: &str = "application/octet-stream";

const VERSION_FIELD: &str = "Tus-Resumable";
const VERSION: &str = "1.0.0";
const EXTENSIONS: &str =
    "creation,creation-defer-length,creation-with-upload,termination,checksum,expiration,concatenation";

/// More than any disk has.
const MAX_DIGITS: usize = 18;
