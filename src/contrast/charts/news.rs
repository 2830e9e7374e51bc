//! News that is asked for or told, and news for many.

use super::{Named, look_of_server};
use crate::contrast::figures::{Bill, Billed, FanOut, Patterns, Push, Pushed, Watched};
use crate::contrast::plot::{Axis, Chart, Look, Point, Series};
use crate::contrast::table::count;

pub fn of_patterns(patterns: &Patterns) -> Vec<Named> {
    let of_server = |server: &Billed| {
        [Watched::Topic, Watched::Job]
            .map(|watched| of_bills(patterns, &server.name, &bills(server, watched), watched))
    };
    patterns.servers.iter().flat_map(of_server).flatten().collect()
}

fn bills(server: &Billed, watched: Watched) -> Vec<&Bill> {
    server.bills.iter().filter(|bill| bill.watched == watched).collect()
}

/// What was watched on one server, in all ways.
fn of_bills(patterns: &Patterns, server: &str, bills: &[&Bill], watched: Watched) -> Vec<Named> {
    let word = match watched {
        Watched::Topic => "topic",
        Watched::Job => "job",
    };
    let Some(watchers) = shown_watchers(bills) else { return Vec::new() };
    let per_event = move |bill: &Bill| bill.each(bill.bytes_up + bill.bytes_down) / patterns.events as f64;
    let cost = Chart {
        title: format!("{server}, {} of a {word}: lateness, mean to 99th percentile", people(watchers)),
        footer: String::new(),
        x: Axis::logarithmic("bytes for an event and a watcher, both ways"),
        y: Axis::logarithmic("lateness in milliseconds"),
        series: by_way(
            bills,
            |_, identity| Look::marks(identity),
            |bill| {
                let Bill { lateness, .. } = bill;
                let point = Point::with_whisker(per_event(bill), lateness.mean_ms, lateness.p99_ms);
                (bill.watchers == watchers).then_some(point)
            },
        ),
    };
    let late = Chart {
        title: format!("{server}, a {word}: how late the news is, 99th percentile"),
        footer: String::new(),
        x: Axis::logarithmic("watchers"),
        y: Axis::logarithmic("milliseconds"),
        series: by_way(bills, joined, |bill| Some(Point::new(bill.watchers as f64, bill.lateness.p99_ms))),
    };
    let busy = Chart {
        title: format!("{server}, a {word}: what the server computes for it"),
        footer: String::new(),
        x: Axis::logarithmic("watchers"),
        y: Axis::linear("CPU of the server, in per cent of a core"),
        series: by_way(bills, joined, |bill| {
            Some(Point::new(bill.watchers as f64, bill.cpu_ms? / bill.seconds / 10.0))
        }),
    };
    let named = |what: &str, chart| Named { name: format!("{what}-{word}-{server}"), chart };
    vec![named("bill", cost), named("lateness", late), named("cpu", busy)]
}

/// The crowd for which the bill is drawn: large, but not so large that the machine is in its way.
fn shown_watchers(bills: &[&Bill]) -> Option<usize> {
    let all = || bills.iter().map(|bill| bill.watchers);
    all().filter(|watchers| *watchers <= 1000).max().or_else(|| all().min())
}

fn people(watchers: usize) -> String {
    format!("{} watcher{}", count(watchers as u64), if watchers == 1 { "" } else { "s" })
}

/// Dashed where somebody has to ask.
fn joined(bill: &Bill, identity: usize) -> Look {
    if bill.is_push { Look::solid(identity) } else { Look::dashed(identity) }
}

fn by_way(
    bills: &[&Bill],
    look: fn(&Bill, usize) -> Look,
    point: impl Fn(&Bill) -> Option<Point>,
) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for bill in bills {
        let place = series.iter().position(|series| series.name == bill.way).unwrap_or_else(|| {
            series.push(Series {
                name: bill.way.clone(),
                look: look(bill, series.len()),
                points: Vec::new(),
            });
            series.len() - 1
        });
        series[place].points.extend(point(bill));
    }
    series
}

pub fn of_push(push: &Push) -> Vec<Named> {
    let mut ways: Vec<&str> = Vec::new();
    for fan_out in push.servers.iter().flat_map(|server| &server.fan_outs) {
        if !ways.contains(&&*fan_out.way) {
            ways.push(&fan_out.way);
        }
    }
    ways.iter().flat_map(|way| of_way(push, way)).collect()
}

fn of_way(push: &Push, way: &str) -> [Named; 2] {
    let size = count(push.data_bytes as u64);
    let deliveries = Chart {
        title: format!("{way}: events of {size} bytes to all who read"),
        footer: String::new(),
        x: Axis::logarithmic("subscribers"),
        y: Axis::linear("deliveries per second"),
        series: by_server(push, way, |fan_out| fan_out.deliveries_per_second),
    };
    let last = Chart {
        title: format!("{way}: until the last reader has an event, mean"),
        footer: String::new(),
        x: Axis::logarithmic("subscribers"),
        y: Axis::logarithmic("milliseconds"),
        series: by_server(push, way, |fan_out| fan_out.lateness_of_last.mean_ms),
    };
    let word = way.replace(' ', "-");
    [("deliveries", deliveries), ("last", last)]
        .map(|(what, chart)| Named { name: format!("{what}-{word}"), chart })
}

/// Two lines a server: nobody is slow, and some are.
fn by_server(push: &Push, way: &str, value: fn(&FanOut) -> f64) -> Vec<Series> {
    let of_server = |(place, server): (usize, &Pushed)| {
        let Look { identity, .. } = look_of_server(&server.name, place);
        [(false, "all read", Look::solid(identity)), (true, "some are slow", Look::dashed(identity))].map(
            |(has_slow, who, look)| {
                let shown = |fan_out: &&FanOut| fan_out.way == way && (fan_out.slow > 0) == has_slow;
                let point = |fan_out: &FanOut| Point::new(fan_out.subscribers as f64, value(fan_out));
                let points = server.fan_outs.iter().filter(shown).map(point).collect();
                Series { name: format!("{}, {who}", server.name), look, points }
            },
        )
    };
    push.servers.iter().enumerate().flat_map(of_server).filter(|series| !series.points.is_empty()).collect()
}
