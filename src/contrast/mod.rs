//! The measuring client: what each way to wait costs, on the machine of whoever asks.
//!
//! It stands outside of the house, where a client stands: it may use what the house knows of HTTP, WebSocket and event
//! streams, and it knows the system, but nothing of the lab, of the seam or of a driver. Servers are programs that it
//! starts, or addresses that it is given.
//!
//! Read on: [`client`] (many connections in one thread, and what they say), [`servers`] (who is measured, and what the
//! system knows of them), [`cores`] (who runs where), [`io`] (the same load on servers that wait in different ways),
//! [`figures`] (what comes of a run).

pub mod client;
pub mod cores;
pub mod failure;
pub mod figures;
pub mod interrupt;
pub mod io;
pub mod machine;
pub mod options;
pub mod servers;
pub mod table;
pub mod url;
