//! Buffers for several records.

use std::ptr;

use crate::handle::Handle;
use crate::{error, ffi, Result};

/// Room for several records that are received together: see
/// [`receive_batch`](crate::Consumer::receive_batch).
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-receivebatch-{}", std::process::id());
/// # let producer = shmq::Producer::open(&name)?;
/// # let consumer = shmq::Consumer::open(&name)?;
/// # producer.send(b"one")?;
/// # producer.send(b"two")?;
/// let mut batch = shmq::Batch::new(64, 256);
/// let mut bytes = 0;
/// while bytes < 6 {
///     consumer.receive_batch(&mut batch)?; // one record at least
///     bytes += batch.iter().map(|record| record.len()).sum::<usize>();
/// }
/// # assert_eq!(bytes, 6);
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
pub struct Batch {
    memory: Vec<u8>,
    each: usize,
    entries: Vec<ffi::shmq_buffer>,
    count: usize,
}

// SAFETY: the entries' pointers are into the batch's own memory, and are set before each use.
unsafe impl Send for Batch {}
// SAFETY: a shared batch is only read.
unsafe impl Sync for Batch {}

impl Batch {
    /// Room for `records` records of up to `size` bytes each. A larger record makes it grow.
    ///
    /// # Panics
    /// If `records` is 0, or the room is larger than memory can be.
    pub fn new(records: usize, size: usize) -> Batch {
        assert!(records > 0, "a batch has room for a record at least");
        let empty = || ffi::shmq_buffer {
            data: ptr::null_mut(),
            cap: 0,
            size: 0,
            redelivered: 0,
            reserved: 0,
        };
        Batch {
            memory: memory(records, size),
            each: size,
            entries: (0..records).map(|_| empty()).collect(),
            count: 0,
        }
    }

    /// The number of records that were received last.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Reports whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A record.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let size = self.entries[..self.count].get(index)?.size;
        let at = index * self.each;
        Some(&self.memory[at..at + size])
    }

    /// Each record, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.count).map(|i| &self.memory[i * self.each..i * self.each + self.entries[i].size])
    }

    /// How often a record was delivered before: see [`Lease::redelivered`](crate::Lease::redelivered).
    pub fn redelivered(&self, index: usize) -> Option<u32> {
        self.entries[..self.count].get(index).map(|e| e.redelivered)
    }

    pub(crate) fn receive(&mut self, handle: &Handle, timeout: i64) -> Result<usize> {
        self.count = 0;
        loop {
            let base = self.memory.as_mut_ptr();
            for (i, entry) in self.entries.iter_mut().enumerate() {
                // SAFETY: the memory has self.each bytes for each entry: see memory.
                entry.data = unsafe { base.add(i * self.each) }.cast();
                entry.cap = self.each;
            }
            // SAFETY: the handle is open, and the entries describe memory of this batch.
            let n = unsafe {
                ffi::shmq_receive_batch(handle.as_ptr(), self.entries.as_mut_ptr(), self.entries.len(), timeout)
            };
            if n != i64::from(error::SMALL) {
                self.count = handle.count(n)?;
                return Ok(self.count);
            }
            // The record that did not fit is the next one, in larger buffers.
            // SAFETY: the handle is open.
            self.grow(unsafe { ffi::shmq_pending_size(handle.as_ptr()) }.max(self.each + 1));
        }
    }

    /// If it panics the batch is as it was.
    fn grow(&mut self, size: usize) {
        self.memory = memory(self.entries.len(), size);
        self.each = size;
    }
}

fn memory(records: usize, size: usize) -> Vec<u8> {
    let bytes = records.checked_mul(size);
    vec![0; bytes.expect("a batch is no larger than memory can be")]
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.count)
            .field("room", &self.entries.len())
            .finish()
    }
}

#[cfg(test)]
#[path = "batch_test.rs"]
mod tests;
