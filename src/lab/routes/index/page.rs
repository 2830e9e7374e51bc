//! The list of routes as a page that needs nothing but itself.

use super::{GREETING, TITLE, all, command, methods};
use crate::http::Method;
use crate::lab::router::Route;

pub(super) fn render(at: &str) -> String {
    let routes: String = all().map(|route| section(route, at)).collect();
    format!("{HEAD}<h1>{}</h1>\n<p>{}</p>\n{routes}</html>\n", escaped(TITLE), escaped(GREETING))
}

fn section(route: &Route, at: &str) -> String {
    let name = format!("{} <b>{}</b>", methods(route), escaped(route.pattern));
    let name = match path_to_try(route) {
        Some(path) => format!("<a href=\"{}\">{name}</a>", escaped(path)),
        None => name,
    };
    let about = escaped(route.about);
    let command = escaped(&command(route, at));
    format!("<section>\n<h2>{name}</h2>\n<p>{about}</p>\n<pre>{command}</pre>\n</section>\n")
}

/// What a click may lead to, for a route that answers GET: its path in the example, else the path that it has.
fn path_to_try(route: &Route) -> Option<&'static str> {
    if !route.methods.contains(&Method::Get) {
        return None;
    }
    let (literal, is_family) = match route.pattern.split_once('{') {
        Some((literal, _)) => (literal, true),
        None => (route.pattern, false),
    };
    let paths = route.example.split("{at}").skip(1);
    let mut paths = paths.map(|path| &path[..path.find([' ', '"', '\'', ';']).unwrap_or(path.len())]);
    paths.find(|path| path.starts_with(literal)).or((!is_family).then_some(route.pattern))
}

/// Text as it stands between tags, and in a value between double quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The empty icon keeps browsers from asking for /favicon.ico.
const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>wirelab</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; }
h2 { margin: 0; font: 1rem/1.5 ui-monospace, monospace; }
section { margin: 1.6rem 0; }
section p { margin: 0.1rem 0 0.4rem; }
pre { margin: 0; padding: 0.5rem 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 4px;
  background: #8882; }
a { text-decoration: none; }
a:hover { text-decoration: underline; }
</style>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_leads_to_the_route_it_stands_at() {
        let leads_to = |pattern| path_to_try(all().find(|route| route.pattern == pattern).unwrap());
        assert_eq!(leads_to("/wire/last"), Some("/wire/last"));
        assert_eq!(leads_to("/raw"), Some("/raw"));
        assert_eq!(leads_to("/bytes/{n}"), Some("/bytes/100"));
        assert_eq!(leads_to("/drip"), Some("/drip?numbytes=5&duration=2&framing=chunked"));
    }
}
