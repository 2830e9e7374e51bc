//! The figures for people: tables, and a sentence to each about what to look at.

use crate::contrast::figures::{Contender, Io, Latency, Load, Process, Syscalls};
use crate::contrast::table::{Shown, Table, count, number, number_or_dash};

/// All figures of a run, table by table.
pub fn tables(io: &Io) -> Vec<Shown> {
    let all = [
        (
            busy_title(io),
            busy(io),
            "Look where the servers part: how requests/s and p99 change with more connections.",
        ),
        (
            "Idle connections: N say nothing, and a few beside them are busy.".to_owned(),
            idle(io),
            "Look at the memory of each idle connection, and whether the busy ones notice the silent.",
        ),
        (
            "New connections: opened, used for one request, closed by the server.".to_owned(),
            new_connections(io),
            "Look how much dearer a request is that brings a connection of its own.",
        ),
        (
            "One blocking request: the same load, without and with a request that computes where it arrived."
                .to_owned(),
            blocked(io),
            "Look at p99.9 and max of the others: where one thread serves all, all wait for the one.",
        ),
    ];
    let shown = all.into_iter().filter(|(_, table, _)| !table.is_empty());
    shown.map(|(title, table, look)| Shown { title, table, look }).collect()
}

fn busy_title(io: &Io) -> String {
    let how = match io.rate {
        Some(rate) => {
            format!("{} requests per second by the clock, latency from when each was due", number(rate))
        }
        None if io.pipelined > 1 => format!("each keeps {} requests under way", io.pipelined),
        None => "each sends its next request when it has its answer".to_owned(),
    };
    format!("Busy connections: {how}; {}.", io.target)
}

fn busy(io: &Io) -> Table {
    let mut table = Table::new(&[&["server", "connections"], LOAD, PROCESS].concat());
    for (server, point) in in_order(io, |server| &server.busy, |point| point.connections) {
        let mut row = vec![server.to_owned(), count(point.connections as u64)];
        row.extend(load_cells(&point.load));
        row.extend(process_cells(point.process.as_ref()));
        table.push(row);
    }
    table
}

fn idle(io: &Io) -> Table {
    let mut table = Table::new(&[&["server", "idle", "MB resident", "kB each", "threads"], LOAD].concat());
    for (server, point) in in_order(io, |server| &server.idle, |point| point.connections) {
        let megabytes = point.resident_bytes.map(|bytes| bytes as f64 / 1e6);
        let mut row = vec![
            server.to_owned(),
            count(point.connections as u64),
            number_or_dash(megabytes),
            number_or_dash(point.resident_bytes_each.map(|bytes| bytes / 1e3)),
            point.threads.map_or_else(|| number_or_dash(None), count),
        ];
        row.extend(load_cells(&point.load));
        table.push(row);
    }
    table
}

fn new_connections(io: &Io) -> Table {
    let head = ["server", "connections/s", "p50 µs", "p99 µs", "p99.9 µs", "errors", "CPU s/100k"];
    let mut table = Table::new(&head);
    for server in &io.servers {
        let Some(new) = &server.new_connections else { continue };
        let mut row = vec![server.name.clone()];
        row.extend(load_cells(&new.load));
        row.push(number_or_dash(new.process.map(|process| process.cpu_seconds_per_100k_requests)));
        table.push(row);
    }
    table
}

fn blocked(io: &Io) -> Table {
    let mut table =
        Table::new(&["server", "blocking request ms", "others", "p50 µs", "p99 µs", "p99.9 µs", "max µs"]);
    for server in &io.servers {
        let Some(blocked) = &server.blocked else { continue };
        for (others, took, load) in
            [("without it", None, &blocked.without), ("with it", Some(blocked.blocking_ms), &blocked.with)]
        {
            let Latency { p50_us, p99_us, p999_us, max_us } = load.latency;
            let mut row = vec![server.name.clone(), number_or_dash(took), others.to_owned()];
            row.extend([p50_us, p99_us, p999_us, max_us].map(number));
            table.push(row);
        }
    }
    table
}

/// Points of all servers, those with the same number of connections beside each other.
fn in_order<'i, P>(
    io: &'i Io,
    points: fn(&Contender) -> &Vec<P>,
    connections: fn(&P) -> usize,
) -> Vec<(&'i str, &'i P)> {
    let of = |server: &'i Contender| points(server).iter().map(|point| (server.name.as_str(), point));
    let mut all: Vec<_> = io.servers.iter().flat_map(of).collect();
    all.sort_by_key(|(_, point)| connections(point));
    all
}

fn load_cells(load: &Load) -> Vec<String> {
    let Latency { p50_us, p99_us, p999_us, .. } = load.latency;
    let mut cells = vec![number(load.requests_per_second.median)];
    cells.extend([p50_us, p99_us, p999_us].map(number));
    cells.push(load.errors.total().to_string());
    cells
}

fn process_cells(process: Option<&Process>) -> Vec<String> {
    let cell = |figure: fn(&Process) -> f64| number_or_dash(process.map(figure));
    let syscalls = process.and_then(|process| process.syscalls_per_request);
    vec![
        cell(|process| process.resident_bytes as f64 / 1e6),
        process.map_or_else(|| number_or_dash(None), |process| count(process.threads)),
        cell(|process| process.voluntary_switches_per_request),
        cell(|process| process.involuntary_switches_per_request),
        number_or_dash(syscalls.map(|Syscalls { per_request, .. }| per_request)),
        cell(|process| process.cpu_seconds_per_100k_requests),
    ]
}

const LOAD: &[&str] = &["requests/s", "p50 µs", "p99 µs", "p99.9 µs", "errors"];

/// Waits and turns: voluntary and involuntary context switches for each request.
const PROCESS: &[&str] = &["MB resident", "threads", "waits/req", "turns/req", "syscalls/req", "CPU s/100k"];
