//! Uploads that survive a cut: resumable by draft-ietf-httpbis-resumable-upload-12, interop version 8.

mod answer;
mod list;
mod resource;
mod terms;
mod transfer;

use std::task::Waker;

use self::answer::{limit, too_late};
use self::terms::Terms;
use self::transfer::Transfer;
use super::images::content_type::content_type;
use crate::http::media_type::essence;
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;
use crate::lab::uploads::{Found, Lease, Turn, gone};

/// In by as many requests as it takes.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/uploads",
        methods: &[Method::Get, Method::Post, Method::Options],
        about: "POST begins an upload that survives a cut: Upload-Complete says whether this is all of it; GET lists those \
                that are not forgotten",
        example: "curl -i -H 'Upload-Complete: ?0' -H 'Upload-Length: 6' --data-binary abc http://{at}/uploads",
        answer: uploads,
    },
    Route {
        pattern: "/uploads/{id}",
        methods: &[Method::Get, Method::Patch, Method::Delete],
        about: "HEAD tells how far an upload has come, PATCH goes on from there, DELETE gives it up",
        example: "curl -I http://{at}/uploads/1; curl -i -X PATCH -H 'Upload-Offset: 3' -H 'Upload-Complete: ?1' \
                  -H 'Content-Type: application/partial-upload' --data-binary def http://{at}/uploads/1",
        answer: upload,
    },
];

/// `/uploads`
fn uploads(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        Method::Post => begin(call),
        Method::Options => Ok(options(call)),
        _ => list::list(call),
    }
}

/// `/uploads/{id}`
fn upload(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        Method::Patch => append(call),
        Method::Delete => resource::cancel(call, turn(call)?),
        _ => resource::tell(call, turn(call)?),
    }
}

/// Whether an upload that begins here may survive a cut.
pub(super) fn is_resumable(call: &Call<'_>) -> bool {
    Terms::are_offered(call)
}

/// Tells that an upload that begins here can be gone on with, and what holds for it.
pub(super) fn options(call: &Call<'_>) -> Answer {
    let response = Response::new(204)
        .with("Allow", "GET, HEAD, POST, OPTIONS")
        .with("Accept-Patch", PARTIAL_UPLOAD)
        .with("Upload-Limit", limit(&call.lab.uploads.settings));
    Answer::Whole(response)
}

/// Begins an upload, with or without its first bytes.
///
/// # Errors
/// The request is no such one, or there is no room.
pub(super) fn begin(call: &Call<'_>) -> Result<Answer, Refusal> {
    let terms = Terms { offset: None, ..Terms::read(call)? };
    let length = terms.length_at(0)?;
    let limited = |refusal: Refusal| refusal.with("Upload-Limit", limit(&call.lab.uploads.settings));
    let mut lease = call.lab.uploads.begin(length, content_type(call)?).map_err(limited)?;
    if let Err(refusal) = terms.agree(&mut lease) {
        lease.forget();
        return Err(refusal);
    }
    Ok(Answer::exchange(Transfer::begin(&call.lab.uploads, lease, terms)))
}

fn append(call: &Call<'_>) -> Result<Answer, Refusal> {
    let given = call.request.fields.text("content-type").map(essence).unwrap_or_default();
    if !given.eq_ignore_ascii_case(PARTIAL_UPLOAD) {
        let why = format!("Content-Type is {given:?}, and what is added to an upload is {PARTIAL_UPLOAD}");
        let refusal = Refusal::new(415, why, format!("Content-Type: {PARTIAL_UPLOAD}"));
        return Err(refusal.with("Accept-Patch", PARTIAL_UPLOAD));
    }
    let terms = Terms::read(call)?;
    if terms.offset.is_none() {
        let why = "Upload-Offset says where these bytes belong, as an Integer (RFC 9651 §3.3.1)";
        return Err(Refusal::new(400, why, "HEAD for the offset, and Upload-Offset with it"));
    }
    let (uploads, turn) = (&call.lab.uploads, turn(call)?);
    Ok(match turn.poll(|| Waker::noop().clone()) {
        Some(found) => {
            let lease = open(found?, &terms)?;
            Answer::exchange(Transfer::go_on(uploads, lease, terms))
        }
        None => Answer::exchange(Transfer::append(uploads, turn, terms)),
    })
}

/// The upload, if the request can go on with it.
fn open(found: Found, terms: &Terms) -> Result<Lease, Refusal> {
    match found {
        Found::Complete { image, .. } => Err(too_late(terms.announced, &image.path())),
        Found::Open(mut lease) => {
            terms.agree(&mut lease)?;
            Ok(lease)
        }
    }
}

/// Asks for the upload that the path names.
fn turn(call: &Call<'_>) -> Result<Turn, Refusal> {
    let given = &call.captured[0];
    let number = given.parse().map_err(|_| gone(format!("{given:?}")))?;
    call.lab.uploads.ask(number)
}

/// A block of a representation, and nothing of it but its bytes.
const PARTIAL_UPLOAD: &str = "application/partial-upload";
