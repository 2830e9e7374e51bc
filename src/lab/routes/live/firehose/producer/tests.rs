use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn producer(policy: Policy, count: u64) -> (Producer, Instant) {
    let plan = Plan { policy, rate: 1000, count: Some(count), queue: 8, burst: 64 };
    let now = Instant::now();
    (Producer::new(plan, now), now)
}

/// The numbers that are sent in steps at these milliseconds, `true` where the reader has taken all of them before.
fn sent(producer: &mut Producer, start: Instant, steps: impl IntoIterator<Item = (u32, bool)>) -> Vec<u64> {
    let mut numbers = Vec::new();
    for (at, until_idle) in steps {
        loop {
            let before = numbers.len();
            producer.step(start + at * MILLISECOND, |figures| {
                let Figures { produced, sent, dropped, coalesced, waiting, last_id } = *figures;
                assert_eq!(produced, sent + dropped + coalesced + waiting, "{figures}");
                numbers.push(last_id);
            });
            if !until_idle || numbers.len() == before {
                break;
            }
        }
    }
    numbers
}

#[test]
fn a_reader_that_keeps_up_loses_nothing() {
    for policy in [Policy::Block, Policy::DropOldest, Policy::Coalesce, Policy::Close] {
        let (mut producer, start) = producer(policy, 1000);
        let steps = (0..=100).map(|step| (10 * step, true));
        assert_eq!(sent(&mut producer, start, steps), (1..=1000).collect::<Vec<_>>(), "{policy:?}");
        assert!(producer.is_done() && !producer.is_overrun());
    }
}

/// It takes the first event, is away for a second, and reads on.
fn after_a_second_away(policy: Policy) -> (Vec<u64>, Producer) {
    let (mut producer, start) = producer(policy, 1100);
    assert_eq!(sent(&mut producer, start, [(0, false)]), [1]);
    let numbers = sent(&mut producer, start, [(1000, true), (2000, true), (3000, true)]);
    (numbers, producer)
}

#[test]
fn a_producer_that_blocks_loses_time() {
    let (numbers, producer) = after_a_second_away(Policy::Block);
    // Eight that waited, and then what may be sent at once to whoever has waited, as it is asked for once a second.
    assert_eq!(numbers, (2..=137).collect::<Vec<_>>());
    assert_eq!(producer.figures().to_string(), "produced 137, sent 137, dropped 0, coalesced 0, waiting 0");
}

#[test]
fn the_oldest_are_dropped() {
    let (numbers, producer) = after_a_second_away(Policy::DropOldest);
    assert_eq!(numbers[..9], [994, 995, 996, 997, 998, 999, 1000, 1001, 1002]);
    assert_eq!(producer.figures().dropped, 992);
}

#[test]
fn the_latest_stands_for_all() {
    let (numbers, producer) = after_a_second_away(Policy::Coalesce);
    assert_eq!(numbers[..2], [1001, 1002]);
    assert_eq!(producer.figures().coalesced, 999);
}

#[test]
fn a_reader_is_given_up_when_the_queue_is_full() {
    let (mut producer, start) = producer(Policy::Close, 1000);
    assert_eq!(sent(&mut producer, start, [(0, false)]), [1]);
    assert_eq!(sent(&mut producer, start, [(8, false)]), [2], "eight may wait");
    assert_eq!(sent(&mut producer, start, [(10, false)]), [0; 0], "and not nine");
    assert!(producer.is_overrun());
    assert_eq!(producer.figures().to_string(), "produced 11, sent 2, dropped 9, coalesced 0, waiting 0");
}

#[test]
fn what_waits_is_known_while_nobody_steps() {
    for (policy, most) in
        [(Policy::Block, 8), (Policy::DropOldest, 8), (Policy::Coalesce, 1), (Policy::Close, 9)]
    {
        let (mut producer, start) = producer(policy, 1000);
        assert_eq!(producer.waiting(start + 500 * MILLISECOND), 0, "nobody is busy");
        sent(&mut producer, start, [(0, false)]);
        let waiting = |at: u32| producer.waiting(start + at * MILLISECOND);
        assert_eq!([0, 1, 500].map(waiting), [0, 1, most], "{policy:?}");
        assert_eq!(producer.waiting(start - MILLISECOND), 0, "a clock that was looked at before");
    }
}

#[test]
fn an_event_is_due_when_it_is_made() {
    for rate in [1, 3, 999, 1000, 1_000_000] {
        let plan = Plan { policy: Policy::Block, rate, count: None, queue: 1, burst: 1 };
        let now = Instant::now();
        let mut producer = Producer::new(plan, now);
        producer.step(now, |figures| assert_eq!(figures.last_id, 1));
        for number in 2..100 {
            let due = producer.next_due().expect("it is endless");
            producer
                .step(due - Duration::from_nanos(1), |_| panic!("{number} at {rate} a second comes early"));
            producer.step(due, |figures| assert_eq!(figures.last_id, number));
        }
    }
}
