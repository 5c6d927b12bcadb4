//! Sending.

use std::ffi::OsStr;
use std::io::IoSlice;
use std::time::Duration;
use std::{fmt, ptr};

use crate::handle::{common, nanos, Handle};
use crate::{ffi, OpenOptions, Reservation, Result};

/// A participant that sends. Dropping it leaves the queue; what was sent stays, and when the last
/// producer leaves the stream ends.
///
/// It can be sent to another thread and not be shared:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<shmq::Producer>();
/// ```
pub struct Producer {
    pub(crate) handle: Handle,
}

impl Producer {
    /// Attaches to the queue of that name, and makes it first if it is absent. For more see
    /// [`OpenOptions`].
    ///
    /// # Errors
    /// As of [`OpenOptions::producer`].
    pub fn open(name: impl AsRef<OsStr>) -> Result<Producer> {
        OpenOptions::new().producer(name)
    }

    pub(crate) fn from_handle(handle: Handle) -> Producer {
        Producer { handle }
    }

    common!();

    /// Copies `record` into the queue, whole or not at all, and waits for room. An empty record is one.
    ///
    /// # Errors
    /// `Cancelled`, `Interrupted`, `TooLarge`, `Reserved`, `Damaged`; those after which the producer can
    /// only be closed: `Removed`, `Truncated`, `NoSpace`, `Forked`. The record was not sent; after
    /// `Truncated` and `NoSpace` that is not known.
    #[inline]
    pub fn send(&self, record: &[u8]) -> Result<()> {
        self.send_within(record, ffi::SHMQ_FOREVER)
    }

    /// [`send`](Producer::send) without waiting.
    ///
    /// # Errors
    /// `Full`, and those of `send`.
    #[inline]
    pub fn try_send(&self, record: &[u8]) -> Result<()> {
        self.send_within(record, 0)
    }

    /// [`send`](Producer::send) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `send`; with a time of zero `Full`.
    #[inline]
    pub fn send_timeout(&self, record: &[u8], timeout: Duration) -> Result<()> {
        self.send_within(record, nanos(timeout))
    }

    #[inline]
    pub(crate) fn send_within(&self, record: &[u8], timeout: i64) -> Result<()> {
        // SAFETY: the handle is open, and the library reads record.len() bytes there.
        let rc = unsafe { ffi::shmq_send(self.handle.as_ptr(), record.as_ptr().cast(), record.len(), timeout) };
        self.handle.check(rc).map(|_| ())
    }

    /// Sends records in order, each whole, waits until all are sent, and returns how many were. That is
    /// less than all if something came in between; the next call says what. With many producers a batch
    /// costs one claim.
    ///
    /// ```
    /// # let name = format!("/dev/shm/shmq-doc-batch-{}", std::process::id());
    /// # let producer = shmq::Producer::open(&name)?;
    /// use std::io::IoSlice;
    /// let records = ["one", "two", "three"];
    /// let batch: Vec<IoSlice<'_>> = records.iter().map(|r| IoSlice::new(r.as_bytes())).collect();
    /// assert_eq!(producer.send_batch(&batch)?, 3);
    /// # shmq::remove_force(&name)?;
    /// # Ok::<(), shmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`send`](Producer::send), if none was sent.
    pub fn send_batch(&self, records: &[IoSlice<'_>]) -> Result<usize> {
        self.send_batch_within(records, ffi::SHMQ_FOREVER)
    }

    /// [`send_batch`](Producer::send_batch) without waiting: as many as there is room for.
    ///
    /// # Errors
    /// `Full`, and those of `send`, if none was sent.
    pub fn try_send_batch(&self, records: &[IoSlice<'_>]) -> Result<usize> {
        self.send_batch_within(records, 0)
    }

    /// [`send_batch`](Producer::send_batch) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `send`, if none was sent.
    pub fn send_batch_timeout(&self, records: &[IoSlice<'_>], timeout: Duration) -> Result<usize> {
        self.send_batch_within(records, nanos(timeout))
    }

    pub(crate) fn send_batch_within(&self, records: &[IoSlice<'_>], timeout: i64) -> Result<usize> {
        // SAFETY: std promises that an IoSlice has the layout of struct iovec, which is a pointer and a
        // size, as struct shmq_bytes is.
        let n = unsafe { ffi::shmq_send_batch(self.handle.as_ptr(), records.as_ptr().cast(), records.len(), timeout) };
        self.handle.count(n)
    }

    /// Reserves `size` bytes in the queue for a record to be written in place, and waits for room.
    /// While it is open, records that other producers send are not delivered, and this producer can't
    /// send anything else:
    ///
    /// ```compile_fail,E0502
    /// # fn f(mut producer: shmq::Producer) -> Result<(), shmq::Error> {
    /// let reservation = producer.reserve(100)?;
    /// producer.send(b"in between")?;
    /// reservation.commit()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of [`send`](Producer::send).
    pub fn reserve(&mut self, size: usize) -> Result<Reservation<'_>> {
        self.reserve_within(size, ffi::SHMQ_FOREVER)
    }

    /// [`reserve`](Producer::reserve) without waiting.
    ///
    /// # Errors
    /// `Full`, and those of `send`.
    pub fn try_reserve(&mut self, size: usize) -> Result<Reservation<'_>> {
        self.reserve_within(size, 0)
    }

    /// [`reserve`](Producer::reserve) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `send`.
    pub fn reserve_timeout(&mut self, size: usize, timeout: Duration) -> Result<Reservation<'_>> {
        self.reserve_within(size, nanos(timeout))
    }

    fn reserve_within(&mut self, size: usize, timeout: i64) -> Result<Reservation<'_>> {
        let mut data = ptr::null_mut();
        // SAFETY: the handle is open, and data is a place for a pointer.
        let rc = unsafe { ffi::shmq_reserve(self.handle.as_ptr(), size, &mut data, timeout) };
        self.handle.check(rc)?;
        // SAFETY: data has size bytes that are this producer's until it commits or aborts, which it can't
        // while the reservation borrows it.
        Ok(unsafe { Reservation::new(self, data.cast(), size) })
    }

    /// Waits until sending a record of `size` bytes is worth a try. It takes nothing, so another producer
    /// may be faster. A program that then does not try calls [`disarm`](Producer::disarm).
    ///
    /// # Errors
    /// As of [`send`](Producer::send).
    pub fn wait(&self, size: usize) -> Result<()> {
        self.handle.wait(size, ffi::SHMQ_FOREVER)
    }

    /// [`wait`](Producer::wait) with a limit.
    ///
    /// # Errors
    /// `Timeout`, and those of `send`.
    pub fn wait_timeout(&self, size: usize, timeout: Duration) -> Result<()> {
        self.handle.wait(size, nanos(timeout))
    }

    /// Passes on the wake-up that a wait for room for `size` bytes may have used up, of this producer alone or in a
    /// [`Select`](crate::Select), where the program does not try to send after it. Otherwise another producer may sleep
    /// for a tenth of a second while there is room.
    ///
    /// # Errors
    /// Those after which the producer can only be closed.
    pub fn disarm(&self, size: usize) -> Result<()> {
        self.handle.disarm(size)
    }

    /// Marks the stream as complete, and leaves. If another producer attaches before the last one has
    /// left, the mark is void.
    ///
    /// # Errors
    /// `Removed`, `Truncated`, `NoSpace`: what was sent lately may have found nobody who receives it. `Forked`;
    /// those of `close`.
    pub fn finish(self) -> Result<()> {
        self.handle.end(ffi::shmq_finish)
    }

    /// Leaves, and tells consumers that not all was sent, as when a producer is killed.
    ///
    /// # Errors
    /// `Truncated`, `NoSpace`, `Forked`; those of `close`.
    pub fn abandon(self) -> Result<()> {
        self.handle.end(ffi::shmq_abandon)
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("name", &self.name())
            .field("seat", &self.seat())
            .finish()
    }
}
