//! One page that shows runs: charts and tables, where and when they were made, and by which command. It carries all
//! that it needs, asks nobody for anything and runs nothing, so it can be sent as it is.

use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::charts::{self, Named};
use super::failure::Failure;
use super::figures::{Experiment, Run};
use super::shown::{place, tables, terms};
use super::table::{Shown, escaped};

/// Keeps a run in a folder, and draws all that was kept there: each chart as a file, and [`PAGE`].
///
/// # Errors
/// One line: what cannot be written, or is there and was not written by this program.
pub fn keep(run: &Run, folder: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(run).map_err(|error| Failure::cannot("write JSON", error))?;
    let name = run.experiment.name();
    let cannot = |error: io::Error| Failure::cannot(format_args!("write to {}", folder.display()), error);
    fs::create_dir_all(folder).map_err(cannot)?;
    fs::write(folder.join(name).with_extension("json"), json).map_err(cannot)?;
    for Named { name, chart } in charts::of_run(run) {
        fs::write(folder.join(name).with_extension("svg"), chart.to_svg()).map_err(cannot)?;
    }
    fs::write(folder.join(PAGE), page(&kept(folder)?)).map_err(cannot)
}

/// The latest run of each experiment.
fn kept(folder: &Path) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for name in Experiment::NAMES {
        let path = folder.join(name).with_extension("json");
        let cannot =
            |why: &dyn std::fmt::Display| Failure::cannot(format_args!("read {}", path.display()), why);
        match fs::read(&path) {
            Ok(json) => runs.push(serde_json::from_slice(&json).map_err(|error| cannot(&error))?),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(&error)),
        }
    }
    Ok(runs)
}

/// A page of HTML.
pub fn page(runs: &[Run]) -> String {
    let sections: String = runs.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>wirelab: contrast</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>The contrast, measured</h1>\n{sections}</body>\n</html>\n"
    )
}

fn section(run: &Run) -> String {
    let (heading, lead) = words(&run.experiment);
    let mut html = format!("<section>\n<h2>{}</h2>\n<p>{}</p>\n", escaped(heading), escaped(lead));
    let _ = writeln!(html, "<p class=\"about\">{}</p>", about(run));
    for remark in &run.remarks {
        let _ = writeln!(html, "<p class=\"remark\">{}</p>", escaped(remark));
    }
    html.push_str("<div class=\"charts\">\n");
    for Named { chart, .. } in charts::of_run(run) {
        let _ = writeln!(html, "<figure>{}</figure>", chart.to_svg().trim_end());
    }
    html.push_str("</div>\n");
    for Shown { title, table, look } in tables(run) {
        let table = table.to_html();
        let _ = writeln!(
            html,
            "<h3>{}</h3>\n<div class=\"table\">{table}</div>\n<p class=\"look\">{}</p>",
            escaped(&title),
            escaped(look)
        );
    }
    html.push_str("</section>\n");
    html
}

fn words(experiment: &Experiment) -> (&'static str, &'static str) {
    match experiment {
        Experiment::Io(_) => (
            "Three ways to wait",
            "The same requests to servers that differ in how they wait for the network.",
        ),
        Experiment::Patterns(_) => (
            "The bill",
            "The same news, asked for now and then, waited for, or told: what it costs, and how late it is. \
             Further left is cheaper, further down is earlier.",
        ),
        Experiment::Push(_) => (
            "One publishes, many are told",
            "A topic, its subscribers, and what those who are slow do to the others. A dashed line has slow ones among \
             its subscribers, and counts only what the others got.",
        ),
    }
}

/// How, where and when it was made.
fn about(run: &Run) -> String {
    format!("<code>{}</code>: {}<br>{}", escaped(&run.command), escaped(&terms(run)), escaped(&place(run)))
}

/// The name of the page in its folder.
pub const PAGE: &str = "report.html";

const STYLE: &str = "\
body { font: 16px/1.45 system-ui, sans-serif; color: #222; background: #fff; max-width: 1340px; margin: 2em auto; padding: 0 1.2em }
h1 { font-size: 1.6em; margin-bottom: 0 }
h2 { font-size: 1.25em; margin: 1.8em 0 .3em }
p { max-width: 75ch; margin: .4em 0 }
.about { color: #555; font-size: .9em; max-width: none }
.remark { border-left: 3px solid #999; padding-left: .7em; font-size: .9em }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: .8em; margin: 1em 0 }
figure { margin: 0; border: 1px solid #ddd }
figure svg { display: block; width: 100%; height: auto }
.table { overflow-x: auto; margin: .4em 0 }
table { border-collapse: collapse; font-size: .88em; font-variant-numeric: tabular-nums }
h3 { font-size: 1em; margin: 1.6em 0 .2em }
.look { color: #555; font-size: .9em }
th, td { padding: .18em .8em .18em 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4 }
th:first-child, td:first-child { text-align: left }
thead th { border-bottom: 2px solid #888; font-weight: 600 }
@media print { figure, table { break-inside: avoid } }
";
