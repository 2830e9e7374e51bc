//! What can be wrong with an opening handshake, and what to type instead.

use crate::http::error::Lesson;

/// Why a request opens no connection, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    Method,
    Version,
    UpgradeMissing,
    ConnectionMissing,
    Content,
    ProtocolVersion,
    KeyMissing,
    KeyRepeated,
    KeyMalformed,
    Origin,
    ExtensionsMalformed,
}

impl Refusal {
    pub fn status(self) -> u16 {
        self.lesson().status
    }

    /// The field lines that the status asks for, besides those of every response.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Refusal::Method => &[("Allow", "GET")],
            // "The server MUST send an Upgrade header field in a 426 response" (RFC 9110 §15.5.22), and one who sends
            // Upgrade lists it in Connection (§7.8).
            Refusal::UpgradeMissing => &[("Upgrade", "websocket"), ("Connection", "Upgrade")],
            Refusal::ProtocolVersion => {
                &[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
            }
            Refusal::Version
            | Refusal::ConnectionMissing
            | Refusal::Content
            | Refusal::KeyMissing
            | Refusal::KeyRepeated
            | Refusal::KeyMalformed
            | Refusal::Origin
            | Refusal::ExtensionsMalformed => &[],
        }
    }

    /// Status, sentence, source and way out of each.
    #[rustfmt::skip]
    pub fn lesson(self) -> Lesson {
        let (status, claim, source, advice) = match self {
            Refusal::Method => (405, "a WebSocket is opened by GET", "RFC 6455 §4.1",
                "GET instead of this method"),
            Refusal::Version => (400, "HTTP/1.0 cannot change the protocol", "RFC 6455 §4.1, RFC 9110 §7.8",
                "HTTP/1.1 at the end of the request line"),
            Refusal::UpgradeMissing => (426, "this resource speaks WebSocket, and the request does not ask for it",
                "RFC 6455 §4.2.1", "Upgrade: websocket, Connection: Upgrade, Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key"),
            Refusal::ConnectionMissing => (400, "Upgrade is not listed in the Connection field", "RFC 6455 §4.2.1",
                "Connection: Upgrade; a proxy that knows nothing of it would have taken it away"),
            Refusal::Content => (400, "an opening handshake has no content", "RFC 6455 §4.1",
                "no Content-Length and no Transfer-Encoding: frames begin behind the empty line"),
            Refusal::ProtocolVersion => (426, "the version of the WebSocket protocol spoken here is 13", "RFC 6455 §4.4",
                "Sec-WebSocket-Version: 13"),
            Refusal::KeyMissing => (400, "the opening handshake has no key", "RFC 6455 §4.2.1",
                "Sec-WebSocket-Key: and what this prints: head -c 16 /dev/urandom | base64"),
            Refusal::KeyRepeated => (400, "the opening handshake has a second key", "RFC 6455 §11.3.1",
                "one Sec-WebSocket-Key field line"),
            Refusal::KeyMalformed => (400, "the key is not the base64 of 16 bytes", "RFC 6455 §4.2.1",
                "Sec-WebSocket-Key: and what this prints: head -c 16 /dev/urandom | base64"),
            Refusal::Origin => (403, "pages from this origin may not open a WebSocket here", "RFC 6455 §10.2",
                "a page of this server, or the server's option --allow-origin; programs need no Origin"),
            Refusal::ExtensionsMalformed => (400, "the offered extensions do not follow the grammar", "RFC 6455 §9.1",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
        };
        Lesson { status, claim, source, advice }
    }
}
