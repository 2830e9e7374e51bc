//! Floor 0: bytes, and no protocol.
//!
//! - [`receive_buffer`]: bytes that arrived and are not understood yet
//! - [`line_ends`]: where lines end
//! - [`notation`]: bytes as text that shows every one of them, and back
//! - [`script`]: a file of that text, read as a conversation
//! - [`hexdump`]: bytes as rows of hex, in the layout of `curl --trace`

pub mod hexdump;
pub mod line_ends;
pub mod notation;
pub mod receive_buffer;
pub mod script;
