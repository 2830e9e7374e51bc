//! The content of a request, kept in memory up to a limit.

use super::exchange::Call;
use super::refusal::Refusal;
use crate::http::Framing;

/// Content that a route wants to have whole.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
    max: u64,
}

impl Content {
    /// Room for the content of this request; it grows with what comes, not with what was announced.
    ///
    /// # Errors
    /// The announced length is beyond the limit: so a client that waits for a 100 (Continue) need not send it.
    pub fn expected(call: &Call<'_>) -> Result<Content, Refusal> {
        let max = call.lab.settings.max_content;
        match call.request.framing {
            Framing::Length(length) if length > max => Err(too_large(max)),
            _ => Ok(Content { bytes: Vec::new(), max }),
        }
    }

    /// # Errors
    /// With `data` the content is beyond the limit.
    pub fn push(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if (self.bytes.len() + data.len()) as u64 > self.max {
            return Err(too_large(self.max));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(
        413,
        format!("the content is longer than the {max} bytes that this server keeps (RFC 9110 §15.5.14)"),
        "less content, or /echo, which passes on any length; the server's option --max-content sets the limit",
    )
}
