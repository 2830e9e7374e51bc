//! Autobahn, a program for Python 2.7: installing it, and running it as a client of one server.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::install::{installed, pip, python3, run as run_to_end};

/// The suite's command, or why there is none.
pub static WSTEST: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let python =
        python27().ok_or("Autobahn needs Python 2.7, and there is none: no python2.7, no pyenv with it")?;
    let recipe = format!("{}\n{VIRTUALENV} {INCREMENTAL} {}", python.display(), SUITE.join(" "));
    let folder = installed("autobahn", &recipe, |folder| {
        // No virtualenv that still makes environments of Python 2.7 runs on it.
        python3(&folder.join("virtualenv"), &[VIRTUALENV])?;
        let environment = folder.join("python2.7");
        run_to_end(
            Command::new(folder.join("virtualenv/bin/virtualenv")).arg("-p").arg(&python).arg(&environment),
        )?;
        // Ahead of the others, whose installation imports it.
        pip(&environment, &[INCREMENTAL])?;
        pip(&environment, &SUITE)
    })?;
    Ok(folder.join("python2.7/bin/wstest"))
});

/// How much of the suite is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Everything but compression (12 and 13), and some cases of each kind of that.
    Sample,
    Whole,
}

impl Selection {
    /// How many cases there are.
    pub fn cases(self) -> usize {
        match self {
            Selection::Sample => ALL - COMPRESSION + sample().len(),
            Selection::Whole => ALL,
        }
    }

    /// Patterns for cases, in the suite's language.
    fn patterns(self) -> Vec<String> {
        match self {
            Selection::Sample => (1..=11).map(|group| format!("{group}.*")).chain(sample()).collect(),
            Selection::Whole => vec!["*".into()],
        }
    }

    /// Far longer than it takes.
    fn patience(self) -> Duration {
        match self {
            Selection::Sample => Duration::from_secs(10 * 60),
            Selection::Whole => Duration::from_secs(3 * 60 * 60),
        }
    }
}

/// What a run of the suite leaves behind.
pub struct Run {
    pub selection: Selection,
    /// The cases that the suite was about to run.
    pub planned: Vec<String>,
    /// What it found, by case.
    pub results: Value,
    /// Where it wrote down more of each case.
    pub report: PathBuf,
}

/// Runs the suite against the server at `url`.
///
/// # Panics
/// When it does not come to its end.
pub fn run(wstest: &Path, name: &str, url: &str, selection: Selection) -> Run {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("autobahn-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder of our own");
    let specification = json!({
        "outdir": "report",
        "servers": [{ "agent": name, "url": url }],
        "cases": selection.patterns(),
    });
    fs::write(folder.join("spec.json"), specification.to_string()).expect("a folder of our own");
    let said = said(wstest, &folder, selection.patience());

    let report = folder.join("report");
    let index = fs::read_to_string(report.join("index.json")).ok();
    let results =
        index.and_then(|text| serde_json::from_str::<Value>(&text).ok()).map(|index| index[name].clone());
    let results = results.unwrap_or_else(|| panic!("the suite broke off:\n{}", end(&said)));
    Run { selection, planned: planned(&said), results, report }
}

/// What the suite prints. Its exit status says nothing.
fn said(wstest: &Path, folder: &Path, patience: Duration) -> String {
    let path = folder.join("said");
    let file = File::create(&path).expect("a folder of our own");
    let mut command = Command::new(wstest);
    command.args(["-m", "fuzzingclient", "-s", "spec.json"]).current_dir(folder).stdin(Stdio::null());
    command.stdout(file.try_clone().expect("a descriptor")).stderr(file);
    let mut suite = Suite(command.spawn().expect("it was installed"));
    let start = Instant::now();
    while suite.0.try_wait().expect("our child").is_none() && start.elapsed() < patience {
        thread::sleep(Duration::from_millis(50));
    }
    let said = fs::read_to_string(path).expect("the suite writes text");
    assert!(start.elapsed() < patience, "no end after {patience:?}:\n{}", end(&said));
    said
}

struct Suite(Child);

impl Drop for Suite {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The names in the line `Cases = ['1.1.1', '1.1.2', …]`.
fn planned(said: &str) -> Vec<String> {
    let line = said.lines().find_map(|line| line.strip_prefix("Cases = ")).unwrap_or_default();
    line.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

fn end(said: &str) -> &str {
    let lines = said.lines().count();
    let skipped: usize =
        said.split_inclusive('\n').take(lines.saturating_sub(LAST_LINES)).map(str::len).sum();
    &said[skipped..]
}

/// Of each kind of compression: 1,000 messages of 16 bytes, and 1,000 of 8,192 in fragments of 256.
fn sample() -> Vec<String> {
    let kinds = (1..=5).map(|kind| (12, kind)).chain((1..=7).map(|kind| (13, kind)));
    kinds.flat_map(|(group, kind)| [1, 11].map(|case| format!("{group}.{kind}.{case}"))).collect()
}

/// A Python 2.7 that can be run. One on the `PATH` may be pyenv's word that there is one elsewhere.
fn python27() -> Option<PathBuf> {
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    let theirs = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin/python2.7"));
    let mut candidates = [OsString::from("python2.7")].into_iter().chain(theirs.map(PathBuf::into_os_string));
    candidates.find_map(|candidate| {
        let asked = run_to_end(Command::new(candidate).args(["-c", "import sys; print(sys.executable)"]));
        asked.ok().map(|path| PathBuf::from(path.trim_end()))
    })
}

const VIRTUALENV: &str = "virtualenv==20.21.1";
const INCREMENTAL: &str = "incremental==16.10.1";
/// With what lets it check its own masks and texts in C: without, it is the slower end.
const SUITE: [&str; 2] = ["autobahntestsuite==25.10.1", "wsaccel==0.6.2"];

const ALL: usize = 517;
/// Groups 12 and 13: 18 cases each of 5 and of 7 kinds.
const COMPRESSION: usize = 18 * (5 + 7);

/// Of what the suite printed, when it went wrong.
const LAST_LINES: usize = 20;
