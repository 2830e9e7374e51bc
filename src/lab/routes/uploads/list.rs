//! `GET /uploads`

use serde_json::{Value, json};

use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;
use crate::lab::uploads::parts::Had;
use crate::lab::uploads::{Glance, path};

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let uploads = call.lab.uploads.list();
    let response = call
        .representation()
        .respond(|| lines(&uploads), || json!({ "uploads": uploads.iter().map(object).collect::<Vec<_>>() }));
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

fn lines(uploads: &[Glance]) -> String {
    let lines: String = uploads.iter().map(line).collect();
    match uploads.len() {
        1 => lines + "1 upload\n",
        count => lines + &format!("{count} uploads\n"),
    }
}

fn line(upload: &Glance) -> String {
    let path = path(upload.number);
    let of = upload.length.map_or_else(|| "?".to_owned(), |length| length.to_string());
    if let Some(Had { parts, bytes }) = upload.parts {
        return format!("{path}  {parts} parts, {bytes} bytes  {}\n", upload.content_type);
    }
    match (upload.image, upload.offset) {
        (Some(image), _) => format!("{path}  complete, {of} bytes: {}\n", image.path()),
        (None, Some(offset)) => format!("{path}  {offset} of {of} bytes  {}\n", upload.content_type),
        (None, None) => format!("{path}  growing, of {of} bytes  {}\n", upload.content_type),
    }
}

fn object(upload: &Glance) -> Value {
    let mut object = json!({
        "upload": path(upload.number),
        "offset": upload.offset,
        "length": upload.length,
        "type": upload.content_type,
        "image": upload.image.map(|image| image.path()),
    });
    if let Some(Had { parts, bytes }) = upload.parts {
        (object["parts"], object["bytes"]) = (parts.into(), bytes.into());
    }
    object
}
