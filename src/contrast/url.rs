//! The address of a server that is to be measured.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

use super::failure::Failure;

/// `http://host:port/target`, looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub address: SocketAddr,
    /// What stands in the Host field: host and port as they were given.
    pub authority: String,
    /// What is asked for; `/` if nothing was named.
    pub target: String,
}

impl Url {
    /// Reads and looks up an address.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Url, Failure> {
        let wrong =
            |why: &str| Failure::Because(format!("{text}: {why}, such as http://127.0.0.1:8080/hello"));
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(wrong("an address begins with http://"));
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'@';
        if authority.is_empty() || !rest.bytes().all(is_plain) {
            return Err(wrong(
                "an address is a host, perhaps a port, and a target of visible ASCII characters",
            ));
        }
        let address =
            look_up(authority).ok_or_else(|| wrong("there is no such host or port; one that is there"))?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Url { address, authority: authority.to_owned(), target })
    }

    /// The bytes of a request for a target, the last one on its connection or not.
    pub fn request(&self, target: &str, is_last: bool) -> Vec<u8> {
        let close = if is_last { "Connection: close\r\n" } else { "" };
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{close}\r\n", self.authority).into_bytes()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.target)
    }
}

/// The first address of `host`, `host:port` or `[host]:port`.
fn look_up(authority: &str) -> Option<SocketAddr> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    with_port.to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_a_port_and_a_target() {
        let url = Url::parse("http://127.0.0.1:8080/a?b=c").unwrap();
        assert_eq!(url.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((url.authority.as_str(), url.target.as_str()), ("127.0.0.1:8080", "/a?b=c"));
        assert_eq!(url.to_string(), "http://127.0.0.1:8080/a?b=c");
        assert_eq!(Url::parse("http://[::1]").unwrap().address, "[::1]:80".parse().unwrap());
        assert_eq!(Url::parse("http://127.0.0.1:1?x").unwrap().target, "/?x");
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for text in [
            "127.0.0.1:8080",
            "https://127.0.0.1/",
            "http://",
            "http://127.0.0.1:99999/",
            "http://a b/",
            "http:///x",
        ] {
            let why = Url::parse(text).unwrap_err().to_string();
            assert!(why.starts_with(text) && why.contains("http://127.0.0.1:8080/hello"), "{why}");
        }
    }

    #[test]
    fn a_request_says_whether_it_is_the_last() {
        let url = Url::parse("http://127.0.0.1:8080/a").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text(url.request("/b", false)), "GET /b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
        assert_eq!(
            text(url.request("/b", true)),
            "GET /b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n"
        );
    }
}
