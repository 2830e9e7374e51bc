//! The measuring client: what each way to wait costs, on the machine of whoever asks.
//!
//! It stands outside of the house, where a client stands: it may use what the house knows of HTTP, WebSocket and event
//! streams, and it knows the system, but nothing of the lab, of the seam or of a driver. Servers are programs that it
//! starts, or addresses that it is given.
//!
//! Read on: [`client`] (many connections in one thread, and what they say), [`servers`] (who is measured, and what the
//! system knows of them), [`cores`] (who runs where), [`io`] (the same load on servers that wait in different ways),
//! [`watch`] (news and those who wait for it), [`patterns`] (the bill for each way to learn of it), [`push`] (one
//! publishes for many), [`figures`] (what comes of a run), [`shown`], [`charts`] and [`report`] (how it is shown).

pub mod charts;
pub mod client;
pub mod cores;
pub mod failure;
pub mod figures;
pub mod interrupt;
pub mod io;
pub mod machine;
pub mod options;
pub mod patterns;
pub mod plot;
pub mod progress;
pub mod push;
pub mod report;
pub mod servers;
pub mod shown;
pub mod table;
pub mod turns;
pub mod url;
pub mod watch;
