//! Those who upload: one content after the other, each in one way, until it is an image, however often it is cut.

use std::io;
use std::net::Shutdown;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::Value;
use sha1::{Digest, Sha1};
use wirelab::lab::journal::Ack;

use crate::client::{Answer, Client, get};
use crate::publisher::ACKS;
use crate::request::{Cut, cut, hear, request};
use crate::sources::Sources;
use crate::upload_rules::{Account, Entry, What};
use crate::world::World;

/// One who uploads.
pub struct Uploader<'w> {
    world: &'w World,
    sources: &'w Sources,
    name: &'static str,
    chance: Rng,
    /// Connections in the middle of a request that nobody goes on with.
    silent: Vec<Client>,
    accounts: Vec<Account>,
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Whole,
    Draft,
    Tus {
        /// Everything that is sent has a checksum.
        checked: bool,
    },
    /// So many of them, in any order, and the same more than once.
    Parts(usize),
}

/// What is uploaded, and how far it is.
struct Upload {
    way: Way,
    content: Vec<u8>,
    image: String,
    number: Option<u64>,
    /// Where it goes on, if that is known.
    offset: Option<usize>,
}

impl<'w> Uploader<'w> {
    pub fn new(world: &'w World, sources: &'w Sources, name: &'static str, chance: Rng) -> Uploader<'w> {
        Uploader { world, sources, name, chance, silent: Vec::new(), accounts: Vec::new() }
    }

    /// Answers what it has done.
    pub fn work(mut self) -> Vec<Account> {
        while !self.world.is_closing() {
            let (content, image) = self.sources.make(&mut self.chance);
            let (length, log) = (content.len(), Vec::new());
            self.accounts.push(Account { image: image.clone(), length, log });
            let parts = Way::Parts(self.chance.usize(1..=4).min(length.max(1)));
            let [loose, checked] = [false, true].map(|checked| Way::Tus { checked });
            let ways = [Way::Whole, Way::Draft, loose, checked, parts];
            let way = self.chance.choice(ways).expect("one of them");
            let mut upload = Upload { way, content, image, number: None, offset: None };
            while !self.sit(&mut upload) {}
        }
        self.accounts
    }

    /// Goes on with an upload on one connection; tells whether it is done.
    fn sit(&mut self, upload: &mut Upload) -> bool {
        let (client, life) = self.world.connect();
        upload.offset = None;
        let done = self.go_on(client, life, upload);
        done.unwrap_or_else(|error| {
            self.world.expect_broken(&error, self.name);
            false
        })
    }

    fn go_on(&mut self, mut client: Client, life: usize, upload: &mut Upload) -> io::Result<bool> {
        loop {
            if upload.number.is_none() && self.has_arrived(&mut client, life, upload)? {
                return Ok(true);
            }
            let left = match (upload.way, upload.number, upload.offset) {
                (Way::Whole, ..) => self.post(client, life, upload)?,
                (Way::Parts(count), None, _) => self.begin_parts(client, life, count, upload)?,
                (Way::Parts(count), Some(number), _) if self.chance.usize(..=count) == 0 => {
                    self.join(client, life, number, upload)?
                }
                (Way::Parts(count), Some(number), _) => self.put(client, life, (number, count), upload)?,
                (_, None, _) => self.begin(client, life, upload)?,
                (_, Some(number), None) => self.ask(client, life, number, upload)?,
                (_, Some(number), Some(offset)) => self.append(client, life, (number, offset), upload)?,
            };
            let Some(left) = left else { return Ok(false) };
            client = left;
            self.world.note_done();
        }
    }

    /// Looks whether the image is there, and takes it away again, perhaps.
    fn has_arrived(&mut self, client: &mut Client, life: usize, upload: &Upload) -> io::Result<bool> {
        client.try_send(get(&upload.image))?;
        let answer = client.try_answer()?;
        if answer.status == 404 {
            self.note(life, What::NoImage);
            return Ok(false);
        }
        assert!(answer.status == 200 && answer.content == upload.content, "{}", answer.head);
        self.note(life, What::Complete { ack: Ack::Write });
        if self.chance.u8(..4) > 0 {
            self.sources.give_up(&upload.image);
            self.note(life, What::Deleting);
            client.try_send(format!("DELETE {} HTTP/1.1\r\nHost: lab\r\n\r\n", upload.image))?;
            assert_eq!(client.try_answer()?.status, 204);
        }
        self.world.note_done();
        Ok(true)
    }

    /// All in one request.
    fn post(&mut self, client: Client, life: usize, upload: &Upload) -> io::Result<Option<Client>> {
        let (word, ack) = self.chance.choice(ACKS).expect("one of them");
        let head = format!("POST /images?ack={word} HTTP/1.1\r\nHost: lab\r\n");
        let bytes = request(&head, &upload.content, &mut self.chance);
        let Some((client, answer)) = self.send(client, life, &bytes, None, |_| {})? else { return Ok(None) };
        match answer.status {
            201 | 303 => {
                assert_eq!(answer.field("Location"), Some(&*upload.image));
                self.note(life, What::Complete { ack });
            }
            400 => return Ok(None), // it was cut
            _ => panic!("{}{}", answer.head, answer.text()),
        }
        Ok(Some(client))
    }

    /// The first bytes of an upload, if any.
    fn begin(&mut self, client: Client, life: usize, upload: &mut Upload) -> io::Result<Option<Client>> {
        let (word, ack) = self.chance.choice(ACKS).expect("one of them");
        let (length, way) = (upload.content.len(), upload.way);
        let some = self.chance.usize(..=length);
        let end = self.chance.choice([0, some, length]).expect("one of them");
        let (content, is_last) = (&upload.content[..end], end == length && self.chance.bool());
        let mut head = format!("POST /uploads?ack={word} HTTP/1.1\r\nHost: lab\r\n");
        match way {
            Way::Tus { .. } => head += &format!("{TUS}Upload-Length: {length}\r\n"),
            _ => head += &format!("{INTEROP}Upload-Complete: ?{}\r\n", u8::from(is_last)),
        }
        if way == Way::Draft && self.chance.bool() {
            head += &format!("Upload-Length: {length}\r\n");
        }
        if matches!(way, Way::Tus { .. }) {
            head += "Content-Type: application/offset+octet-stream\r\n";
        }
        if way == (Way::Tus { checked: true }) {
            head += &checksum(content);
        }
        let bytes = request(&head, content, &mut self.chance);
        let mut number = None;
        let sent = self.send(client, life, &bytes, None, |interim| {
            number = number.or(number_in(interim));
        })?;
        let answered = sent.as_ref().map(|(_, answer)| answer);
        number = number.or(answered.and_then(number_in));
        let Some(number) = number else { return Ok(None) };
        upload.number = Some(number);
        self.note(life, What::Begun(number));
        self.note_sent(life, end, upload);
        let Some((client, answer)) = sent else { return Ok(None) };
        self.hear(&answer, ack, life, upload);
        Ok(Some(client))
    }

    fn begin_parts(
        &mut self,
        mut client: Client,
        life: usize,
        count: usize,
        upload: &mut Upload,
    ) -> io::Result<Option<Client>> {
        client.try_send(format!("POST /uploads?parts={count} HTTP/1.1\r\nHost: lab\r\n\r\n"))?;
        let answer = client.try_answer()?;
        upload.number = number_in(&answer);
        self.note(life, What::Begun(upload.number.expect("where it is")));
        Ok(Some(client))
    }

    /// One of the parts, whether it is there already or not.
    fn put(
        &mut self,
        client: Client,
        life: usize,
        (number, count): (u64, usize),
        upload: &mut Upload,
    ) -> io::Result<Option<Client>> {
        let (word, ack) = self.chance.choice(ACKS).expect("one of them");
        let (part, length) = (self.chance.usize(..count), upload.content.len());
        let content = &upload.content[part * length / count..(part + 1) * length / count];
        let part = part + 1;
        let head = format!("PUT /uploads/{number}/parts/{part}?ack={word} HTTP/1.1\r\nHost: lab\r\n");
        let bytes = request(&head, content, &mut self.chance);
        let Some((client, answer)) = self.send(client, life, &bytes, None, |_| {})? else { return Ok(None) };
        match answer.status {
            200 => self.note(life, What::PartThere { part, ack }),
            400 => return Ok(None), // it was cut
            _ => self.hear_end(&answer, life, upload),
        }
        Ok(Some(client))
    }

    /// Says that these were all, right or wrong.
    fn join(
        &mut self,
        mut client: Client,
        life: usize,
        number: u64,
        upload: &mut Upload,
    ) -> io::Result<Option<Client>> {
        self.note(life, What::SentLast);
        client.try_send(format!("POST /uploads/{number}/complete HTTP/1.1\r\nHost: lab\r\n\r\n"))?;
        let answer = client.try_answer()?;
        let told: Value = serde_json::from_slice(&answer.content).unwrap_or_default();
        match (answer.status, told["missing"].as_array()) {
            (200 | 201, _) => {
                assert_eq!(answer.field("Location"), Some(&*upload.image));
                self.note(life, What::Complete { ack: Ack::Write });
                upload.number = None;
            }
            (409, Some(missing)) => {
                let missing = missing.iter().filter_map(|part| Some(part.as_u64()? as usize)).collect();
                self.note(life, What::PartsMissing(missing));
            }
            _ => self.hear_end(&answer, life, upload),
        }
        Ok(Some(client))
    }

    /// The upload is not there, or is one no more.
    fn hear_end(&mut self, answer: &Answer, life: usize, upload: &mut Upload) {
        assert!([404, 409, 410].contains(&answer.status), "{}{}", answer.head, answer.text());
        if answer.status == 404 {
            self.note(life, What::Missing);
        }
        upload.number = None;
    }

    /// Asks where it goes on, or gives it up.
    fn ask(
        &mut self,
        mut client: Client,
        life: usize,
        number: u64,
        upload: &mut Upload,
    ) -> io::Result<Option<Client>> {
        if self.chance.u8(..10) == 0 && !self.world.is_closing() {
            self.note(life, What::Cancelling);
            client.try_send(asked("DELETE", number, upload.way))?;
            if client.try_answer()?.status == 204 {
                self.note(life, What::Cancelled);
            }
        }
        self.look(&mut client, life, number, upload)?;
        Ok(Some(client))
    }

    fn look(&mut self, client: &mut Client, life: usize, number: u64, upload: &mut Upload) -> io::Result<()> {
        client.try_send(asked("HEAD", number, upload.way))?;
        let told = client.try_head()?;
        upload.offset = offset_in(&told);
        match upload.offset {
            Some(offset) => {
                self.note(life, What::Holds { offset, ack: Ack::Write });
                let is_tus = matches!(upload.way, Way::Tus { .. });
                if told.has("Upload-Complete: ?1") || (is_tus && offset == upload.content.len()) {
                    self.note(life, What::Complete { ack: Ack::Write });
                    (upload.number, upload.offset) = (None, None);
                }
            }
            None => {
                assert!([404, 409].contains(&told.status), "{}", told.head);
                if told.status == 404 {
                    self.note(life, What::Missing);
                    upload.number = None;
                }
            }
        }
        Ok(())
    }

    /// More of it.
    fn append(
        &mut self,
        client: Client,
        life: usize,
        (number, offset): (u64, usize),
        upload: &mut Upload,
    ) -> io::Result<Option<Client>> {
        let (word, ack) = self.chance.choice(ACKS).expect("one of them");
        let left = upload.content.len() - offset;
        let some = self.chance.usize(..=left);
        let count = self.chance.choice([some, left, left]).expect("one of them");
        let (content, end) = (&upload.content[offset..offset + count], offset + count);
        let mut head = format!(
            "PATCH /uploads/{number}?ack={word} HTTP/1.1\r\nHost: lab\r\nUpload-Offset: {offset}\r\n"
        );
        let is_last = end == upload.content.len() && self.chance.u8(..4) > 0;
        let is_wrong = upload.way == Way::Tus { checked: true } && count > 0 && self.chance.u8(..8) == 0;
        match upload.way {
            Way::Tus { checked } => {
                head += &format!("{TUS}Content-Type: application/offset+octet-stream\r\n");
                if checked {
                    head += &checksum(if is_wrong { b"something else" } else { content });
                }
            }
            _ => {
                let last = u8::from(is_last);
                head += &format!(
                    "{INTEROP}Content-Type: application/partial-upload\r\nUpload-Complete: ?{last}\r\n"
                );
            }
        }
        let bytes = request(&head, content, &mut self.chance);
        if !is_wrong {
            self.note_sent(life, end, upload);
        }
        upload.offset = None;
        let sent = self.send(client, life, &bytes, Some((number, upload)), |_| {})?;
        let Some((mut client, answer)) = sent else { return Ok(None) };
        assert!(!(is_wrong && answer.status < 300), "{}", answer.head);
        self.hear(&answer, ack, life, upload);
        if answer.status < 300 && count > 0 && self.chance.u8(..4) == 0 {
            client.try_send(&bytes)?;
            let again = hear(&mut client, |_| {})?;
            assert!((400..500).contains(&again.status), "the same once more: {}", again.head);
        }
        Ok(Some(client))
    }

    /// Takes up what an answer says of how far it is.
    fn hear(&mut self, answer: &Answer, ack: Ack, life: usize, upload: &mut Upload) {
        assert!(answer.status < 500, "{}{}", answer.head, answer.text());
        // Who was refused asks; 409 with an offset is as sure as if it had asked.
        let Some(offset) = offset_in(answer) else { return };
        let ack = if answer.status < 300 { ack } else { Ack::Write };
        let is_tus = matches!(upload.way, Way::Tus { .. });
        let is_complete = answer.has("Upload-Complete: ?1") || (is_tus && offset == upload.content.len());
        self.note(life, What::Holds { offset, ack });
        if is_complete && answer.status < 300 {
            self.note(life, What::Complete { ack });
            (upload.number, upload.offset) = (None, None);
        } else {
            upload.offset = Some(offset);
        }
    }

    /// Sends a request, or a part of it; answers the connection and the final answer, if there is one. In the middle of
    /// it, somebody else may come for the same upload.
    fn send(
        &mut self,
        mut client: Client,
        life: usize,
        bytes: &[u8],
        rival: Option<(u64, &mut Upload)>,
        show: impl FnMut(&Answer),
    ) -> io::Result<Option<(Client, Answer)>> {
        if self.world.is_closing() {
            client.try_send(bytes)?;
            return hear(&mut client, show).map(|answer| Some((client, answer)));
        }
        if let Some((at, how)) = cut(bytes, &mut self.chance) {
            client.try_send(&bytes[..at])?;
            return self.cut(client, how, at == bytes.len(), show);
        }
        let (first, second) = bytes.split_at(self.chance.usize(..=bytes.len()));
        client.try_send(first)?;
        if let Some((number, upload)) = rival
            && self.chance.u8(..6) == 0
            && let Ok((mut other, other_life)) = self.world.try_connect()
            && other_life == life
        {
            self.look(&mut other, life, number, upload)?;
            // Whatever becomes of the older one now, it is asked again.
            upload.offset = None;
        }
        client.try_send(second)?;
        hear(&mut client, show).map(|answer| Some((client, answer)))
    }

    fn cut(
        &mut self,
        mut client: Client,
        how: Cut,
        is_whole: bool,
        show: impl FnMut(&Answer),
    ) -> io::Result<Option<(Client, Answer)>> {
        match how {
            Cut::Reset => client.reset(),
            // One of all stays to see the server die in the middle of it.
            Cut::Silence if self.name == PATIENT && self.chance.bool() => drop(client.try_head()),
            Cut::Silence if self.silent.len() < MOST_SILENT => self.silent.push(client),
            Cut::Silence => self.silent.clear(),
            Cut::End => {
                client.stream().shutdown(Shutdown::Write)?;
                let heard = hear(&mut client, show);
                // Behind a whole request it is an answer as any other.
                return heard.map(|answer| is_whole.then_some((client, answer)));
            }
        }
        Ok(None)
    }

    fn note_sent(&mut self, life: usize, end: usize, upload: &Upload) {
        let is_checked = upload.way == Way::Tus { checked: true };
        self.note(life, if is_checked { What::SentChecked { end } } else { What::Sent { end } });
        if end == upload.content.len() {
            self.note(life, What::SentLast);
        }
    }

    fn note(&mut self, life: usize, what: What) {
        self.accounts.last_mut().expect("there is one for each upload").log.push(Entry { life, what });
    }
}

fn asked(method: &str, number: u64, way: Way) -> String {
    let version = if matches!(way, Way::Tus { .. }) { TUS } else { "" };
    format!("{method} /uploads/{number} HTTP/1.1\r\nHost: lab\r\n{version}\r\n")
}

fn checksum(content: &[u8]) -> String {
    format!("Upload-Checksum: sha1 {}\r\n", STANDARD.encode(Sha1::digest(content)))
}

fn number_in(answer: &Answer) -> Option<u64> {
    answer.field("Location")?.strip_prefix("/uploads/")?.parse().ok()
}

fn offset_in(answer: &Answer) -> Option<usize> {
    answer.field("Upload-Offset")?.parse().ok()
}

const TUS: &str = "Tus-Resumable: 1.0.0\r\n";
const INTEROP: &str = "Upload-Draft-Interop-Version: 8\r\n";

pub const PATIENT: &str = "u1";

/// A server waits for each of them, and only so many threads may.
const MOST_SILENT: usize = 10;
