//! wirelab: the bytes of HTTP on raw TCP, and different ways to wait for them. (Map: to be completed.)

pub mod drivers;
pub mod http;
pub mod lab;
pub mod launch;
pub mod session;
pub mod trace;
pub mod wire;
