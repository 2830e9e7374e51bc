//! Floor 0: bytes, and no protocol.
