//! The same requests to servers that wait in different ways.

use super::{Named, look_of_server};
use crate::contrast::figures::{Busy, Contender, Io};
use crate::contrast::plot::{Axis, Chart, Point, Series};

pub fn charts(io: &Io) -> Vec<Named> {
    let connections = || Axis::logarithmic("busy connections");
    let over_busy = |value: fn(&Busy) -> f64| {
        series(io, move |server| {
            server.busy.iter().map(|busy| Point::new(busy.connections as f64, value(busy))).collect()
        })
    };
    let throughput = Chart {
        title: format!("Throughput: GET {}", io.target),
        footer: String::new(),
        x: connections(),
        y: Axis::linear("requests per second"),
        series: over_busy(|busy| busy.load.requests_per_second.median),
    };
    let latency = |title: &str, value| Chart {
        title: title.to_owned(),
        footer: String::new(),
        x: connections(),
        y: Axis::logarithmic("milliseconds"),
        series: over_busy(value),
    };
    let memory = Chart {
        title: "Memory of a server whose clients say nothing".to_owned(),
        footer: String::new(),
        x: Axis::logarithmic("idle connections"),
        y: Axis::logarithmic("resident memory in MB"),
        series: series(io, |server| {
            let points = server.idle.iter().filter(|idle| idle.connections > 0);
            let place = |bytes: u64| bytes as f64 / 1e6;
            points
                .filter_map(|idle| Some(Point::new(idle.connections as f64, place(idle.resident_bytes?))))
                .collect()
        }),
    };
    let all = [
        ("throughput", throughput),
        ("latency-median", latency("Latency, median", |busy| busy.load.latency.p50_us / 1e3)),
        ("latency-p99", latency("Latency, 99th percentile", |busy| busy.load.latency.p99_us / 1e3)),
        ("memory", memory),
    ];
    let has_points = |chart: &Chart| chart.series.iter().any(|series| !series.points.is_empty());
    let drawn = all.into_iter().filter(|(_, chart)| has_points(chart));
    drawn.map(|(name, chart)| Named { name: name.to_owned(), chart }).collect()
}

fn series(io: &Io, points: impl Fn(&Contender) -> Vec<Point>) -> Vec<Series> {
    let of_server = |(place, server): (usize, &Contender)| Series {
        name: server.name.clone(),
        look: look_of_server(&server.name, place),
        points: points(server),
    };
    io.servers.iter().enumerate().map(of_server).collect()
}
