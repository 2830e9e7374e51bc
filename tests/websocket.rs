//! The WebSocket core: what the bytes mean, however they are cut, and what is answered.

#[path = "support/lab.rs"]
mod lab;
#[path = "websocket/peer.rs"]
mod peer;

#[path = "websocket/closing.rs"]
mod closing;
#[path = "websocket/compression.rs"]
mod compression;
#[path = "websocket/frames.rs"]
mod frames;
#[path = "websocket/handshake.rs"]
mod handshake;
#[path = "websocket/properties.rs"]
mod properties;
#[path = "websocket/refusals.rs"]
mod refusals;
#[path = "websocket/resting.rs"]
mod resting;
#[path = "websocket/second_opinion.rs"]
mod second_opinion;
#[path = "websocket/text.rs"]
mod text;
