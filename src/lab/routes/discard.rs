//! A whole response to a request whose content nobody wants.

use crate::http::Response;
use crate::lab::exchange::{Cut, Exchange, PIECE_BYTES, Reply};

/// Holds the response back until the content has passed, so that a content that breaks a rule is still refused with
/// a 400. A client that sends on and on is answered early, and then hung up on.
pub struct Discard {
    response: Option<Response>,
    passed: usize,
}

impl Discard {
    pub fn new(response: Response) -> Discard {
        Discard { response: Some(response), passed: 0 }
    }
}

impl Exchange for Discard {
    fn receive(&mut self, data: &[u8], reply: &mut Reply<'_>) {
        self.passed += data.len();
        if self.passed > PIECE_BYTES
            && let Some(response) = self.response.take()
        {
            reply.close_after_exchange();
            reply.send(response);
            reply.cut(Cut::Close);
        }
    }

    fn receive_end(&mut self, reply: &mut Reply<'_>) {
        if let Some(response) = self.response.take() {
            reply.send(response);
        }
    }
}
