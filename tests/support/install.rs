//! Other people's programs, installed for the tests: below `target`, where `cargo clean` takes them away again.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that is filled once, and again when the recipe changes.
///
/// # Errors
/// What stopped `fill`.
pub fn installed(
    name: &str,
    recipe: &str,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let followed = folder.join("recipe");
    if fs::read_to_string(&followed).is_ok_and(|followed| followed == recipe) {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&folder);
    let made = fs::create_dir_all(&folder).map_err(|error| error.to_string());
    made.and_then(|()| fill(&folder)).map_err(|error| format!("{name} is not installed: {error}"))?;
    fs::write(followed, recipe).expect("the folder was just made");
    Ok(folder)
}

/// Makes an environment of Python 3 in `folder`, with these packages.
///
/// # Errors
/// What Python or pip said last.
pub fn python3(folder: &Path, packages: &[&str]) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    pip(folder, packages)
}

/// Adds packages to an environment of Python.
///
/// # Errors
/// What pip said last.
pub fn pip(environment: &Path, packages: &[&str]) -> Result<(), String> {
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(environment.join("bin/python")).args(install).args(packages)).map(drop)
}

/// Runs a command to its end and answers what it printed.
///
/// # Errors
/// That it is not there, or what it said last.
pub fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{name}: {}: {}", output.status, said.trim_end().lines().last().unwrap_or_default()))
}

/// What is there. Otherwise what needs it is left out, and why is said; but nothing may be left out where `CI=true`.
///
/// # Panics
/// Then.
pub fn or_leave_out<T>(there: Result<T, String>) -> Option<T> {
    match there {
        Ok(there) => Some(there),
        Err(reason) if env::var_os("CI").as_deref() == Some(OsStr::new("true")) => panic!("{reason}"),
        Err(reason) => {
            eprintln!("left out: {reason}");
            None
        }
    }
}
