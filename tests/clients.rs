//! The servers, used by WebSocket libraries as other people use them: one of Python, one of Node, one of Rust.
//!
//! The first two are used by scripts in `tests/clients/`, which can be run by hand as well. The libraries are
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
    };
}

#[path = "support/install.rs"]
mod install;
#[path = "support/server.rs"]
mod server;

#[path = "clients/by_tungstenite.rs"]
mod by_tungstenite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use install::{installed, or_leave_out, python3, run};
use server::Server;

on_each_server!(serves_websockets_of_python, serves_ws_of_node);

fn serves_websockets_of_python(binary: &str) {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let python = run(Command::new("python3").arg("--version"))?;
        installed("websockets", &format!("{python}{WEBSOCKETS}"), |folder| python3(folder, &[WEBSOCKETS]))
    });
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    check(binary, Command::new(folder.join("bin/python")).args(["-W", "error"]), "by_websockets.py");
}

fn serves_ws_of_node(binary: &str) {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let node = run(Command::new("node").arg("--version"))?;
        installed("ws", &format!("{node}{WS}"), |folder| {
            let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
            run(Command::new("npm").args(install).arg(folder).arg(WS)).map(drop)
        })
    });
    let Some(folder) = or_leave_out(FOLDER.clone()) else { return };
    check(binary, Command::new("node").env("NODE_PATH", folder.join("node_modules")), "by_ws.js");
}

/// Runs a script against a server. It prints what it is about to check.
fn check(binary: &str, interpreter: &mut Command, script: &str) {
    let server = Server::start(binary, &[]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = interpreter.arg(path).arg(server.address.to_string()).output();
    let output = output.expect("it was there when its library was installed");
    let [said, complaint] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{script}:\n{said}{complaint}");
}

const WEBSOCKETS: &str = "websockets==17.4";
const WS: &str = "ws@8.23.0";
