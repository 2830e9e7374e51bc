//! `GET /images`: what is kept, for a terminal, a browser, a program.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use super::last_modified;
use crate::http::Response;
use crate::http::accept::preferred;
use crate::http::media_type::essence;
use crate::lab::exchange::{Answer, Call};
use crate::lab::images::Image;
use crate::lab::markup::{HEAD, escaped};
use crate::lab::refusal::Refusal;

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    const OFFERS: [&str; 3] = ["text/plain", "text/html", "application/json"];
    let images = call.lab.images.list();
    let response = match preferred(&call.request.fields, &OFFERS) {
        "text/html" => Response::new(200).with_content("text/html; charset=utf-8", page(&images)),
        "application/json" => {
            let images: Vec<Value> = images.iter().map(|image| object(image)).collect();
            let content = format!("{:#}\n", json!({ "images": images }));
            Response::new(200).with_content("application/json", content)
        }
        _ => Response::text(200, lines(&images)),
    };
    Ok(Answer::uncached(response.with("Vary", "Accept").with("Access-Control-Allow-Origin", "*")))
}

fn lines(images: &[Arc<Image>]) -> String {
    let mut lines = String::new();
    for image in images {
        let Image { id, length, content_type, .. } = &**image;
        let _ = writeln!(lines, "{id} {length:>12}  {content_type}");
    }
    match images.len() {
        1 => lines + "1 image\n",
        count => lines + &format!("{count} images\n"),
    }
}

fn object(image: &Image) -> Value {
    json!({
        "image": image.path(),
        "bytes": image.length,
        "type": image.content_type,
        "modified": last_modified(image),
    })
}

fn page(images: &[Arc<Image>]) -> String {
    let sections: String = images.iter().map(|image| section(image)).collect();
    let sections = if sections.is_empty() { "<p>There are none.</p>\n".to_owned() } else { sections };
    format!("{HEAD}<h1>Images</h1>\n{sections}</html>\n")
}

fn section(image: &Image) -> String {
    let (path, length, content_type) = (image.path(), image.length, escaped(&image.content_type));
    let shown = match essence(&image.content_type).split('/').next() {
        Some("image") => format!("<img src=\"{path}\" alt=\"\" height=\"120\" loading=\"lazy\">\n"),
        _ => String::new(),
    };
    format!(
        "<section>\n<h2><a href=\"{path}\">{path}</a></h2>\n<p>{content_type}, {length} bytes</p>\n{shown}</section>\n"
    )
}
