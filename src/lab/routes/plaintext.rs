//! The shortest answer, which every server can be measured by (TechEmpower's plaintext test).

use std::sync::LazyLock;

use crate::http::{Prepared, Response};
use crate::lab::exchange::{Answer, Call};
use crate::lab::refusal::Refusal;

pub fn hello(_call: &Call<'_>) -> Result<Answer, Refusal> {
    static HELLO: LazyLock<Prepared> =
        LazyLock::new(|| Prepared::new(Response::new(200).with_content("text/plain", "Hello, World!")));
    Ok(Answer::Prepared(&HELLO))
}
