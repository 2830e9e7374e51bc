//! A ring of this kernel, and what to say if there is none.

use std::io;

use io_uring::{IoUring, Probe, opcode};

use super::Shape;

/// Each kernel the best way that it knows for a ring of one thread: completions are worked out when that thread waits
/// for them (Linux 6.1), or at least without interrupting it.
pub(super) fn set_up(shape: Shape) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    // A single issuer is of Linux 6.0, and so is the multishot receive, which nothing else tells of.
    builder.setup_single_issuer().setup_submit_all().setup_clamp().setup_taskrun_flag();
    builder.setup_cqsize(shape.completions);
    match builder.clone().setup_defer_taskrun().build(shape.submissions) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            builder.setup_coop_taskrun().build(shape.submissions)
        }
        built => built,
    }
}

pub(super) fn probe(uring: &IoUring) -> io::Result<()> {
    let mut probe = Probe::new();
    uring.submitter().register_probe(&mut probe).map_err(explained)?;
    let is_missing = |code: &&(u8, &str)| !probe.is_supported(code.0);
    let missing: Vec<_> = NEEDED.iter().filter(is_missing).map(|(_, name)| *name).collect();
    let can_wait = uring.params().is_feature_ext_arg() && uring.params().is_feature_nodrop();
    if missing.is_empty() && can_wait {
        return Ok(());
    }
    Err(unsupported(format!("io_uring of this kernel lacks {}; Linux 6.0 has it", missing.join(", "))))
}

/// What to make of an error of setting up.
pub(super) fn explained(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => unsupported("this kernel has no io_uring, or a sandbox hides it".into()),
        Some(libc::EPERM | libc::EACCES) => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "io_uring is forbidden here, by kernel.io_uring_disabled or by the seccomp filter of a container",
        ),
        Some(libc::EINVAL) => unsupported("io_uring of this kernel is too old; Linux 6.0 will do".into()),
        _ => error,
    }
}

fn unsupported(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

const NEEDED: [(u8, &str); 10] = [
    (opcode::AcceptMulti::CODE, "accept"),
    (opcode::RecvMulti::CODE, "recv"),
    (opcode::Send::CODE, "send"),
    (opcode::PollAdd::CODE, "poll"),
    (opcode::AsyncCancel2::CODE, "cancel"),
    (opcode::Close::CODE, "close"),
    (opcode::Read::CODE, "read"),
    (opcode::Write::CODE, "write"),
    (opcode::Fsync::CODE, "fsync"),
    (opcode::Timeout::CODE, "timeout"),
];
