//! How many packets a connection has cost, as the kernel has counted them.
//!
//! The only `unsafe` of the client: no crate that is used here asks for TCP_INFO. The argument for it is the contract
//! of getsockopt(2): the kernel writes into the buffer that it is given, no more bytes than it is told there are, and
//! says how many these were. The buffer is a struct of numbers, for which any bytes are a value, and all zeros before.

#![allow(unsafe_code)]

use std::os::fd::AsFd;

/// Segments that have passed on a connection, those without data included: what acknowledges and what opens it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    pub sent: u64,
    pub received: u64,
}

/// What has passed on this connection so far; `None` where the system does not count.
#[cfg(target_os = "linux")]
pub fn segments(socket: &impl AsFd) -> Option<Segments> {
    use std::mem::{offset_of, size_of, zeroed};
    use std::os::fd::AsRawFd;

    // SAFETY: tcp_info consists of integers, of which zero is one.
    let mut info: libc::tcp_info = unsafe { zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as it is borrowed, and `info` has `length` bytes to write to.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    // A kernel before 4.2 knows less and writes less.
    let is_known = length as usize >= offset_of!(libc::tcp_info, tcpi_segs_in) + size_of::<u32>();
    let segments = Segments { sent: info.tcpi_segs_out.into(), received: info.tcpi_segs_in.into() };
    (result == 0 && is_known).then_some(segments)
}

#[cfg(not(target_os = "linux"))]
pub fn segments(_socket: &impl AsFd) -> Option<Segments> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn a_byte_there_and_one_back_are_at_least_a_segment_each() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let before = segments(&near).unwrap();
        near.write_all(b"?").unwrap();
        far.read_exact(&mut [0]).unwrap();
        far.write_all(b"!").unwrap();
        near.read_exact(&mut [0]).unwrap();
        let after = segments(&near).unwrap();
        assert!(after.sent > before.sent && after.received > before.received, "{before:?} {after:?}");
    }

    #[test]
    fn what_is_no_tcp_has_no_segments() {
        assert_eq!(segments(&UdpSocket::bind("127.0.0.1:0").unwrap()), None);
    }
}
