//! Uploads in parts, in any order: begun by `POST /uploads`, with nothing that says otherwise.
//!
//! Numbers, order and what comes again are as S3's multipart uploads have them; there, a part is named by a query.

mod inventory;
mod put;

use serde_json::json;

use super::join::{Join, Manner, Words};
use super::terms::Terms;
use super::{begin_with, turn};
use crate::http::{Framing, Method, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::journal::Ack;
use crate::lab::params;
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::lab::router::Route;
use crate::lab::routes::images::content_type::content_type;
use crate::lab::uploads::file_name::Shape;
use crate::lab::uploads::parts::NUMBERS;
use crate::lab::uploads::{Claim, gone, path};

/// In parts, and joined.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/uploads/{id}/parts",
        methods: &[Method::Get],
        about: "which parts are there and which are missing, of an upload that POST /uploads has begun with no more \
                than a type, or with ?parts=3 for three of them",
        example: "curl -X POST http://{at}/uploads; curl http://{at}/uploads/1/parts",
        answer: inventory::inventory,
    },
    Route {
        pattern: "/uploads/{id}/parts/{n}",
        methods: &[Method::Put],
        about: "a part, 1 to 10,000, in any order, the same again in its place: ack=memory, write or fsync",
        example: "curl -i -X PUT --data-binary abc http://{at}/uploads/1/parts/1",
        answer: put::put,
    },
    Route {
        pattern: "/uploads/{id}/complete",
        methods: &[Method::Post],
        about: "joins the parts to an image, or 409 says which are missing; process=1 has it compressed, formatted and \
                told of by a job: 202",
        example: "curl -i -X POST http://{at}/uploads/1/complete",
        answer: complete,
    },
];

/// Whether a request begins an upload in parts: it has no content, and says nothing of how it goes on.
pub(super) fn are_offered(call: &Call<'_>) -> bool {
    let says_more =
        ["upload-complete", "upload-length"].iter().any(|name| call.request.fields.first(name).is_some());
    matches!(call.request.framing, Framing::None | Framing::Length(0)) && !says_more
}

/// `POST /uploads?parts=3`
///
/// A part that the disk has is worth nothing if it has forgotten the upload, so this is synced whatever is asked for.
pub(super) fn begin(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (first, last) = (*NUMBERS.start(), *NUMBERS.end());
    let count = call.params()?.number_if_given("parts", first.into()..=last.into())?;
    let shape = Shape::Parts(count.map(|count| count as u16));
    begin_with(
        call,
        Terms { ack: Ack::Fsync, offset: None, ..Terms::of_any(call)? },
        shape,
        None,
        content_type(call)?,
    )
}

/// The upload is begun.
pub(super) fn begun(number: u64, representation: Representation) -> Response {
    let path = path(number);
    let response = representation.respond(|| format!("{path}\n"), || json!({ "upload": path }));
    response.with_status(201).with("Location", path.clone())
}

/// `POST /uploads/{id}/complete`
fn complete(call: &Call<'_>) -> Result<Answer, Refusal> {
    let manner = Manner::read(call, Words::Plain)?;
    Ok(Join::answer(&call.lab.uploads, Claim::Parts(turn(call)?), manner))
}

/// The upload and the part that the path names. What is no number is malformed; one that no part has is not.
fn part(call: &Call<'_>) -> Result<(u64, u16), Refusal> {
    let (given, first, last) = (&call.captured[1], *NUMBERS.start(), *NUMBERS.end());
    let is_number = given.bytes().all(|byte| byte.is_ascii_digit());
    let part = params::number("the part", given, first.into()..=last.into());
    let status =
        |refusal: Refusal| Refusal { status: if is_number { 422 } else { refusal.status }, ..refusal };
    Ok((upload(call)?, part.map_err(status)? as u16))
}

/// The upload that the path names.
fn upload(call: &Call<'_>) -> Result<u64, Refusal> {
    let given = &call.captured[0];
    given.parse().map_err(|_| gone(format!("{given:?}")))
}
