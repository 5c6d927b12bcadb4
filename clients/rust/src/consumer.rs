//! Receiving.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::handle::{common, nanos, Handle};
use crate::record::time;
use crate::{error, ffi, Batch, Error, Lease, LeaseBatch, OpenOptions, RecordId, Result};

/// A participant that receives. Dropping it leaves the queue.
///
/// It can be sent to another thread and not be shared:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<shmq::Consumer>();
/// ```
pub struct Consumer {
    pub(crate) handle: Handle,
    /// The array of the last batch of leases, for the next one.
    pub(crate) spare: Spare,
}

/// The memory of an array of leases, without leases in it.
#[derive(Default)]
pub(crate) struct Spare(Cell<Vec<ffi::shmq_lease>>);

// SAFETY: the array is empty, so no pointer goes to another thread.
unsafe impl Send for Spare {}

impl Spare {
    pub(crate) fn take(&self) -> Vec<ffi::shmq_lease> {
        self.0.take()
    }

    pub(crate) fn put(&self, mut array: Vec<ffi::shmq_lease>) {
        array.clear();
        self.0.set(array);
    }
}

impl Consumer {
    /// Attaches to the queue of that name, and makes it first if it is absent. For more see
    /// [`OpenOptions`].
    ///
    /// # Errors
    /// As of [`OpenOptions::producer`].
    pub fn open(name: impl AsRef<OsStr>) -> Result<Consumer> {
        OpenOptions::new().consumer(name)
    }

    pub(crate) fn from_handle(handle: Handle) -> Consumer {
        Consumer {
            handle,
            spare: Spare::default(),
        }
    }

    common!();

    /// Copies the next record out of the queue, acknowledges it, and waits for one.
    ///
    /// # Errors
    /// `Cancelled`, `Interrupted`, `Damaged`; with [`until_end`](OpenOptions::until_end) `End` and
    /// `Broken`; those after which the consumer can only be closed: `Removed`, `Truncated`, `NoSpace`,
    /// `Forked`.
    pub fn receive(&self) -> Result<Vec<u8>> {
        self.receive_new(ffi::SHMQ_FOREVER)
    }

    /// [`receive`](Consumer::receive) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_receive(&self) -> Result<Vec<u8>> {
        self.receive_new(0)
    }

    /// [`receive`](Consumer::receive) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`; with a time of zero `Empty`.
    pub fn receive_timeout(&self, timeout: Duration) -> Result<Vec<u8>> {
        self.receive_new(nanos(timeout))
    }

    fn receive_new(&self, timeout: i64) -> Result<Vec<u8>> {
        let mut record = Vec::new();
        self.receive_within(&mut record, timeout)?;
        Ok(record)
    }

    /// [`receive`](Consumer::receive) into a buffer that is used again: it holds the record after the
    /// call, and nothing after a failure. Once it has grown to the records nothing is allocated.
    ///
    /// # Errors
    /// As of [`receive`](Consumer::receive).
    pub fn receive_into(&self, record: &mut Vec<u8>) -> Result<()> {
        self.receive_within(record, ffi::SHMQ_FOREVER)
    }

    /// [`receive_into`](Consumer::receive_into) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_receive_into(&self, record: &mut Vec<u8>) -> Result<()> {
        self.receive_within(record, 0)
    }

    /// [`receive_into`](Consumer::receive_into) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn receive_into_timeout(&self, record: &mut Vec<u8>, timeout: Duration) -> Result<()> {
        self.receive_within(record, nanos(timeout))
    }

    #[inline]
    pub(crate) fn receive_within(&self, record: &mut Vec<u8>, timeout: i64) -> Result<()> {
        record.clear();
        loop {
            let q = self.handle.as_ptr();
            // SAFETY: the handle is open, and the vector has room for so many bytes.
            let n = unsafe { ffi::shmq_receive(q, record.as_mut_ptr().cast(), record.capacity(), timeout) };
            if n >= 0 {
                // SAFETY: the library has written that many.
                unsafe { record.set_len(n as usize) };
                return Ok(());
            }
            if n != i64::from(error::SMALL) {
                return Err(Error::of_handle(n as i32, q));
            }
            // The record is the next one that this handle receives.
            // SAFETY: the handle is open.
            record.reserve_exact(unsafe { ffi::shmq_pending_size(q) });
        }
    }

    /// [`receive`](Consumer::receive) into a slice; returns the record's size.
    ///
    /// # Errors
    /// `Small` if the record does not fit, which is then the next one that is received, or leased; and
    /// those of `receive`.
    pub fn receive_to_slice(&self, buf: &mut [u8]) -> Result<usize> {
        self.receive_to_slice_within(buf, ffi::SHMQ_FOREVER)
    }

    /// [`receive_to_slice`](Consumer::receive_to_slice) without waiting.
    ///
    /// # Errors
    /// `Empty`, `Small`, and those of `receive`.
    pub fn try_receive_to_slice(&self, buf: &mut [u8]) -> Result<usize> {
        self.receive_to_slice_within(buf, 0)
    }

    /// [`receive_to_slice`](Consumer::receive_to_slice) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, `Small`, and those of `receive`.
    pub fn receive_to_slice_timeout(&self, buf: &mut [u8], timeout: Duration) -> Result<usize> {
        self.receive_to_slice_within(buf, nanos(timeout))
    }

    fn receive_to_slice_within(&self, buf: &mut [u8], timeout: i64) -> Result<usize> {
        let q = self.handle.as_ptr();
        // SAFETY: the handle is open, and buf has room for so many bytes.
        let n = unsafe { ffi::shmq_receive(q, buf.as_mut_ptr().cast(), buf.len(), timeout) };
        self.handle.count(n)
    }

    /// After [`Error::Small`]: the size of the record that did not fit; otherwise 0.
    pub fn pending_size(&self) -> usize {
        // SAFETY: the handle is open.
        unsafe { ffi::shmq_pending_size(self.handle.as_ptr()) }
    }

    /// Of the record that was received last: how often it had been delivered before, as far as that was
    /// recorded. 0 for one that nobody was handed before.
    pub fn redelivered(&self) -> u32 {
        // SAFETY: the handle is open.
        unsafe { ffi::shmq_redelivered(self.handle.as_ptr()) }
    }

    /// Of the record that was received last: when it was sent. None in a queue without time stamps.
    pub fn sent_at(&self) -> Option<SystemTime> {
        // SAFETY: the handle is open.
        time(unsafe { ffi::shmq_sent_at(self.handle.as_ptr()) })
    }

    /// The id of the record that was received last.
    ///
    /// # Errors
    /// `Misuse` if there is none.
    pub fn received_id(&self) -> Result<RecordId> {
        let mut id = ffi::shmq_id::default();
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_received_id(self.handle.as_ptr(), &mut id) };
        self.handle.check(rc)?;
        Ok(RecordId::from_raw(&id))
    }

    /// Receives records that are ready, at most as many as the batch has room for, and acknowledges
    /// them. It waits for the first only. Returns how many: one that was delivered before, or lies in several
    /// slots, ends a batch, and the next call goes on behind it.
    ///
    /// # Errors
    /// As of [`receive`](Consumer::receive).
    pub fn receive_batch(&self, batch: &mut Batch) -> Result<usize> {
        batch.receive(&self.handle, ffi::SHMQ_FOREVER)
    }

    /// [`receive_batch`](Consumer::receive_batch) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_receive_batch(&self, batch: &mut Batch) -> Result<usize> {
        batch.receive(&self.handle, 0)
    }

    /// [`receive_batch`](Consumer::receive_batch) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn receive_batch_timeout(&self, batch: &mut Batch, timeout: Duration) -> Result<usize> {
        batch.receive(&self.handle, nanos(timeout))
    }

    /// Takes the next record without a copy, and waits for one. Any number of leases may be open, of up
    /// to all slots.
    ///
    /// # Errors
    /// As of [`receive`](Consumer::receive).
    #[inline]
    pub fn lease(&self) -> Result<Lease<'_>> {
        self.lease_within(ffi::SHMQ_FOREVER)
    }

    /// [`lease`](Consumer::lease) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    #[inline]
    pub fn try_lease(&self) -> Result<Lease<'_>> {
        self.lease_within(0)
    }

    /// [`lease`](Consumer::lease) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    #[inline]
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<'_>> {
        self.lease_within(nanos(timeout))
    }

    #[inline]
    pub(crate) fn lease_within(&self, timeout: i64) -> Result<Lease<'_>> {
        let raw = self.lease_raw(timeout)?;
        // SAFETY: this consumer took it just now.
        Ok(unsafe { Lease::new(self, raw) })
    }

    #[inline]
    pub(crate) fn lease_raw(&self, timeout: i64) -> Result<ffi::shmq_lease> {
        let mut raw = ffi::shmq_lease::NONE;
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_lease(self.handle.as_ptr(), &mut raw, timeout) };
        self.handle.check(rc)?;
        Ok(raw)
    }

    /// Takes records that are ready, at most `most`, and waits for the first only. With many
    /// consumers they cost one claim, and their slots become free when the last is settled.
    ///
    /// # Errors
    /// As of [`receive`](Consumer::receive).
    pub fn lease_batch(&self, most: usize) -> Result<LeaseBatch<'_>> {
        LeaseBatch::take(self, most, ffi::SHMQ_FOREVER)
    }

    /// [`lease_batch`](Consumer::lease_batch) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_lease_batch(&self, most: usize) -> Result<LeaseBatch<'_>> {
        LeaseBatch::take(self, most, 0)
    }

    /// [`lease_batch`](Consumer::lease_batch) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn lease_batch_timeout(&self, most: usize, timeout: Duration) -> Result<LeaseBatch<'_>> {
        LeaseBatch::take(self, most, nanos(timeout))
    }

    /// Iterates over leases: it waits for each, and ends with the stream
    /// ([`until_end`](OpenOptions::until_end)) or behind an error.
    ///
    /// ```
    /// # let name = format!("/dev/shm/shmq-doc-leases-{}", std::process::id());
    /// # let consumer = shmq::OpenOptions::new().until_end().consumer(&name)?;
    /// # let producer = shmq::Producer::open(&name)?;
    /// # producer.send(b"a")?;
    /// # drop(producer);
    /// for lease in consumer.leases() {
    ///     let lease = lease?;
    ///     println!("{} bytes", lease.len());
    ///     lease.ack()?;
    /// }
    /// # shmq::remove_force(&name)?;
    /// # Ok::<(), shmq::Error>(())
    /// ```
    pub fn leases(&self) -> Leases<'_> {
        Leases {
            consumer: self,
            over: false,
        }
    }

    /// Iterates over records, each copied and acknowledged when it is handed out; as
    /// [`leases`](Consumer::leases).
    pub fn records(&self) -> Records<'_> {
        Records {
            consumer: self,
            over: false,
        }
    }

    /// Waits until receiving is worth a try. It takes nothing, so another consumer may be faster. A program that then
    /// does not try calls [`disarm`](Consumer::disarm).
    ///
    /// # Errors
    /// As of [`receive`](Consumer::receive).
    pub fn wait(&self) -> Result<()> {
        self.handle.wait(0, ffi::SHMQ_FOREVER)
    }

    /// [`wait`](Consumer::wait) with a limit.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<()> {
        self.handle.wait(0, nanos(timeout))
    }

    /// Passes on the wake-up that a wait may have used up, of this consumer alone or in a [`Select`](crate::Select),
    /// where the program does not try to receive after it. Otherwise a record may lie there for a tenth of a
    /// second while another consumer sleeps.
    ///
    /// # Errors
    /// Those after which the consumer can only be closed.
    pub fn disarm(&self) -> Result<()> {
        self.handle.disarm(0)
    }

    /// With [`until_end`](OpenOptions::until_end): forgets the end that was told, and waits for the next
    /// stream.
    ///
    /// # Errors
    /// `Forked`.
    pub fn next_stream(&self) -> Result<()> {
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_next_stream(self.handle.as_ptr()) };
        self.handle.check(rc).map(|_| ())
    }

    /// Reports whether a producer is attached: what the kernel says of their locks.
    ///
    /// # Errors
    /// `Forked`, `System`.
    pub fn producer_attached(&self) -> Result<bool> {
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_producer_attached(self.handle.as_ptr()) };
        self.handle.check(rc).map(|n| n == 1)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("name", &self.name())
            .field("seat", &self.seat())
            .finish()
    }
}

/// The next item of an iterator that ends with the stream or behind an error, unless that is about one
/// record only.
pub(crate) fn step<T>(over: &mut bool, next: impl FnOnce() -> Result<T>) -> Option<Result<T>> {
    if *over {
        return None;
    }
    let item = next();
    *over = matches!(&item, Err(e) if !matches!(e, Error::Decode(_)));
    match item {
        Err(Error::End(_)) => None,
        item => Some(item),
    }
}

/// Leases, one after the other: see [`Consumer::leases`].
#[derive(Debug)]
pub struct Leases<'c> {
    consumer: &'c Consumer,
    over: bool,
}

impl<'c> Iterator for Leases<'c> {
    type Item = Result<Lease<'c>>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.over, || self.consumer.lease())
    }
}

/// Records, one after the other: see [`Consumer::records`].
#[derive(Debug)]
pub struct Records<'c> {
    consumer: &'c Consumer,
    over: bool,
}

impl Iterator for Records<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.over, || self.consumer.receive())
    }
}

impl std::iter::FusedIterator for Leases<'_> {}
impl std::iter::FusedIterator for Records<'_> {}

impl<'c> IntoIterator for &'c Consumer {
    type Item = Result<Lease<'c>>;
    type IntoIter = Leases<'c>;

    fn into_iter(self) -> Leases<'c> {
        self.leases()
    }
}
