//! The bell of a connection of the threaded driver: a flag, and a thread that waits for it.

use std::cell::OnceCell;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crate::session;

/// Nothing, until the session asks for a waker; and then nobody hears it before there is a second thread.
#[derive(Default)]
pub(super) struct Bell {
    pull: OnceCell<Arc<Pull>>,
    /// Whether the second thread waits for it.
    pub(super) is_heard: bool,
}

/// What a waker pulls, and what the second thread waits for.
///
/// Its lock is held for these few lines only, never while a session is called or anything else is locked.
#[derive(Default)]
pub(super) struct Pull {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_pulled: bool,
    is_over: bool,
}

/// What ended a wait.
pub(super) enum Call {
    Wake,
    Deadline,
    /// The connection is over.
    End,
}

impl Bell {
    /// What the second thread waits for.
    pub(super) fn heard(&self) -> Option<&Arc<Pull>> {
        self.pull.get().filter(|_| self.is_heard)
    }

    /// What there should be a second thread for.
    pub(super) fn unheard(&self) -> Option<&Arc<Pull>> {
        self.pull.get().filter(|_| !self.is_heard)
    }
}

impl session::Bell for Bell {
    fn waker(&self) -> Waker {
        Arc::clone(self.pull.get_or_init(Arc::default)).into()
    }
}

impl Wake for Pull {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Pull {
    pub(super) fn ring(&self) {
        let mut state = self.state();
        if !mem::replace(&mut state.is_pulled, true) {
            self.changed.notify_one();
        }
    }

    pub(super) fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_one();
    }

    /// Waits for a wake, until a deadline if there is one.
    pub(super) fn wait(&self, until: Option<Instant>) -> Call {
        let left = until.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()).max(TICK));
        let is_quiet = |state: &mut State| !state.is_pulled && !state.is_over;
        let waited = self.changed.wait_timeout_while(self.state(), left, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match mem::take(&mut state.is_pulled) {
            _ if state.is_over => Call::End,
            true => Call::Wake,
            false => Call::Deadline,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shortest wait: a deadline that stays in the past, a session's mistake, must not spin.
const TICK: Duration = Duration::from_millis(1);
