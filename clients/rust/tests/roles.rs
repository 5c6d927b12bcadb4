//! Records, batches, reservations, leases and shapes in the four combinations of roles, in one process.

mod common;

use std::io::IoSlice;
use std::time::Duration;

use common::{done, modes, small, take, Queue, PATIENCE};
use shmq::{Batch, Consumer, Error, Multiplicity, OpenOptions, Producer, Shape};

/// Payloads of all sizes around those where the form changes: none, a line, a slot, several slots.
fn payloads(p: &Producer) -> Vec<Vec<u8>> {
    let mut sizes: Vec<usize> = (0..=p.inline_size() + 1).collect();
    for edge in [p.slot_size(), 2 * p.slot_size(), p.max_record()] {
        sizes.extend([edge - 1, edge]);
    }
    sizes
        .iter()
        .filter(|n| **n <= p.max_record())
        .enumerate()
        .map(|(i, n)| vec![i as u8; *n])
        .collect()
}

#[test]
fn records_of_all_sizes_arrive_in_order_for_laps() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        for _ in 0..20 {
            for record in payloads(&p) {
                p.try_send(&record).unwrap();
                assert_eq!(c.try_receive().unwrap(), record, "{shape:?}");
            }
        }
        assert!(matches!(c.try_receive(), Err(Error::Empty)));
        let (sent, received) = (p.counters().unwrap(), c.counters().unwrap());
        assert_eq!((sent.records, sent.bytes), (received.records, received.bytes));
        assert_eq!(sent.records, 20 * payloads(&p).len() as u64);
    }
}

#[test]
fn a_full_queue_is_told_and_a_large_record_refused() {
    for shape in modes() {
        let q = Queue::new(shape);
        let p = q.producer();
        let mut n = 0;
        while p.try_send(b"x").is_ok() {
            n += 1;
        }
        assert_eq!(n, 16, "{shape:?}");
        assert!(matches!(p.try_send(b"x"), Err(Error::Full)));
        let e = p.send(&vec![0; p.max_record() + 1]).unwrap_err();
        assert!(matches!(e, Error::TooLarge(_)));
        assert!(
            e.to_string().contains(&q.name) && e.to_string().contains("--slot-size"),
            "{e}"
        );
    }
}

#[test]
fn a_buffer_grows_to_the_record_and_is_used_again() {
    let q = Queue::small();
    let (p, c) = (q.producer(), q.consumer());
    let mut buf = Vec::new();
    for n in [3, 300, 200, 0] {
        p.send(&vec![7; n]).unwrap();
        c.receive_into(&mut buf).unwrap();
        assert_eq!(buf, vec![7; n]);
    }
    assert!(buf.capacity() >= 300);
    p.send(b"left as it was").unwrap();
    assert!(matches!(c.receive_to_slice(&mut [0; 4]), Err(Error::Small(_))));
    assert_eq!(c.pending_size(), 14);
    assert!(matches!(c.try_receive_to_slice(&mut [0; 4]), Err(Error::Small(_))));
    let mut slice = [0; 20];
    assert_eq!(c.receive_to_slice(&mut slice).unwrap(), 14);
    assert_eq!(&slice[..14], b"left as it was");
    assert!(matches!(c.try_receive_to_slice(&mut slice), Err(Error::Empty)));
    let short = Duration::from_millis(1);
    assert!(matches!(
        c.receive_to_slice_timeout(&mut slice, short),
        Err(Error::Timeout(_))
    ));
    buf.push(1);
    assert!(matches!(c.try_receive_into(&mut buf), Err(Error::Empty)));
    assert!(buf.is_empty(), "what a failed call leaves is no record");
}

#[test]
fn batches_are_sent_and_received_whole_and_in_order() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        let texts: Vec<String> = (0..40).map(|n| format!("record {n} {}", "x".repeat(n))).collect();
        let slices: Vec<IoSlice<'_>> = texts.iter().map(|t| IoSlice::new(t.as_bytes())).collect();
        let (mut sent, mut got) = (0, Vec::new());
        let mut batch = Batch::new(8, 16); // grows
        while got.len() < texts.len() {
            match p.try_send_batch(&slices[sent..]) {
                Ok(n) => sent += n,
                Err(Error::Full) if sent < texts.len() => {}
                other => assert_eq!((other.unwrap(), sent), (0, texts.len())),
            }
            let n = c.receive_batch_timeout(&mut batch, PATIENCE).unwrap();
            assert_eq!(n, batch.len());
            for i in 0..n {
                assert_eq!(batch.redelivered(i), Some(0));
                assert_eq!(batch.get(i), batch.iter().nth(i));
            }
            got.extend(batch.iter().map(|r| String::from_utf8(r.to_vec()).unwrap()));
        }
        assert_eq!(got, texts, "{shape:?}");
        assert!(matches!(c.try_receive_batch(&mut batch), Err(Error::Empty)));
        assert!(batch.is_empty() && batch.get(0).is_none());
    }
}

#[test]
fn a_reservation_is_sent_whole_or_given_back() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (mut p, c) = (q.producer(), q.consumer());
        for n in 0..100 {
            let mut room = p.reserve_timeout(200, PATIENCE).unwrap();
            assert_eq!(room.len(), 200);
            assert_eq!(room.as_ptr() as usize % 8, 0);
            room.fill(n);
            match n % 4 {
                0 => room.commit().unwrap(),
                1 => room.commit_first(17).unwrap(),
                2 => room.abort(),
                _ => drop(room),
            }
            match n % 4 {
                0 => assert_eq!(c.try_receive().unwrap(), [n; 200]),
                1 => assert_eq!(c.try_receive().unwrap(), [n; 17]),
                _ => assert!(matches!(c.try_receive(), Err(Error::Empty)), "{shape:?}"),
            }
        }
        let room = p.reserve(10).unwrap();
        assert!(matches!(room.commit_first(11), Err(Error::NotReserved(_))));
        p.send(b"and it was given back").unwrap();
        assert_eq!(c.receive().unwrap(), b"and it was given back");
        std::mem::forget(p.reserve(10).unwrap());
        assert!(matches!(p.try_send(b"x"), Err(Error::Reserved(_))));
    }
}

#[test]
fn a_lease_that_is_dropped_or_released_comes_again() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        p.send(b"a").unwrap();
        p.send(b"b").unwrap();
        let (times, text, a) = take(&c);
        assert_eq!((times, &*text), (0, "a"));
        let id = a.id().unwrap();
        drop(a);
        let (times, text, a) = take(&c);
        assert_eq!((times, &*text), (1, "a"), "{shape:?}");
        assert_eq!(a.id().unwrap(), id);
        a.release().unwrap();
        let (times, _, a) = take(&c);
        assert_eq!(times, 2);
        a.ack().unwrap();
        assert_eq!(done(&c), (0, "b".into()));
        assert!(matches!(c.try_lease(), Err(Error::Empty)));
    }
}

#[test]
fn a_lease_that_a_panic_drops_comes_again() {
    let q = Queue::small();
    let (p, c) = (q.producer(), q.consumer());
    p.send(b"hot").unwrap();
    let burnt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let lease = c.lease().unwrap();
        assert_eq!(&*lease, b"cold", "burnt");
    }));
    assert!(burnt.is_err());
    assert_eq!(done(&c), (1, "hot".into()));
}

#[test]
fn leases_are_settled_in_any_order_and_one_by_one_out_of_a_batch() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        for n in 0..8 {
            p.send(&[n]).unwrap();
        }
        let mut all = Vec::new();
        while all.len() < 8 {
            all.extend(c.try_lease_batch(8).unwrap());
        }
        assert!(all.iter().enumerate().all(|(i, l)| **l == [i as u8]));
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        for i in [7, 3, 5, 1] {
            all[i].take().unwrap().ack().unwrap();
        }
        drop(all); // 0, 2, 4 and 6
        let mut again: Vec<u8> = (0..4).map(|_| done(&c).1.as_bytes()[0]).collect();
        again.sort_unstable();
        assert_eq!(again, [0, 2, 4, 6], "{shape:?}");
        assert!(matches!(c.try_lease_batch(8), Err(Error::Empty)));
    }
}

#[test]
fn a_batch_of_leases_may_be_asked_for_all_that_there_is() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        for most in [3, usize::MAX] {
            for n in 0..5 {
                p.send(&[n]).unwrap();
            }
            let mut got = Vec::new();
            while got.len() < 5 {
                let batch = c.try_lease_batch(most).unwrap();
                got.extend(batch.iter().map(|r| r[0]));
                batch.ack().unwrap();
            }
            assert_eq!(got, [0, 1, 2, 3, 4], "{shape:?}");
        }
    }
}

#[test]
fn a_batch_is_acknowledged_in_one_step_and_given_back_when_dropped() {
    for shape in modes() {
        let q = Queue::new(shape);
        let (p, c) = (q.producer(), q.consumer());
        for n in 0..6 {
            p.send(&[n]).unwrap();
        }
        let mut left = 6;
        while left > 0 {
            let batch = c.try_lease_batch(4).unwrap();
            assert_eq!(batch.get(0), batch.iter().next());
            let (first, n) = (batch.get(0).unwrap()[0], batch.len());
            drop(batch);
            let mut seen = 0;
            while seen < n {
                let batch = c.try_lease_batch(n - seen).unwrap();
                assert_eq!(
                    (batch.redelivered(0), batch.get(0)),
                    (Some(1), Some(&[first + seen as u8][..])),
                    "{shape:?}"
                );
                seen += batch.len();
                batch.ack().unwrap();
            }
            left -= n;
        }
        assert!(matches!(c.try_lease(), Err(Error::Empty)));
        assert_eq!(c.counters().unwrap().records, 6);
    }
}

#[test]
fn iterators_end_with_the_stream_and_go_on_with_the_next() {
    for shape in modes() {
        let q = Queue::new(shape);
        let c = q.until_end();
        for round in 0..3u8 {
            let p = q.producer();
            p.send(&[round]).unwrap();
            p.send(&[round, 1]).unwrap();
            p.finish().unwrap();
            let mut leases = c.leases();
            let first = leases.next().unwrap().unwrap();
            assert_eq!(&*first, [round]);
            first.ack().unwrap();
            let rest: Vec<Vec<u8>> = c.records().map(Result::unwrap).collect();
            assert_eq!(rest, [vec![round, 1]], "{shape:?}");
            assert!(leases.next().is_none() && leases.next().is_none());
            assert!(matches!(c.receive(), Err(Error::End(_))));
            c.next_stream().unwrap();
            assert!(matches!(c.try_receive(), Err(Error::Empty)));
        }
    }
}

#[test]
fn an_end_without_finish_is_broken_for_who_asks() {
    let q = Queue::small();
    let strict = OpenOptions::new().until_finish().consumer(&q.name).unwrap();
    q.producer().send(b"x").unwrap();
    assert_eq!(strict.receive().unwrap(), b"x");
    let e = strict.receive().unwrap_err();
    assert!(matches!(e, Error::Broken(_)), "{e}");
    assert!(matches!(strict.records().next(), Some(Err(Error::Broken(_)))));
    drop(strict);

    let c = q.until_end();
    q.producer().abandon().unwrap();
    assert!(matches!(c.receive(), Err(Error::Broken(_))));
}

#[test]
fn shapes_are_made_found_and_refused() {
    let shape = Shape::new()
        .slots(30)
        .slot_size(100)
        .seats(5)
        .mode(0o640)
        .producers(Multiplicity::One)
        .consumers(Multiplicity::Many)
        .checksums()
        .timestamps();
    let q = Queue::new(shape);
    let p = q.producer();
    let c = q.consumer();
    let found = c.shape();
    assert_eq!(
        (found.get_slots(), found.get_slot_size(), found.get_seats()),
        (32, 128, 5)
    );
    assert_eq!(
        (found.get_producers(), found.get_consumers()),
        (Multiplicity::One, Multiplicity::Many)
    );
    assert!(found.has_checksums() && found.has_timestamps());
    assert_eq!(p.shape(), found);

    p.send(b"now").unwrap();
    let lease = c.lease().unwrap();
    assert!(lease.sent_at().unwrap().elapsed().unwrap() < PATIENCE);
    lease.ack().unwrap();

    let info = shmq::stat(&q.name).unwrap();
    assert_eq!(
        (info.shape.get_slots(), info.producers, info.consumers, info.dead),
        (32, 1, 1, 0)
    );
    assert_eq!((info.sent, info.received, info.depth), (1, 1, 0));
    let who = shmq::participants(&q.name).unwrap();
    assert_eq!(who.len(), 2);
    assert!(who
        .iter()
        .all(|w| w.pid == std::process::id() && w.alive && w.attached.is_some()));
    assert_eq!(who.iter().filter(|w| w.is_producer).count(), 1);

    let other = OpenOptions::new()
        .create(Shape::new().slots(64))
        .consumer(&q.name)
        .unwrap_err();
    assert!(matches!(other, Error::BadOption(_)), "{other}");
    OpenOptions::new()
        .create(Shape::new().slots(64))
        .any_shape()
        .consumer(&q.name)
        .unwrap();
    assert!(matches!(Producer::open(&q.name), Err(Error::RoleTaken(_))));
}

#[test]
fn failures_name_the_queue_and_a_remedy() {
    let q = Queue::named();
    let e = OpenOptions::new().no_create().consumer(&q.name).unwrap_err();
    assert!(matches!(e, Error::Absent(_)));
    assert!(
        e.to_string().contains(&q.name) && e.to_string().contains("shmq create"),
        "{e}"
    );
    assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::NotFound);
    assert!(matches!(shmq::remove(&q.name), Err(Error::Absent(_))));
    assert!(matches!(shmq::stat(&q.name), Err(Error::Absent(_))));
    for bad in ["a\0b", "", "../up", "a\nb"] {
        assert!(matches!(Consumer::open(bad), Err(Error::BadName(_))), "{bad:?}");
    }

    shmq::create(&q.name, &small()).unwrap();
    assert!(matches!(shmq::create(&q.name, &small()), Err(Error::Exists(_))));
    let c = q.consumer();
    assert!(matches!(shmq::remove(&q.name), Err(Error::InUse(_))));
    shmq::remove_force(&q.name).unwrap();
    let e = c.receive().unwrap_err();
    assert!(matches!(e, Error::Removed(_)) && e.is_final(), "{e}");
    assert!(matches!(c.check(), Err(Error::Removed(_))));

    std::fs::write(&q.name, vec![1; 100_000]).unwrap();
    assert!(matches!(Consumer::open(&q.name), Err(Error::NotQueue(_))));
}

#[test]
fn the_size_of_a_result_is_small() {
    assert!(size_of::<Error>() <= 16);
    assert!(size_of::<shmq::Result<()>>() <= 16);
}

#[test]
fn handles_are_sent_to_other_threads_with_what_they_hold() {
    fn send<T: Send>(_: &T) {}
    fn both<T: Send + Sync>(_: &T) {}
    let q = Queue::small();
    let (p, c) = (q.producer(), q.consumer());
    send(&p);
    send(&c);
    both(&shmq::Cancel::new());
    both(&Batch::new(1, 1));
    both(&Error::Empty);
    p.send(b"before").unwrap();
    std::thread::spawn(move || {
        assert_eq!(c.receive().unwrap(), b"before");
        drop(p);
    })
    .join()
    .unwrap();
}

/// The bytes of a reservation are nobody else's as long as it lives, also when its producer hears that the queue is gone.
#[test]
fn a_reservation_in_a_queue_that_was_removed_is_kept() {
    let q = Queue::small();
    let (mut p, other, c) = (q.producer(), q.producer(), q.consumer());
    let mut room = p.reserve(10).unwrap();
    other.send(b"behind").unwrap();
    shmq::remove_force(&q.name).unwrap();
    assert!(matches!(room.producer().check(), Err(Error::Removed(_))));
    assert!(matches!(room.producer().try_send(b"x"), Err(Error::Removed(_))));
    assert!(room.intact().is_ok());
    assert!(c.try_lease().is_err());
    room.fill(1);
    assert!(matches!(room.commit(), Err(Error::Removed(_))));
    assert_eq!(c.receive().unwrap(), b"behind");
}

/// What can be moved to another thread is said to the compiler.
#[test]
fn handles_can_be_sent() {
    fn is_send<T: Send>() {}
    is_send::<shmq::Producer>();
    is_send::<shmq::Consumer>();
    is_send::<shmq::Batch>();
    is_send::<shmq::Cancel>();
    is_send::<OpenOptions>();
    is_send::<Error>();
    #[cfg(feature = "msgpack")]
    {
        is_send::<shmq::Sender<std::rc::Rc<u8>>>(); // it holds no value
        is_send::<shmq::Receiver<std::rc::Rc<u8>>>();
    }
    #[cfg(feature = "async")]
    {
        is_send::<shmq::AsyncConsumer>();
        is_send::<shmq::AsyncProducer>();
        is_send::<shmq::ReceiveFuture<'static>>();
        is_send::<shmq::LeaseFuture<'static>>();
        is_send::<shmq::SendFuture<'static>>();
    }
}

/// A panic while guards are open gives all back.
#[test]
fn a_panic_gives_back_what_guards_hold() {
    let q = Queue::small();
    let (mut p, c) = (q.producer(), q.consumer());
    for n in 0..4u8 {
        p.send(&[n]).unwrap();
    }
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lease = c.lease().unwrap();
        let mut rest = c.lease_batch(2).unwrap().into_iter();
        let _one = rest.next();
        let _room = p.reserve(5).unwrap();
        std::panic::panic_any("guards are open");
    }));
    assert!(unwound.is_err());
    p.send(&[4]).unwrap(); // nothing is reserved
    let mut got: Vec<u8> = (0..5).map(|_| c.receive_timeout(PATIENCE).unwrap()[0]).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4]);
}
