//! Wakers are the program's code, and the thread that sleeps for futures runs it for all of them.
#![cfg(feature = "async")]

mod common;

use std::future::Future;
use std::pin::Pin;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use common::{until, Queue, PATIENCE};
use futures::future::FutureExt;
use shmq::{AsyncConsumer, Cancel};

/// Panics with a payload that panics when it is dropped.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("the payload of a panic is dropped");
            }
        }
        std::panic::panic_any(Payload);
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_that_panics_harms_no_other() {
    let q = Queue::small();
    let (mut a, mut b) = (AsyncConsumer::from(q.consumer()), AsyncConsumer::from(q.consumer()));
    let (panics, woken) = (Waker::from(Arc::new(Panics)), Arc::new(Woken::default()));
    let (mut first, mut second) = (a.receive(), b.receive());
    assert!(first.poll_unpin(&mut Context::from_waker(&panics)).is_pending());
    let waker = Waker::from(woken.clone());
    assert!(second.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    q.producer().send(b"x").unwrap();
    until(|| woken.0.load(Ordering::SeqCst)); // at its heartbeat at the latest, which the same thread has
}

type Boxed = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// A task of an executor that polls in the call that wakes, which is the sleeper's, and drops what is ready there.
struct Inline {
    future: Mutex<Option<Boxed>>,
    done: mpsc::Sender<Vec<u8>>,
}

impl Inline {
    fn poll(self: &Arc<Self>) {
        let mut slot = self.future.lock().unwrap();
        let Some(future) = slot.as_mut() else { return };
        if let Poll::Ready(record) = future.poll_unpin(&mut Context::from_waker(&Waker::from(self.clone()))) {
            *slot = None; // with its handle
            self.done.send(record).unwrap();
        }
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        self.poll();
    }
}

#[test]
fn an_executor_may_poll_in_the_call_that_wakes() {
    let q = Queue::small();
    let p = q.producer();
    let (done, records) = mpsc::channel();
    for _ in 0..10 {
        let mut c = AsyncConsumer::from(q.consumer());
        let future = async move {
            let mut all = c.receive().await.unwrap();
            all.extend(c.receive().await.unwrap());
            all
        };
        let future: Boxed = Box::pin(future);
        let task = Arc::new(Inline {
            future: Mutex::new(Some(future)),
            done: done.clone(),
        });
        task.poll();
    }
    for n in 0..20u8 {
        p.send(&[n]).unwrap();
    }
    let mut got = Vec::new();
    for _ in 0..10 {
        got.extend(records.recv_timeout(PATIENCE).expect("it hangs, or it failed"));
    }
    got.sort_unstable();
    assert_eq!(got, (0..20).collect::<Vec<u8>>());
    until(|| shmq::stat(&q.name).unwrap().consumers == 0); // all handles are closed
}

/// Its clone makes a call that looks at all that sleep.
fn clone(_: *const ()) -> RawWaker {
    Cancel::new().cancel();
    RawWaker::new(null(), &CANCELS)
}

static CANCELS: RawWakerVTable = RawWakerVTable::new(clone, |_| {}, |_| {}, |_| {});

#[test]
fn a_waker_that_is_cloned_may_call_the_crate() {
    let (done, over) = mpsc::channel();
    std::thread::spawn(move || {
        let q = Queue::small();
        let mut c = AsyncConsumer::from(q.consumer());
        // SAFETY: the functions do nothing with the pointer.
        let waker = unsafe { Waker::from_raw(clone(null())) };
        assert!(c.receive().poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        done.send(()).unwrap();
    });
    over.recv_timeout(PATIENCE).expect("it hangs, or it failed");
}
