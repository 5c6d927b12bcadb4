//! Futures and streams, on a small executor and on tokio.
#![cfg(feature = "async")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{until, Queue};
use futures::executor::block_on;
use futures::future::{join_all, FutureExt};
use futures::stream::StreamExt;
use shmq::{AsyncConsumer, AsyncProducer, Cancel, Error, OpenOptions};

/// Counts how often a task is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_future_is_woken_by_a_record_and_not_all_the_time() {
    let q = Queue::small();
    let p = q.producer();
    let mut c = AsyncConsumer::from(q.consumer());
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = c.receive();
    assert!(future.poll_unpin(&mut cx).is_pending());
    p.send(b"x").unwrap();
    until(|| count.get() == 1);
    assert!(matches!(future.poll_unpin(&mut cx), Poll::Ready(Ok(r)) if r == b"x"));
    drop(future);

    // An idle one is woken by its heartbeat only, and not at all unless it is polled again.
    let before = count.get();
    let mut future = c.receive();
    assert!(future.poll_unpin(&mut cx).is_pending());
    until(|| count.get() == before + 1);
    std::thread::sleep(Duration::from_millis(250)); // in which nothing may happen
    assert_eq!(count.get(), before + 1);
}

#[test]
fn a_stream_ends_with_the_queues_stream() {
    let q = Queue::small();
    let p = q.producer();
    let c = AsyncConsumer::from(q.until_end());
    let sender = std::thread::spawn(move || {
        for n in 0..1000u32 {
            p.send(&n.to_le_bytes()).unwrap();
        }
        p.finish().unwrap();
    });
    let got: Vec<u32> = block_on(c.map(|r| u32::from_le_bytes(r.unwrap().try_into().unwrap())).collect());
    assert_eq!(got, (0..1000).collect::<Vec<u32>>());
    sender.join().unwrap();
}

#[test]
fn a_broken_stream_is_an_item_and_then_over() {
    let q = Queue::small();
    q.producer().abandon().unwrap();
    let broken = q.producer();
    broken.send(b"x").unwrap();
    let mut c = AsyncConsumer::from(q.until_end());
    broken.abandon().unwrap();
    block_on(async {
        assert_eq!(c.next().await.unwrap().unwrap(), b"x");
        assert!(matches!(c.next().await, Some(Err(Error::Broken(_)))));
        assert!(c.next().await.is_none());
    });
}

#[test]
fn a_producer_waits_for_room() {
    let q = Queue::small();
    let mut p = AsyncProducer::from(q.producer());
    let c = q.consumer();
    while p.get_ref().try_send(b"x").is_ok() {}
    let receiver = std::thread::spawn(move || {
        let mut n = 0;
        while c.receive().unwrap() != b"last" {
            n += 1;
        }
        n
    });
    block_on(async {
        for _ in 0..100 {
            p.send(b"y").await.unwrap();
        }
        p.send(b"last").await.unwrap();
        assert!(matches!(p.send(&[0; 5000]).await, Err(Error::TooLarge(_))));
    });
    assert_eq!(receiver.join().unwrap(), 116);
    p.into_inner().finish().unwrap();
}

#[test]
fn a_lease_is_awaited_and_a_dropped_future_takes_nothing() {
    let q = Queue::small();
    let p = q.producer();
    let mut c = AsyncConsumer::from(q.consumer());
    assert!(c.lease().now_or_never().is_none());
    assert!(c.receive().now_or_never().is_none());
    p.send(b"x").unwrap();
    block_on(async {
        let lease = c.lease().await.unwrap();
        assert_eq!((&*lease, lease.redelivered()), (&b"x"[..], 0));
        drop(lease);
        let lease = c.lease().await.unwrap();
        assert_eq!(lease.redelivered(), 1);
        lease.ack().unwrap();
    });
    assert!(matches!(c.into_inner().try_receive(), Err(Error::Empty)));
}

#[test]
fn a_cancel_word_ends_futures() {
    let q = Queue::small();
    let cancel = Cancel::new();
    let mut c = AsyncConsumer::from(OpenOptions::new().cancel(&cancel).consumer(&q.name).unwrap());
    let canceller = std::thread::spawn({
        let (cancel, name) = (cancel.clone(), q.name.clone());
        move || {
            until(|| shmq::participants(&name).unwrap()[0].counters.waits > 0);
            cancel.cancel();
        }
    });
    assert!(matches!(block_on(c.receive()), Err(Error::Cancelled(_))));
    canceller.join().unwrap();
}

#[test]
fn a_cut_file_is_an_error_with_the_guard() {
    let q = Queue::small();
    let mut c = AsyncConsumer::from(OpenOptions::new().guard().consumer(&q.name).unwrap());
    assert!(c.receive().now_or_never().is_none());
    let (path, name) = (q.path(), q.name.clone());
    let cutter = std::thread::spawn(move || {
        let waits = || shmq::participants(&name).unwrap()[0].counters.waits;
        let before = waits();
        until(|| waits() > before);
        std::fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(0)
            .unwrap();
    });
    assert!(matches!(block_on(c.receive()), Err(Error::Truncated(_))));
    cutter.join().unwrap();
}

#[test]
fn more_handles_than_one_sleep_takes() {
    const HANDLES: usize = 150;
    let queues: Vec<Queue> = (0..3).map(|_| Queue::small()).collect();
    let consumers: Vec<AsyncConsumer> = (0..HANDLES)
        .map(|i| AsyncConsumer::from(queues[i % 3].consumer()))
        .collect();
    let producers: Vec<_> = queues.iter().map(Queue::producer).collect();
    let sender = std::thread::spawn(move || {
        for n in 0..HANDLES {
            producers[n % 3].send(&[n as u8]).unwrap();
        }
    });
    // Each takes one record and no more: none may be left asleep, and none lost.
    let tasks = consumers
        .into_iter()
        .map(|mut c| async move { c.receive().await.unwrap()[0] });
    let mut got = block_on(join_all(tasks));
    got.sort_unstable();
    assert_eq!(got, (0..HANDLES as u8).collect::<Vec<u8>>());
    sender.join().unwrap();
}

#[test]
fn handles_are_closed_while_the_sleeper_sleeps() {
    let q = Queue::small();
    for _ in 0..200 {
        let mut c = AsyncConsumer::from(q.consumer());
        assert!(c.receive().now_or_never().is_none());
        let name = q.name.clone();
        let other = std::thread::spawn(move || {
            let mut c = AsyncConsumer::from(shmq::Consumer::open(name).unwrap());
            assert!(c.receive().now_or_never().is_none());
        });
        drop(c); // unmaps
        other.join().unwrap();
    }
}

/// Each round takes a wake-up on either side. If they came with heartbeats only, this would take minutes.
#[test]
fn no_wake_up_is_left_to_the_heartbeat() {
    let (there, back) = (Queue::small(), Queue::small());
    let (mut from, mut to) = (
        AsyncConsumer::from(there.consumer()),
        AsyncProducer::from(back.producer()),
    );
    std::thread::spawn(move || {
        block_on(async {
            while let Ok(record) = from.receive().await {
                to.send(&record).await.unwrap();
            }
        });
    });
    let (c, p) = (AsyncConsumer::from(back.consumer()), there.producer());
    let (done, over) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut c = c;
        for n in 0..2000u32 {
            p.send(&n.to_le_bytes()).unwrap();
            assert_eq!(block_on(c.receive()).unwrap(), n.to_le_bytes());
        }
        done.send(()).unwrap();
    });
    over.recv_timeout(common::PATIENCE).unwrap();
    shmq::remove_force(&there.name).unwrap(); // which ends the other one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_tokio_pass_records_on() {
    let (first, second) = (Queue::small(), Queue::small());
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut from = AsyncConsumer::from(first.until_end());
            let mut to = AsyncProducer::from(second.producer());
            tokio::spawn(async move {
                let mut n = 0;
                while let Some(record) = from.next().await {
                    to.send(&record.unwrap()).await.unwrap();
                    n += 1;
                }
                to.into_inner().finish().unwrap();
                n
            })
        })
        .collect();
    let mut sink = AsyncConsumer::from(second.until_end());
    let mut source = AsyncProducer::from(first.producer());
    let sent = tokio::spawn(async move {
        for n in 0..2000u32 {
            source.send(&n.to_le_bytes()).await.unwrap();
        }
        source.into_inner().finish().unwrap();
    });
    let mut got = Vec::new();
    while let Some(record) = sink.next().await {
        got.push(u32::from_le_bytes(record.unwrap().try_into().unwrap()));
    }
    sent.await.unwrap();
    let mut passed = 0;
    for w in workers {
        passed += w.await.unwrap();
    }
    got.sort_unstable();
    assert_eq!((passed, got), (2000, (0..2000).collect::<Vec<u32>>()));
}

#[tokio::test]
async fn a_future_that_loses_a_race_has_taken_nothing() {
    let q = Queue::small();
    let mut c = AsyncConsumer::from(q.consumer());
    let p = q.producer();
    tokio::select! {
        r = c.receive() => panic!("{r:?}"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
    p.send(b"x").unwrap();
    assert_eq!(c.receive().await.unwrap(), b"x");
}

/// Receives the record n, every other one as a lease.
async fn expect(c: &mut AsyncConsumer, n: u32) -> shmq::Result<()> {
    if n % 2 == 0 {
        let lease = c.lease().await?;
        assert_eq!(*lease, n.to_le_bytes());
        return lease.ack();
    }
    assert_eq!(c.receive().await?, n.to_le_bytes());
    Ok(())
}

/// Two tasks poll futures and drop them as they like, wherever these are. Each record comes once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_that_are_dropped_at_any_time_lose_nothing() {
    const RECORDS: u32 = 3000;
    let q = Queue::small();
    let (mut p, mut c) = (AsyncProducer::from(q.producer()), AsyncConsumer::from(q.until_end()));
    let sending = tokio::spawn(async move {
        let (mut n, mut dropped) = (0, 0);
        while n < RECORDS {
            let record = n.to_le_bytes();
            tokio::select! {
                biased;
                sent = p.send(&record) => { sent.unwrap(); n += 1; }
                () = tokio::task::yield_now() => dropped += 1, // so it was not sent
            }
        }
        p.into_inner().finish().unwrap();
        dropped
    });
    let (mut next, mut dropped) = (0, 0);
    loop {
        tokio::select! {
            biased;
            got = expect(&mut c, next) => match got {
                Ok(()) => next += 1,
                Err(e) => { assert!(matches!(e, Error::End(_)), "{e}"); break; }
            },
            () = tokio::task::yield_now() => dropped += 1,
        }
    }
    assert_eq!(next, RECORDS);
    assert!(sending.await.unwrap() + dropped > 0, "nothing was dropped");
}

/// What a runtime that is shut down leaves pending has left the queue, and takes no wake-up of others.
#[test]
fn a_runtime_is_shut_down_with_futures_pending() {
    let q = Queue::small();
    for n in 0..20u8 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        for _ in 0..8 {
            let mut c = AsyncConsumer::from(q.consumer());
            runtime.spawn(async move { c.receive().await });
        }
        until(|| {
            shmq::participants(&q.name)
                .unwrap()
                .iter()
                .any(|p| p.counters.waits > 0)
        });
        drop(runtime);
        assert_eq!(shmq::stat(&q.name).unwrap().consumers, 0);
        let mut c = AsyncConsumer::from(q.consumer());
        let p = q.producer();
        let (got, ()) = block_on(futures::future::join(c.receive(), async { p.send(&[n]).unwrap() }));
        assert_eq!(got.unwrap(), [n]);
    }
}

#[test]
#[should_panic(expected = "not polled once it was ready")]
fn a_send_that_is_ready_sends_no_second_time() {
    let q = Queue::small();
    let mut p = AsyncProducer::from(q.producer());
    let mut send = p.send(b"once");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(send.poll_unpin(&mut cx).is_ready());
    let _ = send.poll_unpin(&mut cx);
}

/// A future goes from one task to another, which is woken; the first is not.
#[test]
fn a_future_wakes_the_task_that_polled_it_last() {
    let q = Queue::small();
    let p = q.producer();
    let mut c = AsyncConsumer::from(q.consumer());
    let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let mut future = c.receive();
    let poll = |future: &mut shmq::ReceiveFuture<'_>, count: &Arc<Count>| {
        future.poll_unpin(&mut Context::from_waker(&Waker::from(count.clone())))
    };
    assert!(poll(&mut future, &first).is_pending());
    assert!(poll(&mut future, &second).is_pending());
    let before = first.get(); // by a heartbeat, if the second poll came late
    p.send(b"x").unwrap();
    until(|| second.get() == 1);
    assert_eq!(first.get(), before);
    assert!(matches!(poll(&mut future, &second), Poll::Ready(Ok(r)) if r == b"x"));
}
