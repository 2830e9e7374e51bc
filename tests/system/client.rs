//! A client by hand: sends exactly what it is told, and takes answers apart.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::process::{PATIENCE, Server, until};

/// One connection.
pub struct Client {
    reader: BufReader<TcpStream>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The status line and the field lines.
    pub head: String,
    pub content: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Whether the head has this field line.
    pub fn has(&self, line: &str) -> bool {
        self.head.lines().any(|found| found.eq_ignore_ascii_case(line))
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).expect("the server accepts")
    }

    /// Connects, if somebody listens there.
    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        TcpStream::connect(address).map(Client::over)
    }

    /// Connects with a socket that takes little at a time.
    pub fn connect_narrow(address: SocketAddr) -> Client {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(2048).expect("a smaller buffer");
        socket.connect(&address.into()).expect("the server accepts");
        Client::over(socket.into())
    }

    fn over(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Client { reader: BufReader::with_capacity(READ_BYTES, stream) }
    }

    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub fn reader(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.reader
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server reads");
    }

    /// Sends, unless the connection breaks.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream().write_all(bytes.as_ref())
    }

    /// Sends until the server takes no more for a while, and answers how many bytes it was.
    pub fn send_until_full(&mut self, bytes: &[u8]) -> usize {
        self.stream().set_write_timeout(Some(Duration::from_millis(300))).expect("a socket");
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream().write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("the server does not wait for its reader: {error}"),
            }
        }
        sent
    }

    pub fn finish_sending(&self) {
        self.stream().shutdown(Shutdown::Write).expect("a connection");
    }

    /// Disappears with a reset.
    pub fn reset(self) {
        let _ = SockRef::from(self.stream()).set_linger(Some(Duration::ZERO));
    }

    /// Asks for a target and takes the answer.
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(get(target));
        self.answer()
    }

    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer")
    }

    /// Takes the next answer, unless the connection ends or breaks before it is complete.
    pub fn try_answer(&mut self) -> io::Result<Answer> {
        let head = self.try_head()?;
        self.try_content(head)
    }

    /// Takes the rest of an answer whose head was taken, unless the connection ends or breaks before.
    pub fn try_content(&mut self, mut answer: Answer) -> io::Result<Answer> {
        if matches!(answer.status, 204 | 304) {
            return Ok(answer); // without content, whatever its fields say (RFC 9110 §6.4.1)
        }
        if answer.has("Transfer-Encoding: chunked") {
            let mut piece = vec![0; READ_BYTES];
            let mut left = self.chunk_size()?;
            while left > 0 {
                let take = left.min(piece.len());
                self.reader.read_exact(&mut piece[..take])?;
                answer.content.extend_from_slice(&piece[..take]);
                left = if take < left {
                    left - take
                } else {
                    self.chunk_end().and_then(|()| self.chunk_size())?
                };
            }
            while self.line()? != "\r\n" {}
        } else if let Some(length) = answer.field("Content-Length") {
            answer.content.resize(length.parse().map_err(io::Error::other)?, 0);
            self.reader.read_exact(&mut answer.content)?;
        } else {
            self.reader.read_to_end(&mut answer.content)?;
        }
        Ok(answer)
    }

    /// Whether something can be taken without a wait.
    pub fn has_arrived(&mut self) -> bool {
        if !self.reader.buffer().is_empty() {
            return true;
        }
        self.stream().set_nonblocking(true).expect("a socket");
        let peeked = self.stream().peek(&mut [0; 1]);
        self.stream().set_nonblocking(false).expect("a socket");
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Takes the head of the next answer, and none of its content.
    pub fn head(&mut self) -> Answer {
        self.try_head().expect("the head of an answer")
    }

    /// The same, unless the connection ends or breaks before it is complete.
    pub fn try_head(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head += &self.line()?;
        }
        let status = head.get(9..12).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        Ok(Answer { status, head, content: Vec::new() })
    }

    /// Takes the next chunk; the last one is empty, and its trailer section is taken with it.
    pub fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut data = vec![0; self.chunk_size()?];
        self.reader.read_exact(&mut data)?;
        self.chunk_end()?;
        Ok(data)
    }

    pub fn chunk_size(&mut self) -> io::Result<usize> {
        let line = self.line()?;
        usize::from_str_radix(line.trim_end(), 16).map_err(|_| io::Error::other(format!("no size: {line:?}")))
    }

    pub fn chunk_end(&mut self) -> io::Result<()> {
        let line = self.line()?;
        if line == "\r\n" { Ok(()) } else { Err(io::Error::other(format!("behind a chunk: {line:?}"))) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        match line.last() {
            Some(b'\n') => String::from_utf8(line).map_err(io::Error::other),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Takes all that comes until the server ends the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("the server does not close"),
            _ => rest,
        }
    }

    /// Whether the connection ends here, without a byte.
    pub fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.rest()), "");
    }
}

/// The request for a target.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: lab\r\n\r\n")
}

/// What `/stats` says about one thing.
pub fn stat(client: &mut Client, name: &str) -> u64 {
    let page = client.get("/stats").text();
    let number = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {page}"))
}

/// What a server holds while one client is connected: descriptors and threads.
pub struct Footprint {
    descriptors: usize,
    threads: usize,
}

impl Footprint {
    /// To be asked before anybody else has connected.
    pub fn of(server: &Server) -> Footprint {
        let mut witness = Client::connect(server.address);
        assert_eq!(stat(&mut witness, "accepted"), 1);
        let footprint = Footprint { descriptors: server.descriptors(), threads: server.threads() };
        drop(witness);
        until("the witness has left", || server.descriptors() < footprint.descriptors);
        footprint
    }

    pub fn descriptors(&self) -> usize {
        self.descriptors
    }

    /// Waits until everybody has left, and nothing is left of them.
    pub fn until_alone_again(&self, server: &Server) {
        // Where few places are, the witness takes none before the others have given theirs back.
        until("connections are closed", || server.descriptors() < self.descriptors);
        let mut witness = Client::connect(server.address);
        until("everybody has left", || stat(&mut witness, "connections") == 1);
        until("descriptors are given back", || server.descriptors() == self.descriptors);
        until("threads have ended", || server.threads() == self.threads);
    }
}

const READ_BYTES: usize = 64 * 1024;
