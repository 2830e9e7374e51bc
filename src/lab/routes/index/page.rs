//! The list of routes as a page that needs nothing but itself.

use super::{GREETING, TITLE, all, command, methods};
use crate::http::Method;
use crate::lab::markup::{HEAD, escaped};
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
    if !route.methods.contains(&Method::Get) || opens_a_websocket(route) {
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

/// A click sends no opening handshake, and would lead to a refusal.
fn opens_a_websocket(route: &Route) -> bool {
    ["ws://", "Upgrade: websocket"].iter().any(|sign| route.example.contains(sign))
}

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
        assert_eq!(leads_to("/ws/frames"), None);
    }
}
