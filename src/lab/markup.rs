//! What the pages for browsers have in common: they need nothing but themselves.

/// Text as it stands between tags, and in a value between double quotes.
pub fn escaped(text: &str) -> String {
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

/// What a page begins with. The empty icon keeps browsers from asking for /favicon.ico.
pub const HEAD: &str = r#"<!doctype html>
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
