//! The bells of a driver with one thread: a board that shows who has rung, and a way to break off the wait of its loop.
//!
//! A wake puts the connection's key on the board. Only if the loop sleeps is it rung for, with one system call, which
//! ends its wait. So a session that wakes a thousand others costs a thousand entries: the loop, which is
//! calling it, comes to the board before it sleeps.

use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use super::alarm::Alarm;
use crate::session::Bell;

/// The bells of all connections that have asked for one; the others cost nothing here.
pub(super) struct Bells {
    board: Arc<Board>,
    /// By key: keys are small numbers that are used again.
    pulls: RefCell<Vec<Option<Arc<Pull>>>>,
}

/// The bell of the connection with a key.
pub(super) struct BellOf<'b> {
    bells: &'b Bells,
    key: usize,
}

/// What the loop shares with whoever wakes.
struct Board {
    rung: Mutex<Vec<usize>>,
    is_loop_asleep: AtomicBool,
    alarm: Arc<dyn Alarm>,
}

/// What a waker pulls.
struct Pull {
    key: usize,
    /// Whether its key is on the board, or need not be any more.
    is_pulled: AtomicBool,
    board: Arc<Board>,
}

impl Bells {
    /// Bells that break off a wait by `alarm`.
    pub(super) fn new(alarm: Arc<dyn Alarm>) -> Bells {
        let board = Board { rung: Mutex::default(), is_loop_asleep: AtomicBool::new(false), alarm };
        Bells { board: Arc::new(board), pulls: RefCell::default() }
    }

    pub(super) fn of(&self, key: usize) -> BellOf<'_> {
        BellOf { bells: self, key }
    }

    /// Whether the loop may wait. From here until it [is awake](Bells::awake), a wake rings for it.
    pub(super) fn fall_asleep(&self) -> bool {
        if self.has_none() {
            return true;
        }
        // The lock puts us and whoever wakes in an order: the second one sees what the first has done.
        let rung = self.board.rung();
        let may_sleep = rung.is_empty();
        self.board.is_loop_asleep.store(may_sleep, Relaxed);
        may_sleep
    }

    pub(super) fn awake(&self) {
        self.board.is_loop_asleep.store(false, Relaxed);
    }

    /// Takes the keys that have rung so far; each is to be [answered](Bells::answer).
    pub(super) fn take_rung(&self) -> Vec<usize> {
        if self.has_none() {
            return Vec::new();
        }
        mem::take(&mut *self.board.rung())
    }

    /// Whether the connection with the key was woken; from here on it can be woken again.
    pub(super) fn answer(&self, key: usize) -> bool {
        match self.pulls.borrow().get(key) {
            // A swap, and no store: what came before a wake that found the bell pulled is seen from here on.
            Some(Some(pull)) => pull.is_pulled.swap(false, AcqRel),
            _ => false,
        }
    }

    /// The connection is over: its wakers, if any are left, wake nobody.
    pub(super) fn take_down(&self, key: usize) {
        if let Some(pull) = self.pulls.borrow_mut().get_mut(key).and_then(Option::take) {
            pull.is_pulled.store(true, Relaxed);
        }
    }

    fn has_none(&self) -> bool {
        self.pulls.borrow().is_empty()
    }
}

impl Bell for BellOf<'_> {
    fn waker(&self) -> Waker {
        let BellOf { bells, key } = *self;
        let mut pulls = bells.pulls.borrow_mut();
        if key >= pulls.len() {
            pulls.resize(key + 1, None);
        }
        let pull = pulls[key].get_or_insert_with(|| {
            Arc::new(Pull { key, is_pulled: AtomicBool::new(false), board: Arc::clone(&bells.board) })
        });
        Arc::clone(pull).into()
    }
}

impl Wake for Pull {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_pulled.swap(true, AcqRel) {
            self.board.ring(self.key);
        }
    }
}

impl Board {
    fn ring(&self, key: usize) {
        self.rung().push(key);
        // A look first: among the thousand that one event wakes, hardly one finds it asleep.
        if self.is_loop_asleep.load(Relaxed) && self.is_loop_asleep.swap(false, Relaxed) {
            // It adds one to a counter in the kernel, and could fail only where there is no loop any more.
            let _ = self.alarm.ring();
        }
    }

    fn rung(&self) -> MutexGuard<'_, Vec<usize>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Remembers that it was rung.
    #[derive(Debug, Default)]
    struct Rung(AtomicBool);

    impl Alarm for Rung {
        fn ring(&self) -> io::Result<()> {
            self.0.store(true, Relaxed);
            Ok(())
        }
    }

    fn bells() -> (Arc<Rung>, Bells) {
        let alarm = Arc::new(Rung::default());
        let bells = Bells::new(Arc::clone(&alarm) as Arc<dyn Alarm>);
        (alarm, bells)
    }

    fn has_been_rung_for(alarm: &Rung) -> bool {
        alarm.0.swap(false, Relaxed)
    }

    #[test]
    fn many_wakes_before_an_answer_are_one() {
        let (_alarm, bells) = bells();
        let waker = bells.of(7).waker();
        waker.wake_by_ref();
        bells.of(7).waker().wake();
        assert_eq!(bells.take_rung(), [7]);
        waker.wake_by_ref();
        assert!(bells.take_rung().is_empty(), "not answered yet");
        assert!(bells.answer(7));
        waker.wake_by_ref();
        assert_eq!(bells.take_rung(), [7]);
    }

    #[test]
    fn only_who_sleeps_is_rung_for_and_once() {
        let (alarm, bells) = bells();
        let wakers = [1, 2, 3].map(|key| bells.of(key).waker());
        wakers[0].wake_by_ref();
        assert!(!bells.fall_asleep(), "there is something on the board");
        assert!(!has_been_rung_for(&alarm));
        assert_eq!(bells.take_rung(), [1]);
        assert!(bells.fall_asleep());
        wakers[1].wake_by_ref();
        assert!(has_been_rung_for(&alarm));
        wakers[2].wake_by_ref();
        assert!(!has_been_rung_for(&alarm));
        bells.awake();
        assert_eq!(bells.take_rung(), [2, 3]);
    }

    #[test]
    fn a_bell_that_was_taken_down_is_not_heard() {
        let (alarm, bells) = bells();
        let (gone, other) = (bells.of(1).waker(), bells.of(2).waker());
        gone.wake_by_ref();
        bells.take_down(1);
        assert_eq!(bells.take_rung(), [1]);
        assert!(!bells.answer(1));
        assert!(bells.fall_asleep());
        gone.wake();
        assert!(!has_been_rung_for(&alarm));
        drop(bells);
        other.wake();
    }
}
