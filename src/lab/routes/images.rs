//! Images: content that comes in one request, is kept as a file, and goes out again, whole or in parts.

pub(super) mod content_type;
mod download;
mod list;
mod remove;
mod upload;

use std::sync::Arc;

use crate::http::condition::Validators;
use crate::http::{Method, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::images::Image;
use crate::lab::images::id::ImageId;
use crate::lab::refusal::Refusal;
use crate::lab::router::Route;
use crate::lab::routes::uploads;

/// In by one request, out by as many as one likes.
pub const ROUTES: &[Route] = &[
    Route {
        pattern: "/images",
        methods: &[Method::Get, Method::Post, Method::Options],
        about: "POST keeps the content under its digest, and nothing of it if it is cut: ack=memory, write or fsync; GET \
                lists what is kept",
        example: "curl -i -H 'Content-Type: image/png' --data-binary @cat.png http://{at}/images; curl http://{at}/images",
        answer: images,
    },
    Route {
        pattern: "/images/{id}",
        methods: &[Method::Get, Method::Delete],
        about: "the content as it came: whole, in parts by Range, or not again by If-None-Match",
        example: "curl -d abc http://{at}/images; curl -i -r 1-2 \
                  http://{at}/images/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        answer: image,
    },
];

/// `/images`
fn images(call: &Call<'_>) -> Result<Answer, Refusal> {
    match call.request.method {
        // What is to survive a cut is kept in another way, and comes to the same.
        Method::Post if uploads::is_resumable(call) => uploads::begin(call),
        Method::Post => upload::upload(call),
        Method::Options => Ok(Answer::Whole(uploads::options(call))),
        _ => list::list(call),
    }
}

/// `/images/{id}`
fn image(call: &Call<'_>) -> Result<Answer, Refusal> {
    let image = named(call)?;
    match call.request.method {
        Method::Delete => remove::remove(call, image),
        _ => download::download(call, image),
    }
}

/// The image that the path names.
fn named(call: &Call<'_>) -> Result<Arc<Image>, Refusal> {
    let given = &call.captured[0];
    let found = ImageId::parse(given).and_then(|id| call.lab.images.find(&id));
    found.ok_or_else(|| {
        let why = format!("no image is called {given:?}; an image is called by the SHA-256 of its content");
        Refusal::new(404, why, "GET /images for those that there are")
    })
}

/// Tells what the client needs to ask for the same image later, and what keeps it harmless.
///
/// Strangers choose the type and the content, so no browser shall guess another type (WHATWG Fetch §3.7), nor run a page
/// among them as one of this origin.
fn describe(response: Response, image: &Image, tag: &str) -> Response {
    response
        .with("ETag", tag.to_owned())
        .with("Last-Modified", last_modified(image))
        .with("Repr-Digest", image.id.repr_digest())
        .with("Cache-Control", "no-cache")
        .with("Accept-Ranges", "bytes")
        .with("X-Content-Type-Options", "nosniff")
        .with("Content-Security-Policy", "sandbox")
        .with("Access-Control-Allow-Origin", "*")
}

fn validators<'v>(image: &Image, tag: &'v str) -> Validators<'v> {
    Validators { tag, modified: Some(image.modified) }
}

fn last_modified(image: &Image) -> String {
    let since_epoch = std::time::Duration::from_secs(image.modified);
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch)
}
