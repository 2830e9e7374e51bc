//! Who runs on which core: a server and its client on one core would measure each other.

use super::figures::Placement;

/// The core of the servers, and the one of the client.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    pub placement: Placement,
}

impl Cores {
    /// Puts this thread on the last core that it may use, if there is another one for the servers: the first and the
    /// last are least likely to be two halves of the same one.
    pub fn choose() -> Cores {
        let placement = match &system::allowed()[..] {
            [server, .., client] if system::pin(&[*client]) => {
                Placement { client_core: Some(*client), server_core: Some(*server) }
            }
            _ => Placement::default(),
        };
        Cores { placement }
    }

    /// Whether nobody else is meant to run where the client runs.
    pub fn are_apart(&self) -> bool {
        self.placement.client_core.is_some()
    }

    /// What is to be said about it, if it is not as it should be.
    pub fn remark(&self) -> Option<String> {
        let why = match system::allowed().len() {
            0 => "this system does not let a program choose its core",
            1 if !self.are_apart() => "there is one core only",
            _ if !self.are_apart() => "the system refused to pin this program",
            _ => return None,
        };
        Some(format!("{why}: servers and client take time from each other, so compare servers, not machines"))
    }

    /// Starts a process on the core of the servers: it has the core of the thread that starts it.
    pub fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        let Placement { client_core: Some(client), server_core: Some(server) } = self.placement else {
            return start();
        };
        system::pin(&[server]);
        let started = start();
        system::pin(&[client]);
        started
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The cores that this thread may use, in rising order.
    pub(super) fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
    }

    /// Whether this thread runs on these cores only from now on.
    pub(super) fn pin(cores: &[usize]) -> bool {
        let mut set = CpuSet::new();
        cores.iter().for_each(|core| set.set(*core));
        sched_setaffinity(None, &set).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn pin(_: &[usize]) -> bool {
        false
    }
}
