//! Wakers are the program's code, and the thread that sleeps for futures runs it for all of them.
#![cfg(feature = "async")]

mod common;

use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};

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
