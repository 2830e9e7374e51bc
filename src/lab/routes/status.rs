//! Any status code, with the field lines that its definition asks for (RFC 9110 §15).

use crate::http::Response;
use crate::http::response::{is_without_content, reason};
use crate::lab::exchange::{Answer, Call};
use crate::lab::params;
use crate::lab::refusal::Refusal;

/// `/status/{code}`
pub fn status(call: &Call<'_>) -> Result<Answer, Refusal> {
    let given = &call.captured[0];
    if matches!(given.as_bytes(), [b'1', b'0'..=b'9', b'0'..=b'9']) {
        return Err(Refusal::new(
            400,
            format!("{given} is an interim response: a final one has to follow it (RFC 9110 §15.2)"),
            "a code from 200 to 599; for a 100: curl -v -H 'Expect: 100-continue' -d hi …/echo",
        ));
    }
    let status = params::number("code", given, 200..=599)? as u16;
    Ok(with_due_fields(with_due_content(status)).into())
}

/// `GET /redirect`
pub fn redirect(_call: &Call<'_>) -> Result<Answer, Refusal> {
    let response = Response::new(301).with_content("text/html; charset=utf-8", MOVED_PAGE);
    Ok(response.with("Location", "/").into())
}

fn with_due_content(status: u16) -> Response {
    match (status, reason(status)) {
        // A 205 has no content, and says so with a length of 0 (RFC 9110 §15.3.6).
        (205, _) => Response::new(status),
        _ if is_without_content(status) => Response::new(status),
        (_, "") => Response::text(status, format!("{status}, a code that nobody has registered\n")),
        (_, reason) => Response::text(status, format!("{status} {reason}\n")),
    }
}

fn with_due_fields(response: Response) -> Response {
    match response.status {
        206 => {
            let range = format!("bytes 0-{}/2060", response.content.len() - 1);
            response.with("Content-Range", range) // §15.3.7
        }
        304 => response,
        300..=399 => response.with("Location", "/"), // §15.4
        401 => response.with("WWW-Authenticate", "Basic realm=\"wirelab\""), // §15.5.2
        405 => response.with("Allow", "GET, HEAD, OPTIONS"), // §15.5.6
        407 => response.with("Proxy-Authenticate", "Basic realm=\"wirelab\""), // §15.5.8
        416 => response.with("Content-Range", "bytes */2060"), // §15.5.17
        // "A sender of Upgrade MUST also send an 'Upgrade' connection option" (§7.8).
        426 => response.with("Upgrade", "websocket").with("Connection", "Upgrade"), // §15.5.22
        429 | 503 => response.with("Retry-After", "1"), // RFC 6585 §4, RFC 9110 §15.6.4
        _ => response,
    }
}

const MOVED_PAGE: &str = "\
<!doctype html>
<title>301 Moved Permanently</title>
<h1>301 Moved Permanently</h1>
<p>What you look for is <a href=\"/\">here</a>.</p>
";
