//! Bytes as rows of hex.
