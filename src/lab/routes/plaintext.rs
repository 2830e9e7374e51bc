//! The shortest answer, which every server can be measured by (TechEmpower's plaintext test).

use bytes::Bytes;

use crate::http::Response;
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;

pub fn hello(_call: &Call<'_>) -> Result<Answer, Refusal> {
    let content = Bytes::from_static(b"Hello, World!");
    Ok(Answer::Unsigned(Response::new(200).with_content("text/plain", content)))
}
