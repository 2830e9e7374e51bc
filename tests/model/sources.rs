//! What is uploaded. Everybody uploads something else, so whatever is an image has to be one of these.

use std::collections::BTreeSet;
use std::sync::Mutex;

use fastrand::Rng;
use sha2::{Digest, Sha256};

/// The paths that images may have.
#[derive(Default)]
pub struct Sources {
    paths: Mutex<BTreeSet<String>>,
    given_up: Mutex<BTreeSet<String>>,
}

impl Sources {
    /// Content that nobody has had before, and what it is called as an image.
    pub fn make(&self, chance: &mut Rng) -> (Vec<u8>, String) {
        loop {
            let most = chance.choice([0, 9, 5_000, 300_000, 300_000, 1_200_000]).expect("one of them");
            let mut content = vec![0; chance.usize(..=most)];
            chance.fill(&mut content);
            let path = path_of(&content);
            if self.paths.lock().expect("nobody panics with it").insert(path.clone()) {
                return (content, path);
            }
        }
    }

    /// The image may be taken away.
    pub fn give_up(&self, path: &str) {
        self.given_up.lock().expect("nobody panics with it").insert(path.to_owned());
    }

    pub fn is_given_up(&self, path: &str) -> bool {
        self.given_up.lock().expect("nobody panics with it").contains(path)
    }

    pub fn has(&self, path: &str) -> bool {
        self.paths.lock().expect("nobody panics with it").contains(path)
    }
}

pub fn path_of(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    format!("/images/{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// The paths of the images in a list.
pub fn listed(list: &str) -> impl Iterator<Item = String> {
    let ids = list.lines().filter_map(|line| line.split_whitespace().next()).filter(|id| id.len() == 64);
    ids.map(|id| format!("/images/{id}"))
}
