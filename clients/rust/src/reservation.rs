//! Room for a record that is written in place.

use std::ops::{Deref, DerefMut};
use std::{fmt, slice};

use crate::{ffi, Producer, Result};

/// Bytes in the queue, aligned to 8, for a record. [`commit`](Reservation::commit) sends it; a
/// reservation that is dropped is given back. What the bytes hold before they are written is of no
/// meaning. They are in memory that other processes can write to: see [the crate](crate#the-memory-is-shared).
///
/// A reservation can't outlive its producer, nor its bytes the reservation, and a producer has one at a time:
///
/// ```compile_fail,E0505
/// # fn f(mut producer: shmq::Producer) -> Result<(), shmq::Error> {
/// let room = producer.reserve(10)?;
/// drop(producer);
/// room.commit()
/// # }
/// ```
///
/// ```compile_fail,E0505
/// # fn f(mut producer: shmq::Producer) -> Result<(), shmq::Error> {
/// let mut room = producer.reserve(10)?;
/// let bytes: &mut [u8] = &mut room;
/// room.commit()?;
/// bytes[0] = 1;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0499
/// # fn f(mut producer: shmq::Producer) -> Result<(), shmq::Error> {
/// let one = producer.reserve(10)?;
/// let two = producer.reserve(10)?;
/// one.commit()
/// # }
/// ```
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-reserve-{}", std::process::id());
/// # let mut producer = shmq::Producer::open(&name)?;
/// # let consumer = shmq::Consumer::open(&name)?;
/// let mut room = producer.reserve(1000)?;
/// room[..5].copy_from_slice(b"hello");
/// room.commit_first(5)?;
/// assert_eq!(consumer.receive()?, b"hello");
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation<'p> {
    producer: &'p mut Producer,
    data: *mut u8,
    size: usize,
}

impl<'p> Reservation<'p> {
    /// # Safety
    /// `data` has `size` bytes that are the producer's own until it commits or aborts.
    pub(crate) unsafe fn new(producer: &'p mut Producer, data: *mut u8, size: usize) -> Reservation<'p> {
        Reservation { producer, data, size }
    }

    /// Sends all of it as a record.
    ///
    /// # Errors
    /// Those after which the producer can only be closed.
    pub fn commit(self) -> Result<()> {
        let size = self.size;
        self.commit_first(size)
    }

    /// Sends the first `size` bytes as a record.
    ///
    /// # Errors
    /// `NotReserved` if there are not so many, and the reservation is given back.
    pub fn commit_first(self, size: usize) -> Result<()> {
        let handle = &self.producer.handle;
        // SAFETY: the handle is open. If the call fails self is dropped, which aborts.
        let rc = unsafe { ffi::shmq_commit(handle.as_ptr(), size) };
        handle.check(rc)?;
        std::mem::forget(self);
        Ok(())
    }

    /// Tells whether what was written went to the queue. Where the file was cut the
    /// [guard](crate::OpenOptions::guard) has put other memory in its place. Without a guard it says nothing.
    ///
    /// # Errors
    /// `Truncated`, `NoSpace`: the producer can only be closed.
    pub fn intact(&self) -> Result<()> {
        // SAFETY: the handle is open.
        let rc = unsafe { ffi::shmq_intact(self.producer.handle.as_ptr()) };
        self.producer.handle.check(rc).map(|_| ())
    }

    /// The producer that has it. None of its calls settles the reservation.
    pub fn producer(&self) -> &Producer {
        self.producer
    }

    /// Gives the reservation back, as dropping it does.
    pub fn abort(self) {}
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is open.
        unsafe { ffi::shmq_abort(self.producer.handle.as_ptr()) };
    }
}

impl Deref for Reservation<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: see new; shared memory has no bytes that are not initialised.
        unsafe { slice::from_raw_parts(self.data, self.size) }
    }
}

impl DerefMut for Reservation<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        if self.size == 0 {
            return &mut [];
        }
        // SAFETY: as in deref, and self is borrowed alone.
        unsafe { slice::from_raw_parts_mut(self.data, self.size) }
    }
}

impl fmt::Debug for Reservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("size", &self.size).finish()
    }
}
