//! A trace in a note is true: the server still says `S:` when it hears `C:`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use wirelab::wire::notation::{Side, print_block};
use wirelab::wire::script::{Expected, Given, Script, Turn};

use super::process::Server;

/// Plays a script to a server with frozen date and counters.
pub fn check(server: &str, script: &str) -> Result<(), String> {
    let script: Script = script.parse().map_err(|error| format!("{error}"))?;
    let server = Server::start(&format!("{server} --golden --port 0"), Path::new("."))?;
    let address = server.announced.split_whitespace().find_map(|word| word.strip_prefix("http://"));
    let mut stream = TcpStream::connect(address.ok_or("it does not say where it listens")?).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    script.turns().iter().try_for_each(|turn| play(turn, &mut stream))
}

fn play(turn: &Turn, stream: &mut TcpStream) -> Result<(), String> {
    for step in &turn.given {
        match &step.what {
            Given::Bytes(bytes) => stream.write_all(bytes).map_err(text)?,
            Given::Eof => stream.shutdown(Shutdown::Write).map_err(text)?,
            Given::Clock(_) => return Err("time passes by itself on a real server".into()),
        }
    }
    for step in &turn.expected {
        match &step.what {
            Expected::Event(_) | Expected::Error(_) => {} // the fixtures are about these
            Expected::Bytes(bytes) => {
                let mut heard = Vec::new();
                let result = stream.take(bytes.len() as u64).read_to_end(&mut heard);
                if *bytes != heard {
                    let mut lines = String::new();
                    print_block(Side::Server, &heard, &mut lines);
                    return Err(format!("the server said ({result:?})\n{lines}"));
                }
            }
            Expected::HalfClose | Expected::Close => match stream.read(&mut [0; 1]) {
                Ok(0) => {}
                other => return Err(format!("the server did not finish: {other:?}")),
            },
            Expected::Reset => match stream.read(&mut [0; 1]) {
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                other => return Err(format!("the server did not reset: {other:?}")),
            },
        }
    }
    Ok(())
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

const PATIENCE: Duration = Duration::from_secs(5);
