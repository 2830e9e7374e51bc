//! A port for a server that ends and begins again.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of loopback that nobody else is given, also while no server listens on it.
///
/// A socket holds it without listening: whoever connects is refused, whoever asks the system for a free port gets
/// another, and a server that asks for this one gets it, as both have set `SO_REUSEADDR` (socket(7)).
pub struct Port {
    pub number: u16,
    _holder: Socket,
}

impl Port {
    pub fn reserve() -> Port {
        let holder = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        holder.set_reuse_address(true).expect("a socket");
        holder.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        let address = holder.local_addr().ok().and_then(|address| address.as_socket());
        Port { number: address.expect("it is bound").port(), _holder: holder }
    }
}
