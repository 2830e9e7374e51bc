//! Uploads that survive a cut, in two dialects: draft-ietf-httpbis-resumable-upload-12, interop version 8, and tus 1.0.0.

mod answer;
mod concat;
mod join;
mod list;
pub mod parts;
mod process;
mod resource;
mod terms;
mod transfer;
mod tus;

use std::task::Waker;

use self::answer::{limit, too_late};
use self::terms::Terms;
use self::transfer::Transfer;
use super::images::content_type::content_type;
use crate::http::media_type::essence;
use crate::http::{Framing, Method, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::parts::has_no_offset;
use crate::lab::uploads::{Found, Lease, Turn, gone};

/// In by as many requests as it takes.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/uploads",
        methods: &[Method::Get, Method::Post, Method::Options],
        about: "POST begins an upload that survives a cut: Upload-Complete says whether this is all of it, and nothing \
                else begins one in parts; GET lists those that are not forgotten",
        example: "curl -i -H 'Upload-Complete: ?0' -H 'Upload-Length: 6' --data-binary abc http://{at}/uploads",
        answer: uploads,
    },
    Route {
        pattern: "/files",
        methods: &[Method::Get, Method::Post, Method::Options],
        about: "the same, as it is called elsewhere",
        example: "curl -i -H 'Upload-Complete: ?1' --data-binary abc http://{at}/files",
        answer: uploads,
    },
    Route {
        pattern: "/uploads/{id}",
        methods: &[Method::Get, Method::Patch, Method::Delete, Method::Post],
        about: "HEAD tells how far an upload has come, PATCH goes on from there, DELETE gives it up",
        example: "curl -I http://{at}/uploads/1; curl -i -X PATCH -H 'Upload-Offset: 3' -H 'Upload-Complete: ?1' \
                  -H 'Content-Type: application/partial-upload' --data-binary def http://{at}/uploads/1",
        answer: upload,
    },
];

/// `/uploads`, `/files`
fn uploads(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        Method::Post if tus::is_spoken(call)? => begin_by_tus(call).map_err(tus::refused),
        Method::Post if parts::are_offered(call) => parts::begin(call),
        Method::Post => begin(call),
        Method::Options => Ok(Answer::Whole(tus::abilities(options(call), &call.lab.uploads.settings))),
        _ => list::list(call),
    }
}

/// `/uploads/{id}`
fn upload(call: &Call<'_>) -> Result<Answer, Refusal> {
    if tus::is_spoken(call)? {
        return upload_by_tus(call).map_err(tus::refused);
    }
    match call.request.method {
        Method::Patch => append(call, PARTIAL_UPLOAD, Terms::read),
        Method::Post => Err(overrides_nothing()),
        Method::Delete => Ok(resource::cancel(call, turn(call)?, false)),
        _ => Ok(resource::tell(call, turn(call)?)),
    }
}

fn upload_by_tus(call: &Call<'_>) -> Result<Answer, Refusal> {
    match tus::method(call) {
        Method::Patch => append(call, OFFSET_OCTET_STREAM, tus::terms),
        Method::Delete => Ok(resource::cancel(call, turn(call)?, true)),
        Method::Get | Method::Head => {
            Ok(resource::tell_by_tus(call, turn(call)?, tus::terms_of_nothing(call)?))
        }
        _ => Err(overrides_nothing()),
    }
}

/// Whether an upload that begins here may survive a cut.
pub(super) fn is_resumable(call: &Call<'_>) -> bool {
    Terms::are_offered(call)
}

/// Tells that an upload that begins here can be gone on with, and what holds for it.
pub(super) fn options(call: &Call<'_>) -> Response {
    Response::new(204)
        .with("Allow", "GET, HEAD, POST, OPTIONS")
        .with("Accept-Patch", PARTIAL_UPLOAD)
        .with("Upload-Limit", limit(&call.lab.uploads.settings))
}

/// Begins an upload, with or without its first bytes.
///
/// # Errors
/// The request is no such one, or there is no room.
pub(super) fn begin(call: &Call<'_>) -> Result<Answer, Refusal> {
    begin_with(call, Terms { offset: None, ..Terms::read(call)? }, Shape::Whole, None, content_type(call)?)
}

/// The same in the words of tus: content that comes with it is of a type of its own, and is as if it came by PATCH.
fn begin_by_tus(call: &Call<'_>) -> Result<Answer, Refusal> {
    if !matches!(call.request.framing, Framing::None | Framing::Length(0)) {
        check_type(call, OFFSET_OCTET_STREAM)?;
    }
    let terms = Terms { offset: None, ..tus::terms(call)? };
    let (metadata, content_type) = tus::metadata(call)?;
    let shape = match concat::read(call)? {
        Some(Shape::Final(of)) => return concat::join(call, of, metadata, content_type),
        shape => shape.unwrap_or(Shape::Whole),
    };
    tus::check_length(call, &terms)?;
    begin_with(call, terms, shape, metadata, content_type)
}

fn begin_with(
    call: &Call<'_>,
    terms: Terms,
    shape: Shape,
    metadata: Option<Box<str>>,
    content_type: String,
) -> Result<Answer, Refusal> {
    let length = terms.length_at(0)?;
    let limited = |refusal: Refusal| refusal.with("Upload-Limit", limit(&call.lab.uploads.settings));
    let mut lease = call.lab.uploads.begin(shape, length, content_type, metadata).map_err(limited)?;
    if let Err(refusal) = terms.agree(&mut lease) {
        lease.forget();
        return Err(refusal);
    }
    Ok(Answer::exchange(Transfer::begin(&call.lab.uploads, lease, terms)))
}

fn append(
    call: &Call<'_>,
    content_type: &'static str,
    read: fn(&Call<'_>) -> Result<Terms, Refusal>,
) -> Result<Answer, Refusal> {
    check_type(call, content_type)?;
    let terms = read(call)?;
    if terms.offset.is_none() {
        let why = "no Upload-Offset says where these bytes belong, as a number";
        return Err(Refusal::new(400, why, "HEAD for the offset, and Upload-Offset with it"));
    }
    let (uploads, turn) = (&call.lab.uploads, turn(call)?);
    Ok(match turn.poll(|| Waker::noop().clone()) {
        Some(found) => {
            let lease = open(turn.number(), found?, &terms)?;
            Answer::exchange(Transfer::go_on(uploads, lease, terms))
        }
        None => Answer::exchange(Transfer::append(uploads, turn, terms)),
    })
}

fn check_type(call: &Call<'_>, due: &'static str) -> Result<(), Refusal> {
    let given = call.request.fields.text("content-type").map(essence).unwrap_or_default();
    if given.eq_ignore_ascii_case(due) {
        return Ok(());
    }
    let why = format!("Content-Type is {given:?}, and what is added to an upload is {due}");
    Err(Refusal::new(415, why, format!("Content-Type: {due}")).with("Accept-Patch", due))
}

/// The upload, if the request can go on with it.
fn open(number: u64, found: Found, terms: &Terms) -> Result<Lease, Refusal> {
    match found {
        Found::InParts => Err(has_no_offset(number)),
        // "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL."
        Found::Complete { shape: Shape::Final(_), .. } if terms.is_tus() => Err(concat::is_final()),
        Found::Complete { image, .. } => Err(too_late(terms.announced, &image.path())),
        Found::Open(mut lease) => {
            terms.agree(&mut lease)?;
            Ok(*lease)
        }
    }
}

fn overrides_nothing() -> Refusal {
    let why = "POST to an upload stands for another method, and this does not say for which";
    Refusal::new(400, why, "PATCH; or X-HTTP-Method-Override: PATCH with Tus-Resumable: 1.0.0")
}

/// Asks for the upload that the path names.
fn turn(call: &Call<'_>) -> Result<Turn, Refusal> {
    let given = &call.captured[0];
    let number = given.parse().map_err(|_| gone(format!("{given:?}")))?;
    call.lab.uploads.ask(number)
}

/// A block of a representation, and nothing of it but its bytes.
const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The same in the words of tus.
const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";
