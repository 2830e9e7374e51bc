//! One thread that tells the kernel what to do, and hears when it is done: completion, by io_uring.

use std::process::ExitCode;

use clap::Parser;
use wirelab::drivers::listen::listen_patiently;
use wirelab::drivers::uring;
use wirelab::launch::{self, Options};

/// Speaks HTTP/1.1 and WebSocket on raw TCP: one thread, and a kernel that reports back (Linux 6.0 or later)
#[derive(Parser)]
#[command(version, name = NAME, after_help = launch::HELP)]
struct Arguments {
    /// Port to listen on, 0 for any free one, e.g. --port 9002
    #[arg(long, default_value_t = 8002)]
    port: u16,

    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    launch::exit(NAME, run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    // Before anything is opened or announced: a server that cannot serve has nothing to say but why.
    uring::check().map_err(|error| error.to_string())?;
    let server = arguments.options.launch(NAME, "io_uring", arguments.port, listen_patiently)?;
    uring::serve(server.listener, &server.lab, &server.settings, server.stop)
        .map_err(|error| launch::cannot("go on", error))
}

const NAME: &str = "uring-server";
