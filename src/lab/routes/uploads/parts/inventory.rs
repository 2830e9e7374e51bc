//! `GET /uploads/{id}/parts`

use serde_json::{Value, json};

use super::upload;
use crate::lab::exchange::{Answer, Call};
use crate::lab::images::id::ImageId;
use crate::lab::numerals;
use crate::lab::refusal::Refusal;
use crate::lab::uploads::parts::Inventory;

pub(super) fn inventory(call: &Call<'_>) -> Result<Answer, Refusal> {
    let inventory = call.lab.uploads.inventory(upload(call)?)?;
    let response = call.representation().respond(|| line(&inventory), || object(&inventory));
    Ok(Answer::uncached(response.with("Access-Control-Allow-Origin", "*")))
}

fn line(Inventory { have, missing }: &Inventory) -> String {
    let missing = numerals::list(missing.iter().copied());
    format!("have {} missing {missing}\n", numerals::list(have.keys().copied()))
}

fn object(Inventory { have, missing }: &Inventory) -> Value {
    let have: Vec<Value> = have.iter().map(|(number, part)| part_object(*number, *part)).collect();
    json!({ "have": have, "missing": missing })
}

fn part_object(number: u16, part: Option<(u64, ImageId)>) -> Value {
    let (bytes, digest) = part.unzip();
    json!({ "part": number, "bytes": bytes, "etag": digest.map(|digest| format!("\"{digest}\"")) })
}
