//! Futures and streams, for any executor.
//!
//! A future that finds nothing leaves its waker with a [`sleeper`](crate::sleeper), which sleeps for many of
//! them. It looks again when it is woken, and ten times a second, because somebody has to find the dead.
//!
//! A wake-up stands for a record, or for room, and goes to one participant. So a future that is ready, or dropped, sees
//! to it that the sleeper sleeps for it no more, and passes on what came until then.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::handle::Handle;
use crate::sleeper::Registration;
use crate::{error, ffi, Cancel, Consumer, Error, Lease, Producer, Result};

/// Tries in a row that another participant was faster in, before the task lets others run.
const TRIES: usize = 16;

/// A handle with its place at a sleeper. The place is given up before the handle is closed, which wakes all
/// others: fields are dropped in their order.
struct Sleepy<T> {
    place: Registration,
    /// The size of what a wake-up may come for.
    armed: Option<usize>,
    inner: T,
}

trait HasHandle {
    fn handle(&self) -> &Handle;
}

impl HasHandle for Consumer {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl HasHandle for Producer {
    fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl<T: HasHandle> Sleepy<T> {
    fn new(inner: T) -> Sleepy<T> {
        Sleepy {
            place: Registration::new(),
            armed: None,
            inner,
        }
    }

    fn poll<R>(&mut self, cx: &mut Context<'_>, size: usize, attempt: impl Fn(&T) -> Result<R>) -> Poll<Result<R>> {
        let polled = self.try_or_wait(cx, size, attempt);
        if polled.is_ready() {
            self.disarm();
        }
        polled
    }

    fn try_or_wait<R>(
        &mut self,
        cx: &mut Context<'_>,
        size: usize,
        attempt: impl Fn(&T) -> Result<R>,
    ) -> Poll<Result<R>> {
        for _ in 0..TRIES {
            match attempt(&self.inner) {
                Err(Error::Empty | Error::Full) => {}
                result => return Poll::Ready(result),
            }
            let handle = self.inner.handle();
            if handle.cancel().is_some_and(Cancel::is_cancelled) {
                return Poll::Ready(Err(Error::of_code(error::CANCELLED)));
            }
            let mut word = ffi::shmq_word {
                address: std::ptr::null_mut(),
                value: 0,
                reserved: 0,
            };
            self.armed = Some(size);
            // SAFETY: the handle is open.
            let rc = unsafe { ffi::shmq_arm(handle.as_ptr(), size, &mut word) };
            match handle.check(rc) {
                Ok(_) => {} // worth a try
                Err(Error::Empty | Error::Full) => {
                    // SAFETY: the word is the handle's, which is closed after the place is given up.
                    return match unsafe { self.place.wait(word, handle.cancel(), cx.waker()) } {
                        Ok(()) => Poll::Pending,
                        Err(e) => Poll::Ready(Err(e)),
                    };
                }
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Turns to something else. Nobody sleeps on behalf of this participant then, and a wake-up that came for it until
    /// then goes to another one.
    fn disarm(&mut self) {
        let Some(size) = self.armed.take() else { return };
        self.place.withdraw();
        let _ = self.inner.handle().disarm(size); // whose errors the next call tells
    }

    fn into_inner(mut self) -> T {
        self.disarm();
        let Sleepy { place, inner, .. } = self;
        drop(place);
        inner
    }
}

/// A consumer for asynchronous programs, and a [`Stream`] of records. It is `Send`, and needs no executor
/// of any special kind. One thread of the process sleeps for up to 126 of them; an idle one costs ten looks a
/// second.
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-async-{}", std::process::id());
/// # let producer = shmq::Producer::open(&name)?;
/// # producer.send(b"hello")?;
/// # futures::executor::block_on(async {
/// let mut consumer = shmq::AsyncConsumer::from(shmq::Consumer::open(&name)?);
/// let record = consumer.receive().await?;
/// assert_eq!(record, b"hello");
/// # Ok::<(), shmq::Error>(())
/// # })?;
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
///
/// As a stream it ends with the stream of the queue
/// ([`until_end`](crate::OpenOptions::until_end)) or behind an error. It acknowledges a record when it
/// hands it out. A stream is not told that nobody waits for its next item any more, as when that loses
/// a `select!`: until it is polled again it may be woken in place of another consumer, which then gets
/// its record up to a tenth of a second later. A future of [`receive`](AsyncConsumer::receive) that is
/// dropped waits no more.
pub struct AsyncConsumer {
    sleepy: Sleepy<Consumer>,
    over: bool,
}

impl From<Consumer> for AsyncConsumer {
    fn from(consumer: Consumer) -> AsyncConsumer {
        AsyncConsumer {
            sleepy: Sleepy::new(consumer),
            over: false,
        }
    }
}

impl AsyncConsumer {
    /// Receives a record, as [`Consumer::receive`]. A future that is dropped has taken nothing. If it
    /// waited, dropping it takes as long as the thread that sleeps for it needs to end its sleep: before
    /// Linux 5.16 that is some milliseconds.
    pub fn receive(&mut self) -> ReceiveFuture<'_> {
        ReceiveFuture { consumer: self }
    }

    /// Takes a record without a copy, as [`Consumer::lease`]. The lease stays in its thread, so a task
    /// that may move between threads settles it before it awaits something else. A future that is
    /// dropped has taken nothing.
    pub fn lease(&mut self) -> LeaseFuture<'_> {
        LeaseFuture { consumer: Some(self) }
    }

    /// The consumer, for calls that do not wait.
    pub fn get_ref(&self) -> &Consumer {
        &self.sleepy.inner
    }

    /// The consumer, for good.
    pub fn into_inner(self) -> Consumer {
        self.sleepy.into_inner()
    }
}

/// A producer for asynchronous programs. See [`AsyncConsumer`].
pub struct AsyncProducer {
    sleepy: Sleepy<Producer>,
}

impl From<Producer> for AsyncProducer {
    fn from(producer: Producer) -> AsyncProducer {
        AsyncProducer {
            sleepy: Sleepy::new(producer),
        }
    }
}

impl AsyncProducer {
    /// Sends a record, as [`Producer::send`]. A future that is dropped before it is ready has sent
    /// nothing.
    pub fn send<'p>(&'p mut self, record: &'p [u8]) -> SendFuture<'p> {
        SendFuture {
            producer: self,
            record: Some(record),
        }
    }

    /// The producer, for calls that do not wait.
    pub fn get_ref(&self) -> &Producer {
        &self.sleepy.inner
    }

    /// The producer, for good: to finish the stream, for instance.
    pub fn into_inner(self) -> Producer {
        self.sleepy.into_inner()
    }
}

/// See [`AsyncConsumer::receive`].
#[must_use = "futures do nothing unless they are polled"]
#[derive(Debug)]
pub struct ReceiveFuture<'c> {
    consumer: &'c mut AsyncConsumer,
}

impl Future for ReceiveFuture<'_> {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.consumer.sleepy.poll(cx, 0, Consumer::try_receive)
    }
}

impl Drop for ReceiveFuture<'_> {
    fn drop(&mut self) {
        self.consumer.sleepy.disarm();
    }
}

/// See [`AsyncConsumer::lease`].
#[must_use = "futures do nothing unless they are polled"]
#[derive(Debug)]
pub struct LeaseFuture<'c> {
    consumer: Option<&'c mut AsyncConsumer>, // None once it is ready
}

impl<'c> Future for LeaseFuture<'c> {
    type Output = Result<Lease<'c>>;

    /// # Panics
    /// If it was ready before.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let consumer = self
            .consumer
            .as_mut()
            .expect("a future is not polled once it was ready");
        match consumer.sleepy.poll(cx, 0, |c| c.lease_raw(0)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(raw) => {
                let consumer: Option<&'c AsyncConsumer> = self.consumer.take().map(|c| &*c);
                let consumer = consumer.expect("it was there just now");
                // SAFETY: this consumer took it just now.
                Poll::Ready(raw.map(|raw| unsafe { Lease::new(&consumer.sleepy.inner, raw) }))
            }
        }
    }
}

impl Drop for LeaseFuture<'_> {
    fn drop(&mut self) {
        if let Some(consumer) = &mut self.consumer {
            consumer.sleepy.disarm();
        }
    }
}

/// See [`AsyncProducer::send`].
#[must_use = "futures do nothing unless they are polled"]
#[derive(Debug)]
pub struct SendFuture<'p> {
    producer: &'p mut AsyncProducer,
    record: Option<&'p [u8]>, // None once it is ready: or it would be sent again
}

impl Future for SendFuture<'_> {
    type Output = Result<()>;

    /// # Panics
    /// If it was ready before.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let record = self.record.expect("a future is not polled once it was ready");
        let polled = self.producer.sleepy.poll(cx, record.len(), |p| p.try_send(record));
        if polled.is_ready() {
            self.record = None;
        }
        polled
    }
}

impl Drop for SendFuture<'_> {
    fn drop(&mut self) {
        self.producer.sleepy.disarm();
    }
}

impl Stream for AsyncConsumer {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        match self.sleepy.poll(cx, 0, Consumer::try_receive) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(item) => Poll::Ready(crate::consumer::step(&mut self.over, || item)),
        }
    }
}

impl fmt::Debug for AsyncConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncConsumer").field(&self.sleepy.inner).finish()
    }
}

impl fmt::Debug for AsyncProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncProducer").field(&self.sleepy.inner).finish()
    }
}

#[cfg(all(test, not(miri)))]
#[path = "asynchronous_test.rs"]
mod tests;
