//! Floor 0: bytes, and no protocol.

pub mod receive_buffer;
