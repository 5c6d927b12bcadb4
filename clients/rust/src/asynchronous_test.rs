//! Wake-ups that a participant uses up and has no use for go to another one. Heartbeats, which make good what is lost,
//! do not come here.
//!
//! One sleep is for both participants, and a wake-up is that of the first.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures::future::FutureExt;
use futures::stream::StreamExt;

use super::{AsyncConsumer, AsyncProducer, Sleepy};
use crate::{OpenOptions, Shape, Wait};

/// Has the tests take turns, so that their queues have a sleep to themselves.
static TURN: Mutex<()> = Mutex::new(());

struct Queue {
    dir: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Queue {
    fn new() -> Queue {
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let base = std::env::var("SHMQ_DIR").unwrap_or_else(|_| "/dev/shm".into());
        let dir = PathBuf::from(base).join(format!("shmq-rust-unit-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let q = Queue { dir, _turn: turn };
        crate::create(q.name(), &Shape::new().slots(16).slot_size(64)).unwrap();
        q
    }

    fn name(&self) -> PathBuf {
        self.dir.join("q")
    }

    fn consumer(&self) -> AsyncConsumer {
        OpenOptions::new().consumer(self.name()).unwrap().into()
    }

    fn producer(&self) -> AsyncProducer {
        OpenOptions::new().producer(self.name()).unwrap().into()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A task, as far as it polls and counts how often it is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Task {
    fn new() -> Arc<Task> {
        Arc::default()
    }

    fn poll<F: Future + Unpin>(self: &Arc<Self>, future: &mut F) -> Poll<F::Output> {
        future.poll_unpin(&mut Context::from_waker(&Waker::from(self.clone())))
    }

    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Waits until something holds that has to come true by itself.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}: it did not come true");
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn until_asleep<T>(sleepy: &Sleepy<T>) {
    until("asleep", || sleepy.place.is_asleep());
}

#[test]
fn a_receive_that_is_dropped_uses_up_no_wake_up() {
    let q = Queue::new();
    let (p, mut a, mut b) = (q.producer(), q.consumer(), q.consumer());
    let (first, second) = (Task::new(), Task::new());
    let mut gone = a.receive();
    assert!(first.poll(&mut gone).is_pending());
    until_asleep(&gone.consumer.sleepy);
    let mut stays = b.receive();
    assert!(second.poll(&mut stays).is_pending());
    until_asleep(&stays.consumer.sleepy);
    drop(gone);
    until_asleep(&stays.consumer.sleepy);
    p.get_ref().send(b"x").unwrap();
    until("woken", || second.woken() == 1);
    assert!(matches!(second.poll(&mut stays), Poll::Ready(Ok(r)) if r == b"x"));
}

#[test]
fn a_lease_that_is_dropped_uses_up_no_wake_up() {
    let q = Queue::new();
    let (p, mut a, mut b) = (q.producer(), q.consumer(), q.consumer());
    let (first, second) = (Task::new(), Task::new());
    let mut gone = a.lease();
    assert!(first.poll(&mut gone).is_pending());
    until_asleep(&gone.consumer.as_ref().unwrap().sleepy);
    let mut stays = b.receive();
    assert!(second.poll(&mut stays).is_pending());
    until_asleep(&stays.consumer.sleepy);
    drop(gone);
    until_asleep(&stays.consumer.sleepy);
    p.get_ref().send(b"x").unwrap();
    until("woken", || second.woken() == 1);
}

#[test]
fn a_send_that_is_dropped_uses_up_no_wake_up() {
    let q = Queue::new();
    let (mut a, mut b, c) = (q.producer(), q.producer(), q.consumer());
    while a.get_ref().try_send(b"x").is_ok() {}
    let (first, second) = (Task::new(), Task::new());
    let mut gone = a.send(b"y");
    assert!(first.poll(&mut gone).is_pending());
    until_asleep(&gone.producer.sleepy);
    let mut stays = b.send(b"z");
    assert!(second.poll(&mut stays).is_pending());
    until_asleep(&stays.producer.sleepy);
    drop(gone);
    until_asleep(&stays.producer.sleepy);
    for _ in 0..4 {
        c.get_ref().try_receive().unwrap(); // the last one frees a quarter of the queue, which is worth a wake-up
    }
    until("woken", || second.woken() == 1);
    assert!(matches!(second.poll(&mut stays), Poll::Ready(Ok(()))));
}

#[test]
fn a_future_that_is_ready_uses_up_no_wake_up() {
    let q = Queue::new();
    let (p, mut a, mut b) = (q.producer(), q.consumer(), q.consumer());
    let (first, second) = (Task::new(), Task::new());
    let mut stays = b.receive();
    assert!(second.poll(&mut stays).is_pending());
    until_asleep(&stays.consumer.sleepy);
    let mut fast = a.receive();
    assert!(first.poll(&mut fast).is_pending());
    until_asleep(&fast.consumer.sleepy);
    p.get_ref().send(b"x").unwrap();
    until("woken", || second.woken() == 1);
    assert!(first.poll(&mut fast).is_ready()); // polled for another reason
    assert!(second.poll(&mut stays).is_pending()); // so another one was faster
    until_asleep(&stays.consumer.sleepy);
    p.get_ref().send(b"y").unwrap();
    until("woken", || second.woken() == 2);
    assert!(matches!(second.poll(&mut stays), Poll::Ready(Ok(r)) if r == b"y"));
}

/// What becomes of a consumer that was woken, as a stream is whose item nobody asks for any more.
fn a_woken_one_passes_on(end: fn(AsyncConsumer)) {
    let q = Queue::new();
    let (p, mut a, mut b) = (q.producer(), q.consumer(), q.consumer());
    let (first, second) = (Task::new(), Task::new());
    assert!(first.poll(&mut a.next()).is_pending());
    until_asleep(&a.sleepy);
    let mut stays = b.receive();
    assert!(second.poll(&mut stays).is_pending());
    until_asleep(&stays.consumer.sleepy);
    p.get_ref().send(b"x").unwrap();
    until("woken", || first.woken() == 1);
    end(a);
    until("woken", || second.woken() == 1);
    assert!(matches!(second.poll(&mut stays), Poll::Ready(Ok(r)) if r == b"x"));
}

#[test]
fn a_consumer_that_is_dropped_passes_a_wake_up_on() {
    a_woken_one_passes_on(drop);
}

#[test]
fn a_consumer_that_is_taken_back_passes_a_wake_up_on() {
    a_woken_one_passes_on(|a| std::mem::forget(a.into_inner())); // which is not closed, so that it is not that
}

#[test]
fn a_wait_that_no_try_follows_passes_its_wake_up_on() {
    let q = Queue::new();
    let (p, mut b) = (q.producer(), q.consumer());
    let a = OpenOptions::new().wait(Wait::Park).consumer(q.name()).unwrap();
    let task = Task::new();
    std::thread::scope(|s| {
        let waits = || {
            crate::participants(q.name())
                .unwrap()
                .iter()
                .any(|w| w.counters.waits > 0)
        };
        let first = s.spawn(|| {
            let a = a;
            a.wait().unwrap();
            a
        });
        until("waits", waits);
        let mut stays = b.receive();
        assert!(task.poll(&mut stays).is_pending());
        until_asleep(&stays.consumer.sleepy);
        p.get_ref().send(b"x").unwrap();
        let a = first.join().unwrap();
        a.disarm().unwrap();
        until("woken", || task.woken() == 1);
        assert!(matches!(task.poll(&mut stays), Poll::Ready(Ok(r)) if r == b"x"));
    });
}

#[test]
fn a_receive_that_is_dropped_as_a_record_comes_leaves_it_to_others() {
    let q = Queue::new();
    let (p, mut a, mut b) = (q.producer(), q.consumer(), q.consumer());
    let p = p.into_inner();
    let second = Task::new();
    std::thread::scope(|s| {
        let (go, rounds) = std::sync::mpsc::channel::<u32>();
        let (sent, over) = std::sync::mpsc::channel();
        s.spawn(move || {
            for n in rounds {
                p.send(&n.to_le_bytes()).unwrap();
                sent.send(()).unwrap();
            }
        });
        for n in 0..500u32 {
            let mut gone = a.receive();
            assert!(Task::new().poll(&mut gone).is_pending());
            let mut stays = b.receive();
            let before = second.woken();
            assert!(second.poll(&mut stays).is_pending());
            until_asleep(&stays.consumer.sleepy);
            go.send(n).unwrap();
            drop(gone);
            until("woken", || second.woken() > before);
            let got = second.poll(&mut stays);
            assert!(matches!(got, Poll::Ready(Ok(r)) if r == n.to_le_bytes()), "round {n}");
            over.recv().unwrap(); // or its wake-up, which may come after the record, is one of the next round
        }
    });
}
