//! Which pages of a browser may open a connection (RFC 6455 §10.2, RFC 6454).

use core::net::{Ipv4Addr, Ipv6Addr};

/// Whether the Origin field, if there is one, names a page that may talk to `host`, the host and port that the
/// request is for.
pub(super) fn is_allowed<'b>(
    mut origins: impl Iterator<Item = &'b [u8]>,
    host: &str,
    listed: &[String],
) -> bool {
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(_), Some(_)) => false,
        (Some(origin), None) => str::from_utf8(origin).is_ok_and(|origin| {
            listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
                || Page::parse(origin).is_some_and(|page| page.is_on_loopback() || page.is_from(host))
        }),
    }
}

/// Where a page came from.
///
/// ```text
/// serialized-origin = scheme "://" host [ ":" port ]
/// ```
struct Page<'b> {
    usual_port: &'static str,
    authority: Authority<'b>,
}

/// A host, and its port as it is written.
#[derive(Clone, Copy)]
struct Authority<'b> {
    host: &'b str,
    port: Option<&'b str>,
}

impl<'b> Page<'b> {
    /// `None` for `null`, which stands for pages that belong nowhere, and for what no web server has sent.
    fn parse(origin: &'b str) -> Option<Page<'b>> {
        let (scheme, authority) = origin.split_once("://")?;
        let usual_port = match () {
            () if scheme.eq_ignore_ascii_case("http") => "80",
            () if scheme.eq_ignore_ascii_case("https") => "443",
            () => return None,
        };
        let authority = Authority::parse(authority);
        (!authority.host.is_empty()).then_some(Page { usual_port, authority })
    }

    fn is_on_loopback(&self) -> bool {
        let host = self.authority.host;
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || address
                .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
    }

    /// The scheme does not count: whoever ends TLS in front of this server passes the host on. The scheme's own port
    /// may be written or not.
    fn is_from(&self, host: &str) -> bool {
        let asked = Authority::parse(host);
        let [own_port, asked_port] =
            [self.authority.port, asked.port].map(|port| port.filter(|port| *port != self.usual_port));
        self.authority.host.eq_ignore_ascii_case(asked.host) && own_port == asked_port
    }
}

impl<'b> Authority<'b> {
    /// The colons of an IPv6 address stand before its bracket.
    fn parse(text: &'b str) -> Authority<'b> {
        match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                Authority { host, port: Some(port).filter(|port| !port.is_empty()) }
            }
            _ => Authority { host: text, port: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(origin: &str, host: &str) -> bool {
        is_allowed([origin.as_bytes()].into_iter(), host, &["https://course.example".to_owned()])
    }

    #[test]
    fn who_is_here_already_is_allowed() {
        for (origin, host) in [
            ("http://lab.example", "lab.example"),
            ("http://LAB.example:80", "lab.example"),
            ("http://lab.example", "lab.EXAMPLE:80"),
            ("https://lab.example", "lab.example"),
            ("https://lab.example", "lab.example:443"),
            ("http://lab.example:8000", "lab.example:8000"),
            ("http://[2001:db8::1]:8000", "[2001:db8::1]:8000"),
            ("http://[2001:db8::1]", "[2001:db8::1]"),
            ("http://localhost:3000", "lab.example"),
            ("https://127.0.0.2", "lab.example"),
            ("http://[::1]:5173", "lab.example"),
            ("https://course.example", "lab.example"),
            ("HTTPS://Course.example", "lab.example"),
        ] {
            assert!(allows(origin, host), "{origin} {host}");
        }
        assert!(is_allowed([].into_iter(), "lab.example", &[]));
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        for (origin, host) in [
            ("null", "null"),
            ("", ""),
            ("http://", ""),
            ("lab.example", "lab.example"),
            ("file://lab.example", "lab.example"),
            ("http://other.example", "lab.example"),
            ("http://lab.example:8001", "lab.example:8000"),
            ("http://lab.example:443", "lab.example"),
            ("http://lab.example.other.example", "lab.example"),
            ("http://localhost.other.example", "lab.example"),
            ("http://127.0.0.1.other.example", "lab.example"),
            ("http://localhost@other.example", "lab.example"),
            ("http://course.example", "lab.example"),
            ("https://course.example:8443", "lab.example"),
        ] {
            assert!(!allows(origin, host), "{origin} {host}");
        }
        let twice = [&b"http://localhost"[..], b"http://localhost"];
        assert!(!is_allowed(twice.into_iter(), "lab.example", &[]));
        assert!(!is_allowed([&b"http://\xff"[..]].into_iter(), "lab.example", &[]));
    }
}
