//! Records in the hands of a consumer.

use std::ops::Deref;
use std::time::SystemTime;
use std::{fmt, mem, slice};

use crate::record::time;
use crate::{ffi, Consumer, RecordId, Result};

/// A record that a consumer has taken and not yet acknowledged. Its bytes, aligned to 8, stay where they
/// are, in shared memory. [`ack`](Lease::ack) says that the record is done with; a lease that is dropped,
/// also by a panic, is given back, and the record is delivered again, flagged. If the process dies the
/// same happens. Other processes can write to the bytes: see [the crate](crate#the-memory-is-shared).
///
/// A lease can't outlive its consumer, nor its bytes the lease:
///
/// ```compile_fail,E0505
/// # fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
/// let lease = consumer.lease()?;
/// drop(consumer);
/// println!("{}", lease.len());
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0505
/// # fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
/// let lease = consumer.lease()?;
/// let bytes: &[u8] = &lease;
/// lease.ack()?;
/// println!("{}", bytes.len());
/// # Ok(())
/// # }
/// ```
#[must_use = "a lease that is dropped is given back: the record is delivered again"]
pub struct Lease<'c> {
    consumer: &'c Consumer,
    raw: ffi::shmq_lease,
}

/// The bytes of a lease that is open.
///
/// # Safety
/// `raw` is open for as long as the result lives.
unsafe fn bytes<'a>(raw: &ffi::shmq_lease) -> &'a [u8] {
    if raw.size == 0 {
        return &[];
    }
    // SAFETY: the library has checked that the record lies in the mapping, and no participant writes to
    // it while it is leased.
    unsafe { slice::from_raw_parts(raw.data.cast(), raw.size) }
}

fn id_of(consumer: &Consumer, raw: &ffi::shmq_lease) -> Result<RecordId> {
    let mut id = ffi::shmq_id::default();
    // SAFETY: the handle is open, and raw is a lease of it.
    let rc = unsafe { ffi::shmq_record_id(consumer.handle.as_ptr(), raw, &mut id) };
    consumer.handle.check(rc)?;
    Ok(RecordId::from_raw(&id))
}

impl<'c> Lease<'c> {
    /// # Safety
    /// `raw` is an open lease of `consumer`, and nobody else's.
    #[inline]
    pub(crate) unsafe fn new(consumer: &'c Consumer, raw: ffi::shmq_lease) -> Lease<'c> {
        Lease { consumer, raw }
    }

    /// Acknowledges the record: it is done with. Leases of a queue that was removed can be acknowledged.
    ///
    /// # Errors
    /// Those after which the consumer can only be closed: the record may be delivered again.
    #[inline]
    pub fn ack(self) -> Result<()> {
        let mut lease = mem::ManuallyDrop::new(self);
        let handle = &lease.consumer.handle;
        // SAFETY: the handle is open; the lease is open, and is not used again.
        let rc = unsafe { ffi::shmq_ack(handle.as_ptr(), &raw mut lease.raw) };
        lease.consumer.handle.check(rc).map(|_| ())
    }

    /// Gives the record back, as dropping does: it is delivered again, flagged, to this consumer or
    /// another one.
    ///
    /// # Errors
    /// Those after which the consumer can only be closed.
    pub fn release(self) -> Result<()> {
        let mut lease = mem::ManuallyDrop::new(self);
        let rc = lease.give_back();
        lease.consumer.handle.check(rc).map(|_| ())
    }

    fn give_back(&mut self) -> std::ffi::c_int {
        // SAFETY: the handle is open; the lease is open, and is not used again.
        unsafe { ffi::shmq_release(self.consumer.handle.as_ptr(), &mut self.raw) }
    }

    /// Copies the record to `to`, in place of what is there, and makes no reference to the shared memory: what comes
    /// of it can't be changed by another process, and may be checked and then used, as text for instance.
    ///
    /// # Errors
    /// Those of [`intact`](Lease::intact).
    pub fn copy_to(&self, to: &mut Vec<u8>) -> Result<()> {
        let n = self.raw.size;
        to.clear();
        to.reserve(n);
        if n > 0 {
            // SAFETY: the lease is open, so size bytes are there; the vector has room for as many, and they do not
            // overlap, because a vector's memory is its own.
            unsafe {
                std::ptr::copy_nonoverlapping(self.raw.data.cast(), to.as_mut_ptr(), n);
                to.set_len(n);
            }
        }
        self.intact()
    }

    /// Tells whether the bytes are the record's. Where the file was cut the [guard](crate::OpenOptions::guard) has
    /// given zeros for them; a program that copies or decodes the bytes asks afterwards. Without a guard it says
    /// nothing.
    ///
    /// # Errors
    /// `Truncated`, `NoSpace`: the consumer can only be closed.
    #[inline]
    pub fn intact(&self) -> Result<()> {
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_intact(self.consumer.handle.as_ptr()) };
        self.consumer.handle.check(rc).map(|_| ())
    }

    /// How often the record was delivered before, as far as that was recorded. 0 for one that nobody was
    /// handed before.
    pub fn redelivered(&self) -> u32 {
        self.raw.redelivered
    }

    /// When the record was sent, by its sender's clock. None in a queue without time stamps.
    pub fn sent_at(&self) -> Option<SystemTime> {
        time(self.raw.sent_at)
    }

    /// Where the record lies in the order of the queue.
    pub fn position(&self) -> u64 {
        self.raw.position
    }

    /// The id of the record, which it keeps when it is delivered again.
    ///
    /// # Errors
    /// Those after which the consumer can only be closed.
    pub fn id(&self) -> Result<RecordId> {
        id_of(self.consumer, &self.raw)
    }

    /// The consumer that holds it.
    pub fn consumer(&self) -> &'c Consumer {
        self.consumer
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Deref for Lease<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the lease is open as long as self lives.
        unsafe { bytes(&self.raw) }
    }
}

impl AsRef<[u8]> for Lease<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Lease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("position", &self.raw.position)
            .field("size", &self.raw.size)
            .field("redelivered", &self.raw.redelivered)
            .finish()
    }
}

/// Several records that were taken together. [`ack`](LeaseBatch::ack) acknowledges all; those that are
/// not acknowledged when the batch is dropped are given back.
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-leasebatch-{}", std::process::id());
/// # let producer = shmq::Producer::open(&name)?;
/// # let consumer = shmq::Consumer::open(&name)?;
/// for n in 0..10u8 {
///     producer.send(&[n])?;
/// }
/// let batch = consumer.lease_batch(64)?;
/// let sum: u8 = batch.iter().map(|record| record[0]).sum();
/// assert_eq!(sum, 45);
/// batch.ack()?;
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
#[must_use = "a batch that is dropped is given back: its records are delivered again"]
pub struct LeaseBatch<'c> {
    consumer: &'c Consumer,
    raw: Vec<ffi::shmq_lease>,
}

impl<'c> LeaseBatch<'c> {
    pub(crate) fn take(consumer: &'c Consumer, mut most: usize, timeout: i64) -> Result<LeaseBatch<'c>> {
        let mut raw = consumer.spare.take();
        if most > raw.capacity() {
            most = most.min(consumer.handle.shape().get_slots() as usize); // no queue has more records
            raw.reserve(most);
        }
        // SAFETY: the handle is open, and the vector has room for so many leases.
        let n = unsafe { ffi::shmq_lease_batch(consumer.handle.as_ptr(), raw.as_mut_ptr(), most, timeout) };
        let n = consumer.handle.count(n)?;
        // SAFETY: the library has filled so many.
        unsafe { raw.set_len(n) };
        Ok(LeaseBatch { consumer, raw })
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Reports whether there is none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The bytes of a record.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        // SAFETY: the leases are open as long as self lives.
        self.raw.get(index).map(|raw| unsafe { bytes(raw) })
    }

    /// The bytes of each record.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        // SAFETY: as in get.
        self.raw.iter().map(|raw| unsafe { bytes(raw) })
    }

    /// How often a record was delivered before: see [`Lease::redelivered`].
    pub fn redelivered(&self, index: usize) -> Option<u32> {
        self.raw.get(index).map(|raw| raw.redelivered)
    }

    /// Acknowledges all, in one step.
    ///
    /// # Errors
    /// Those after which the consumer can only be closed.
    pub fn ack(mut self) -> Result<()> {
        let handle = &self.consumer.handle;
        // SAFETY: the handle is open, and so are the leases, which are not used again: what the drop
        // gives back are those that the call could not settle.
        let n = unsafe { ffi::shmq_ack_batch(handle.as_ptr(), self.raw.as_mut_ptr(), self.raw.len()) };
        handle.count(n).map(|_| ())
    }
}

impl Drop for LeaseBatch<'_> {
    fn drop(&mut self) {
        for raw in self.raw.iter_mut().filter(|raw| !raw.data.is_null()) {
            // SAFETY: the handle is open; a lease that is settled has no data.
            unsafe { ffi::shmq_release(self.consumer.handle.as_ptr(), raw) };
        }
        self.consumer.spare.put(mem::take(&mut self.raw));
    }
}

impl fmt::Debug for LeaseBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseBatch").field("len", &self.raw.len()).finish()
    }
}

/// The leases of a batch, each to be settled by itself. Those that were not taken are given back. With many
/// consumers a record of a batch comes again when all of the batch is settled.
#[derive(Debug)]
pub struct LeaseIter<'c> {
    batch: LeaseBatch<'c>,
    next: usize,
}

impl<'c> IntoIterator for LeaseBatch<'c> {
    type Item = Lease<'c>;
    type IntoIter = LeaseIter<'c>;

    fn into_iter(self) -> LeaseIter<'c> {
        LeaseIter { batch: self, next: 0 }
    }
}

impl<'c> Iterator for LeaseIter<'c> {
    type Item = Lease<'c>;

    fn next(&mut self) -> Option<Lease<'c>> {
        let slot = self.batch.raw.get_mut(self.next)?;
        let raw = mem::replace(slot, ffi::shmq_lease::NONE); // the drop of the batch leaves it alone
        self.next += 1;
        // SAFETY: the lease is open, and the batch has it no more.
        Some(unsafe { Lease::new(self.batch.consumer, raw) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.raw.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for LeaseIter<'_> {}
