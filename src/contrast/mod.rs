//! The measuring client: what each way to wait costs, on the machine of whoever asks.
//!
//! It stands outside of the house, where a client stands: it may use what the house knows of HTTP, WebSocket and event
//! streams, and it knows the system, but nothing of the lab, of the seam or of a driver. Servers are programs that it
//! starts, or addresses that it is given.
//!
//! Read on: [`figures`] (what comes of a run).

pub mod figures;
