//! A thread for each connection, which blocks while it waits.

use std::process::ExitCode;

use clap::Parser;
use wirelab::drivers::listen::listen;
use wirelab::drivers::threads;
use wirelab::launch::{self, Options};

/// Speaks HTTP/1.1 and WebSocket on raw TCP: a blocking thread a connection
#[derive(Parser)]
#[command(version, name = NAME, after_help = launch::HELP)]
struct Arguments {
    /// Port to listen on, 0 for any free one, e.g. --port 9001
    #[arg(long, default_value_t = 8001)]
    port: u16,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    launch::exit(NAME, run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let server = arguments.options.launch(NAME, "threads", arguments.port, listen)?;
    threads::serve(server.listener, &server.lab, &server.settings, server.stop)
        .map_err(|error| launch::cannot("go on", error))
}

const NAME: &str = "threaded-server";
