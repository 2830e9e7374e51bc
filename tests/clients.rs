//! The servers, used by other people's libraries as other people use them: for WebSockets one of Python, one of Node and
//! one of Rust, for event streams two of Python and one of Node, for uploads one of each.
//!
//! Those of Python and Node are used by scripts in `tests/clients/`, which can be run by hand as well. The libraries are
//! installed below `target`.

/// Makes each `fn case(server: &str)` a test of each server's binary.
macro_rules! on_each_server {
    ($($case:ident),+ $(,)?) => {
        mod epoll_server {
            $(#[test] fn $case() { super::$case(env!("CARGO_BIN_EXE_epoll-server")) })+
        }
        mod threaded_server {
            $(#[test] fn $case() { super::$case(env!("CARGO_BIN_EXE_threaded-server")) })+
        }
        mod uring_server {
            $(#[test] fn $case() {
                if crate::uring::is_here() {
                    super::$case(env!("CARGO_BIN_EXE_uring-server"))
                }
            })+
        }
    };
}

#[path = "support/install.rs"]
mod install;
#[path = "support/port.rs"]
mod port;
#[path = "support/server.rs"]
mod server;
#[path = "support/uring.rs"]
mod uring;

#[path = "clients/by_tungstenite.rs"]
mod by_tungstenite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use install::{installed, or_leave_out, python3, run};
use port::Port;
use server::Server;

on_each_server!(
    serves_websockets_of_python,
    serves_ws_of_node,
    serves_sseclient_of_python_through_restarts,
    serves_httpx_sse_of_python_through_restarts,
    serves_eventsource_of_node_through_restarts,
    serves_tuspy_of_python,
    serves_tus_js_client_of_node,
);

fn serves_websockets_of_python(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_python("websockets", &["websockets==17.4"]));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    let server = Server::start(binary, &[]);
    check(python(&folder), "by_websockets.py", &[&server.address.to_string()]);
}

fn serves_ws_of_node(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_node("ws", "ws@8.23.0"));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    let server = Server::start(binary, &[]);
    check(node(&folder), "by_ws.js", &[&server.address.to_string()]);
}

fn serves_sseclient_of_python_through_restarts(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_python("sseclient", &["sseclient-py==1.9.0"]));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    check_with_restarts(python(&folder), "by_sseclient.py", binary);
}

fn serves_httpx_sse_of_python_through_restarts(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_python("httpx-sse", &["httpx-sse==0.4.3", "httpx==0.28.1"]));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    check_with_restarts(python(&folder), "by_httpx_sse.py", binary);
}

fn serves_eventsource_of_node_through_restarts(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_node("eventsource", "eventsource@5.1.5"));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    check_with_restarts(node(&folder), "by_eventsource.js", binary);
}

fn serves_tuspy_of_python(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_python("tuspy", &["tuspy==1.1.0"]));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    let server = Server::start(binary, &[]);
    check(python(&folder), "by_tuspy.py", &[&server.address.to_string()]);
}

fn serves_tus_js_client_of_node(binary: &str) {
    static FOLDER: Folder = LazyLock::new(|| of_node("tus-js-client", "tus-js-client@4.3.1"));
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    let server = Server::start(binary, &[]);
    check(node(&folder), "by_tus.js", &[&server.address.to_string()]);
}

/// Where a library is, once it was looked for.
type Folder = LazyLock<Result<PathBuf, String>>;

fn of_python(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let python = run(Command::new("python3").arg("--version"))?;
    installed(name, &format!("{python}{}", packages.join(" ")), |folder| python3(folder, packages))
}

fn of_node(name: &str, package: &str) -> Result<PathBuf, String> {
    let node = run(Command::new("node").arg("--version"))?;
    installed(name, &format!("{node}{package}"), |folder| {
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        run(Command::new("npm").args(install).arg(folder).arg(package)).map(drop)
    })
}

fn python(folder: &Path) -> Command {
    let mut python = Command::new(folder.join("bin/python"));
    python.args(["-W", "error"]);
    python
}

fn node(folder: &Path) -> Command {
    let mut node = Command::new("node");
    node.env("NODE_PATH", folder.join("node_modules"));
    node
}

/// Runs a script that starts a server, ends it and starts it again.
fn check_with_restarts(interpreter: Command, script: &str, binary: &str) {
    let (port, data) = (Port::reserve(), tempfile::tempdir().expect("a folder"));
    let data = data.path().to_str().expect("UTF-8");
    check(interpreter, script, &[binary, "--port", &port.number.to_string(), "--data", data]);
}

/// Runs a script to its end. It prints what it is about to check.
fn check(mut interpreter: Command, script: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = interpreter.arg(path).args(arguments).output();
    let output = output.expect("it was there when its library was installed");
    let [said, complaint] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{script}:\n{said}{complaint}");
}
