//! Digests of content on its way to a file, or from one.
//!
//! They take longer than anything else that a session does with its bytes, and far longer where the processor has no
//! instructions for them. So whoever waits for the disk anyway computes them on the way, and a loop with many
//! connections does not.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Those that are wanted, of all bytes so far.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    pub sha256: Option<Sha256>,
    pub sha1: Option<Sha1>,
}

impl Digests {
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }
}
