//! Whom a cancelled job wakes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Wake;

use super::*;

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn only_those_are_woken_for_whom_a_cancelled_job_is_news() {
    let start = Instant::now();
    let settings = JobSettings { workers: 1, most_waiting: 9 };
    let jobs = Arc::new(Jobs::new(&settings, Arc::new(NoJournal), start));
    for work in [10, 20, 30] {
        jobs.submit(order(work, 1), None, Ack::Memory, start).expect("there is a place");
    }
    let wakes: [Arc<Wakes>; 3] = Default::default();
    let mut watches = [1, 2, 3].map(|number| jobs.watch(number));
    for (watch, wakes) in watches.iter_mut().zip(&wakes) {
        for _ in 0..2 {
            watch.listen(|| Waker::from(Arc::clone(wakes)));
        }
    }
    let count = || wakes.each_ref().map(|wakes| wakes.0.load(Relaxed));
    jobs.cancel(2, Ack::Memory, start).expect("it waits");
    assert_eq!(count(), [0, 1, 1]);
    jobs.cancel(2, Ack::Memory, start).expect("it is cancelled");
    assert_eq!(count(), [0, 1, 1]);
    let third = watches[2].job(start).expect("it is remembered");
    assert_eq!(third.next_news(Known::only(Status::Queued), start), Some(start + ms(10)));
    drop(watches);
    assert!(jobs.open().watchers.is_empty());
}
