//! Where a run takes place: without it, figures mean little.

use std::fs;
use std::thread;
use std::time::SystemTime;

use super::figures::Machine;

/// This machine, as far as it tells.
pub fn this() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let kilobytes = memory.and_then(|memory| memory.trim_end_matches(" kB").parse::<u64>().ok());
    let release = read("/proc/sys/kernel/osrelease");
    Machine {
        processor: value(&read("/proc/cpuinfo"), "model name")
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: kilobytes.unwrap_or_default() * 1024,
        system: match release.trim() {
            "" => std::env::consts::OS.to_owned(),
            release => format!("Linux {release}"),
        },
    }
}

/// The date, as HTTP writes it.
pub fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}
