//! One thread that waits in one place for all connections: readiness, by mio.

use std::process::ExitCode;

use clap::Parser;
use wirelab::drivers::epoll;
use wirelab::drivers::listen::listen;
use wirelab::launch::{self, Options};

/// Speaks HTTP/1.1 and WebSocket on raw TCP: one thread, one event loop
#[derive(Parser)]
#[command(version, name = NAME, after_help = launch::HELP)]
struct Arguments {
    /// Port to listen on, 0 for any free one, e.g. --port 9000
    #[arg(long, default_value_t = 8000)]
    port: u16,

    #[command(flatten)]
    options: Options,

    /// Read only once when a connection is readable: wrong on purpose, e.g. --read-once --trace
    #[arg(long)]
    read_once: bool,
}

fn main() -> ExitCode {
    launch::exit(NAME, run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut server = arguments.options.launch(NAME, "epoll", arguments.port, listen)?;
    server.settings.read_once = arguments.read_once;
    epoll::serve(server.listener, &server.lab, &server.settings, server.stop)
        .map_err(|error| launch::cannot("go on", error))
}

const NAME: &str = "epoll-server";
