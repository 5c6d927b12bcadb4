//! Real processes that are killed and stopped. Each scenario is played by agents in Rust and, where
//! there is one, in Go.

mod common;

use std::time::Duration;

use common::{done, modes, small, take, Agent, Lang, Queue, PATIENCE};
use shmq::{Error, Multiplicity, OpenOptions};

/// Declares a scenario as two tests.
macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { scenario::$name(Lang::Rust) })*
        mod go {
            $(#[test]
            #[ignore = "needs the agent in Go: bash clients/rust/test"]
            fn $name() { super::scenario::$name(super::Lang::Go) })*
        }
    };
}

scenarios! {
    what_a_killed_consumer_held_comes_again
    what_a_killed_consumer_held_of_a_batch_comes_again
    a_reservation_of_a_killed_producer_is_passed_over
    the_stream_of_a_killed_producer_is_broken
    streams_end_in_order
    a_stopped_consumer_is_not_robbed
    a_sleeper_is_woken_by_another_process
    a_removed_queue_is_told
    large_records_cross_processes_whole
}

mod scenario {
    use super::*;

    pub fn what_a_killed_consumer_held_comes_again(lang: Lang) {
        for shape in modes() {
            let q = Queue::new(shape);
            let p = q.producer();
            let mut a = Agent::consumer(lang, &q);
            for text in ["a", "b", "c"] {
                p.send(text.as_bytes()).unwrap();
            }
            assert_eq!(a.lease(1), [(0, "a".into())]);
            a.does("ack 0");
            assert_eq!(a.lease(1), [(0, "b".into())]);
            a.kill();
            let c = q.consumer();
            assert_eq!(done(&c), (1, "b".into()), "{shape:?}");
            assert_eq!(done(&c), (0, "c".into()));
            assert!(matches!(c.try_lease(), Err(Error::Empty)));
        }
    }

    pub fn what_a_killed_consumer_held_of_a_batch_comes_again(lang: Lang) {
        for shape in modes() {
            let q = Queue::new(shape);
            let p = q.producer();
            let mut a = Agent::consumer(lang, &q);
            for n in 0..6 {
                p.send(n.to_string().as_bytes()).unwrap();
            }
            let mut held = 0;
            while held < 6 {
                held += a.lease(6 - held).len();
            }
            a.does("ack 0");
            a.does("ack 1");
            a.kill();
            let c = q.consumer();
            for n in 2..6 {
                assert_eq!(done(&c), (1, n.to_string()), "{shape:?}");
            }
            assert!(matches!(c.try_lease(), Err(Error::Empty)), "{shape:?}");
        }
    }

    pub fn a_reservation_of_a_killed_producer_is_passed_over(lang: Lang) {
        for consumers in [Multiplicity::One, Multiplicity::Many] {
            let q = Queue::new(small().consumers(consumers));
            let (p, c) = (q.producer(), q.consumer());
            let mut a = Agent::producer(lang, &q);
            a.does("send first");
            a.does("reserve 200");
            a.does("fill");
            p.send(b"behind it").unwrap();
            assert_eq!(done(&c), (0, "first".into()));
            assert!(
                matches!(c.try_lease(), Err(Error::Empty)),
                "nothing passes an open reservation"
            );
            a.kill();
            assert_eq!(done(&c), (0, "behind it".into()));
            assert_eq!(shmq::stat(&q.name).unwrap().skipped, 1);
        }
    }

    pub fn the_stream_of_a_killed_producer_is_broken(lang: Lang) {
        for shape in modes() {
            let q = Queue::new(shape);
            let c = q.until_end();
            let mut a = Agent::producer(lang, &q);
            a.does("send last-words");
            a.kill();
            assert_eq!(done(&c).1, "last-words");
            let e = c.receive_timeout(PATIENCE).unwrap_err();
            assert!(matches!(e, Error::Broken(_)), "{shape:?}: {e}");
        }
    }

    pub fn streams_end_in_order(lang: Lang) {
        for shape in modes() {
            for (end, strict_end) in [("finish", true), ("close", false), ("abandon", false)] {
                let q = Queue::new(shape);
                let mut a = Agent::producer(lang, &q);
                let c = if end == "close" {
                    q.until_end()
                } else {
                    OpenOptions::new().until_finish().consumer(&q.name).unwrap()
                };
                a.does("send x");
                a.does(end);
                assert_eq!(done(&c).1, "x");
                match c.receive_timeout(PATIENCE).unwrap_err() {
                    Error::End(_) => assert!(strict_end || end == "close", "{end}"),
                    Error::Broken(_) => assert!(end == "abandon", "{end}"),
                    e => panic!("{end}: {e}"),
                }
            }
        }
    }

    pub fn a_stopped_consumer_is_not_robbed(lang: Lang) {
        let q = Queue::small();
        let (p, c) = (q.producer(), q.consumer());
        let mut a = Agent::consumer(lang, &q);
        p.send(b"held").unwrap();
        assert_eq!(a.lease(1), [(0, "held".into())]);
        a.stop();
        p.send(b"next").unwrap();
        assert_eq!(done(&c), (0, "next".into()));
        assert_eq!(c.recover().unwrap(), 0);
        assert!(
            matches!(c.receive_timeout(Duration::from_millis(250)), Err(Error::Timeout(_))),
            "two heartbeats"
        );
        a.go_on();
        a.does("ack 0");
        a.does("close");
        assert!(matches!(c.try_lease(), Err(Error::Empty)));
        assert_eq!(shmq::stat(&q.name).unwrap().received, 2);
    }

    pub fn a_sleeper_is_woken_by_another_process(lang: Lang) {
        for shape in modes() {
            let q = Queue::new(shape);
            let p = q.producer();
            let mut a = Agent::consumer(lang, &q);
            for n in 0..20 {
                a.say("lease 1");
                common::until(|| {
                    let who = shmq::participants(&q.name).unwrap();
                    who.iter().any(|w| !w.is_producer && w.counters.waits > n)
                });
                p.send(b"wake up").unwrap();
                assert_eq!(a.ok().split(':').next(), Some("0"));
                a.does(&format!("ack {n}"));
            }
        }
    }

    pub fn a_removed_queue_is_told(lang: Lang) {
        let q = Queue::small();
        let mut a = Agent::consumer(lang, &q);
        a.say("lease 1");
        shmq::remove_force(&q.name).unwrap();
        let line = a.error();
        assert!(line.starts_with("removed "), "{line}");
    }

    pub fn large_records_cross_processes_whole(lang: Lang) {
        for shape in modes() {
            let q = Queue::new(shape.slots(64));
            let (p, mut a) = (q.producer(), Agent::consumer(lang, &q));
            for n in [1, 47, 48, 63, 64, 65, 640, p.max_record()] {
                let text = "ab".repeat(n)[..n].to_owned();
                p.send(text.as_bytes()).unwrap();
                assert_eq!(a.lease(1), [(0, text)], "{shape:?}");
            }
            a.does("close"); // all of them come back
            let c = q.consumer();
            let (times, text, lease) = take(&c);
            assert_eq!((times, text.len()), (1, 1));
            lease.ack().unwrap();
            drop(c);
            drop(p);
            let mut a = Agent::producer(lang, &q);
            let c = q.consumer();
            while c.try_receive().is_ok() {}
            a.does("send xyz*30");
            assert_eq!(done(&c), (0, "xyz".repeat(30)));
        }
    }
}

#[test]
fn a_cut_file_is_an_error_with_the_guard() {
    let q = Queue::new(small().slots(4096).slot_size(1024));
    let p = OpenOptions::new().guard().producer(&q.name).unwrap();
    let mut p2 = OpenOptions::new().guard().producer(&q.name).unwrap();
    let c = OpenOptions::new().guard().consumer(&q.name).unwrap();
    p.send(&[7; 500]).unwrap();
    let lease = c.lease().unwrap();
    lease.intact().unwrap();
    let mut room = p2.reserve(3000).unwrap();
    std::fs::File::options()
        .write(true)
        .open(q.path())
        .unwrap()
        .set_len(4096)
        .unwrap();
    let sum: u64 = lease.iter().map(|b| u64::from(*b)).sum(); // no SIGBUS
    assert_eq!(sum, 0);
    assert!(matches!(lease.intact(), Err(Error::Truncated(_))));
    room.fill(1);
    drop(room);
    drop(lease);
    for e in [
        p.check().unwrap_err(),
        c.check().unwrap_err(),
        p2.send(b"x").unwrap_err(),
        c.receive().unwrap_err(),
    ] {
        assert!(matches!(e, Error::Truncated(_)) && e.is_final(), "{e}");
    }
    assert!(matches!(p.finish(), Err(Error::Truncated(_))));
    assert!(matches!(p2.abandon(), Err(Error::Truncated(_))));
}
