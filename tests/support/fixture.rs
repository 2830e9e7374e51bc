//! The fixture files: where they are, and what they say.

use std::fs;
use std::path::{Path, PathBuf};

use wirelab::wire::script::Script;

/// One file.
pub struct Fixture {
    /// From the root of the repository.
    pub name: String,
    pub script: Script,
}

impl Fixture {
    /// Every fixture, in the order of their names.
    pub fn all() -> Vec<Fixture> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        collect(&root.join("fixtures"), &mut paths);
        paths.sort();
        paths.iter().map(|path| Fixture::load(root, path)).collect()
    }

    /// Which core it is about: the folder that it lies in.
    pub fn folder(&self) -> &str {
        self.name.split('/').nth(1).unwrap_or_default()
    }

    fn load(root: &Path, path: &Path) -> Fixture {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let script = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        Fixture { name, script }
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry of a folder that was just opened").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "wire") {
            paths.push(path);
        }
    }
}
