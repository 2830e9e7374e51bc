//! What is said of an upload.

use serde_json::json;

use super::terms::{completed, inconsistent};
use crate::http::Response;
use crate::http::structured::encode_boolean;
use crate::lab::images::id::ImageId;
use crate::lab::refusal::Refusal;
use crate::lab::representation::Representation;
use crate::lab::settings::UploadSettings;
use crate::lab::uploads::path;

/// What holds for every upload, as a Dictionary (RFC 9651 §3.2).
pub(super) fn limit(settings: &UploadSettings) -> String {
    format!("max-size={}, max-age={}", settings.max_bytes, settings.ttl.as_secs())
}

/// More is to come. A client that has begun it is told where.
pub(super) fn partial(begun: Option<u64>, offset: u64, settings: &UploadSettings) -> Response {
    let response = match begun {
        Some(number) => Response::new(201).with("Location", path(number)),
        None => Response::new(204),
    };
    response
        .with("Upload-Complete", encode_boolean(false))
        .with("Upload-Offset", offset.to_string())
        .with("Upload-Limit", limit(settings))
}

/// The content is an image: what `POST /images` would have said, but for the 303. That one would have a client fetch
/// what it has just sent.
pub(super) fn complete(
    image: &ImageId,
    is_new: bool,
    length: u64,
    representation: Representation,
) -> Response {
    let path = image.path();
    let response =
        representation.respond(|| format!("{path}\n"), || json!({ "image": path, "bytes": length }));
    response
        .with_status(if is_new { 201 } else { 200 })
        .with("Location", path.clone())
        .with("ETag", format!("\"{image}\""))
        .with("Upload-Complete", encode_boolean(true))
        .with("Upload-Offset", length.to_string())
}

/// What a request is told that comes for an upload which is complete: nothing can be added, and nothing needs to be.
pub(super) fn too_late(announced: Option<u64>, image: &str) -> Refusal {
    match announced {
        Some(0) => completed(image),
        _ => inconsistent("the upload is complete, and this would be more".to_owned())
            .with("Location", image.to_owned()),
    }
}
