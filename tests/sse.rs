//! The core of event streams: what the bytes mean however they are cut, and that encoded is parsed as meant.

#[path = "sse/page.rs"]
mod page;

#[path = "sse/limits.rs"]
mod limits;
#[path = "sse/properties.rs"]
mod properties;
#[path = "sse/standard.rs"]
mod standard;
