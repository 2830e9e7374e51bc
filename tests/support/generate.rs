//! Requests that follow the grammar, and such that almost do.

use proptest::prelude::*;
use proptest::sample::Index;

/// A request and what it should be read as.
#[derive(Clone, Debug)]
pub struct Spoken {
    pub method: &'static str,
    pub path: String,
    pub query: Option<String>,
    pub fields: Vec<(String, Vec<u8>)>,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    None,
    Length(Vec<u8>),
    Chunks(Vec<Chunk>, Vec<(String, Vec<u8>)>),
}

/// Data, how its size is written, and what stands behind the size.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub data: Vec<u8>,
    pub zeros: usize,
    pub extension: String,
}

impl Spoken {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {}", self.method, self.path).into_bytes();
        if let Some(query) = &self.query {
            out.extend(format!("?{query}").bytes());
        }
        out.extend(b" HTTP/1.1\r\nHost: lab\r\n");
        push_fields(&self.fields, &mut out);
        match &self.content {
            Content::None => out.extend(b"\r\n"),
            Content::Length(data) => {
                out.extend(format!("Content-Length: {}\r\n\r\n", data.len()).bytes());
                out.extend(data);
            }
            Content::Chunks(chunks, trailers) => {
                out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                chunks.iter().for_each(|chunk| chunk.push(&mut out));
                out.extend(b"0\r\n");
                push_fields(trailers, &mut out);
                out.extend(b"\r\n");
            }
        }
        out
    }

    pub fn data(&self) -> Vec<u8> {
        match &self.content {
            Content::None => Vec::new(),
            Content::Length(data) => data.clone(),
            Content::Chunks(chunks, _) => chunks.iter().flat_map(|chunk| chunk.data.clone()).collect(),
        }
    }
}

impl Chunk {
    fn push(&self, out: &mut Vec<u8>) {
        let (size, zeros) = (self.data.len(), self.zeros);
        out.extend(format!("{:0>zeros$}{size:x}{}\r\n", "", self.extension).bytes());
        out.extend(&self.data);
        out.extend(b"\r\n");
    }
}

fn push_fields(fields: &[(String, Vec<u8>)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        out.extend(name.bytes().chain(*b": "));
        out.extend(value);
        out.extend(b"\r\n");
    }
}

/// A request that follows the grammar, with every kind of framing.
pub fn spoken() -> impl Strategy<Value = Spoken> {
    let method = prop::sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"][..]);
    let path = "/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}|/){0,20}";
    let query = prop::option::of("([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}){0,20}");
    (method, path, query, fields(), content()).prop_map(|(method, path, query, fields, content)| Spoken {
        method,
        path,
        query,
        fields,
        content,
    })
}

fn content() -> impl Strategy<Value = Content> {
    let extension = prop::sample::select(
        &["", ";a", ";a=b", " ; a = b", ";a=\"b;c\\\"\"", ";a;b=\"\"", "\t;\ta=\"\t\x7e\""][..],
    );
    let data = prop::collection::vec(any::<u8>(), 1..40);
    let chunk = (data.clone(), 0..20usize, extension).prop_map(|(data, zeros, extension)| Chunk {
        data,
        zeros,
        extension: extension.to_owned(),
    });
    prop_oneof![
        Just(Content::None),
        data.prop_map(Content::Length),
        (prop::collection::vec(chunk, 0..5), fields())
            .prop_map(|(chunks, trailers)| Content::Chunks(chunks, trailers)),
    ]
}

/// Field lines that decide nothing.
fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = "X-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}";
    let inner = prop_oneof![b' '..=b'~', Just(b'\t'), 0x80u8..];
    let value = prop::collection::vec(inner, 0..20).prop_map(|value| value.trim_ascii().to_vec());
    prop::collection::vec((name, value), 0..20)
}

/// A change of one place.
#[derive(Clone, Debug)]
pub enum Change {
    Insert(Index, &'static str),
    Replace(Index, u8),
    Remove(Index),
    Cut(Index),
}

/// Changes that are likely to break a rule.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    let marks = &[
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
        " ",
        "\t",
        ":",
        ";",
        ",",
        "\0",
        "\x7f",
        "\u{e4}",
        "\"",
        "0",
        "f",
        "%",
        "#",
        "/",
        "http://",
        "HTTP/1.1",
        "Host: a\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ][..];
    let change = prop_oneof![
        4 => (any::<Index>(), prop::sample::select(marks)).prop_map(|(at, mark)| Change::Insert(at, mark)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => any::<Index>().prop_map(Change::Remove),
        1 => any::<Index>().prop_map(Change::Cut),
    ];
    prop::collection::vec(change, 0..3)
}

impl Change {
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Change::Insert(index, mark) => {
                let at = place(index);
                bytes.splice(at..at, mark.bytes());
            }
            Change::Replace(index, byte) => {
                let at = place(index);
                bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
            }
            Change::Remove(index) => {
                let at = place(index);
                bytes.drain(at..(at + 1).min(bytes.len()));
            }
            Change::Cut(index) => bytes.truncate(place(index)),
        }
    }
}
