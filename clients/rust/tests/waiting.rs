//! Time-outs, cancelling, several queues, and what wakes a sleeper.

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{until, Queue, PATIENCE};
use shmq::{Cancel, Error, OpenOptions, Select, Wait};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_wait_ends_with_its_time() {
    let q = Queue::small();
    let (mut p, c) = (q.producer(), q.consumer());
    let begin = Instant::now();
    let e = c.receive_timeout(SHORT).unwrap_err();
    assert!(matches!(e, Error::Timeout(_)) && begin.elapsed() >= SHORT);
    assert!(e.to_string().contains(&q.name), "{e}");
    assert!(matches!(c.lease_timeout(SHORT), Err(Error::Timeout(_))));
    assert!(matches!(c.lease_batch_timeout(4, SHORT), Err(Error::Timeout(_))));
    assert!(matches!(c.wait_timeout(SHORT), Err(Error::Timeout(_))));
    assert!(matches!(c.receive_timeout(Duration::ZERO), Err(Error::Empty)));
    p.wait_timeout(1, SHORT).unwrap();
    while p.try_send(b"x").is_ok() {}
    assert!(matches!(p.send_timeout(b"x", SHORT), Err(Error::Timeout(_))));
    assert!(matches!(p.reserve_timeout(1, SHORT), Err(Error::Timeout(_))));
    assert!(matches!(p.wait_timeout(1, SHORT), Err(Error::Timeout(_))));
    assert!(matches!(p.try_reserve(1), Err(Error::Full)));
    // A time that no clock reaches is not over at once.
    c.wait_timeout(Duration::MAX).unwrap();
}

#[test]
fn a_record_wakes_a_sleeper_and_room_does() {
    let q = Queue::small();
    let (p, c) = (
        q.producer(),
        OpenOptions::new().wait(Wait::Park).consumer(&q.name).unwrap(),
    );
    thread::scope(|s| {
        let got = s.spawn(|| {
            let c = c;
            let first = c.receive().unwrap();
            (first, c)
        });
        until(|| {
            shmq::participants(&q.name)
                .unwrap()
                .iter()
                .any(|w| !w.is_producer && w.counters.waits > 0)
        });
        p.send(b"wake up").unwrap();
        let (first, c) = got.join().unwrap();
        assert_eq!(first, b"wake up");

        while p.try_send(b"x").is_ok() {}
        let sent = s.spawn(move || p.send(b"last").map(|()| p));
        until(|| {
            shmq::participants(&q.name)
                .unwrap()
                .iter()
                .any(|w| w.is_producer && w.counters.waits > 0)
        });
        let mut n = 0;
        while c.receive_timeout(PATIENCE).unwrap() != b"last" {
            n += 1;
        }
        assert_eq!(n, 16);
        sent.join().unwrap().unwrap();
    });
}

#[test]
fn a_cancelled_wait_ends_until_it_is_reset() {
    let q = Queue::small();
    let cancel = Cancel::new();
    let open = OpenOptions::new().cancel(&cancel).wait(Wait::Park);
    let (p, c) = (open.producer(&q.name).unwrap(), open.consumer(&q.name).unwrap());
    thread::scope(|s| {
        let waits = s.spawn(move || (c.receive().map(|_| ()), c));
        until(|| {
            shmq::participants(&q.name)
                .unwrap()
                .iter()
                .any(|w| !w.is_producer && w.counters.waits > 0)
        });
        cancel.cancel();
        let (result, c) = waits.join().unwrap();
        assert!(matches!(result, Err(Error::Cancelled(_))));
        assert!(cancel.is_cancelled());
        assert!(matches!(c.receive(), Err(Error::Cancelled(_))), "it lasts");
        cancel.reset();
        p.send(b"x").unwrap();
        assert_eq!(c.receive().unwrap(), b"x");
    });
}

#[test]
fn a_thread_waits_for_several_queues_and_each_has_its_turn() {
    let queues: Vec<Queue> = (0..5).map(|_| Queue::small()).collect();
    let producers: Vec<_> = queues.iter().map(Queue::producer).collect();
    let consumers: Vec<_> = queues.iter().map(Queue::consumer).collect();
    let full = Queue::small();
    let blocked = full.producer();
    while blocked.try_send(b"x").is_ok() {}

    let mut select = Select::new();
    for (i, c) in consumers.iter().enumerate() {
        assert_eq!(select.consumer(c), i);
    }
    assert_eq!(select.producer(&blocked, 1), 5);
    assert!(matches!(select.wait_timeout(SHORT), Err(Error::Timeout(_))));
    for p in &producers {
        for _ in 0..4 {
            p.send(b"x").unwrap();
        }
    }
    let mut turns = [0; 5];
    for n in 1..=20 {
        let i = select.wait().unwrap();
        assert_eq!(consumers[i].try_receive().unwrap(), b"x");
        turns[i] += 1;
        if n % 5 == 0 {
            assert_eq!(turns, [n / 5; 5], "a busy queue keeps others waiting");
        }
    }
    thread::scope(|s| {
        s.spawn(|| full.consumer().receive().unwrap());
        assert_eq!(select.wait().unwrap(), 5);
    });
    blocked.try_send(b"x").unwrap();

    let cancel = Cancel::new();
    thread::scope(|s| {
        s.spawn(|| cancel.cancel());
        assert!(matches!(select.cancel(&cancel).wait(), Err(Error::Cancelled(_))));
    });
    assert!(matches!(Select::new().wait(), Err(Error::Misuse(_))));
}

#[test]
fn a_removed_member_is_told_by_its_own_try() {
    let (a, b) = (Queue::small(), Queue::small());
    let (ca, cb) = (a.consumer(), b.consumer());
    let mut select = Select::new();
    select.consumer(&ca);
    select.consumer(&cb);
    shmq::remove_force(&b.name).unwrap();
    assert_eq!(select.wait_timeout(PATIENCE).unwrap(), 1);
    assert!(matches!(cb.try_receive(), Err(Error::Removed(_))));
}
