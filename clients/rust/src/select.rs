//! Waiting for several queues at once.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::handle::nanos;
use crate::{error, ffi, Cancel, Consumer, Error, Producer, Result};

/// Handles that a thread waits for together.
///
/// ```
/// # let (a, b) = (format!("/dev/shm/shmq-doc-sela-{}", std::process::id()), format!("/dev/shm/shmq-doc-selb-{}", std::process::id()));
/// # let p = shmq::Producer::open(&b)?;
/// # p.send(b"here")?;
/// # let (orders, refunds) = (shmq::Consumer::open(&a)?, shmq::Consumer::open(&b)?);
/// use shmq::{Error, Select};
///
/// let mut select = Select::new();
/// let from_orders = select.consumer(&orders);
/// let from_refunds = select.consumer(&refunds);
/// let ready = select.wait()?;
/// let queue = if ready == from_orders { &orders } else { &refunds };
/// match queue.try_receive() {
///     Ok(record) => println!("{} bytes", record.len()),
///     Err(Error::Empty) => {} // another consumer was faster
///     Err(e) => return Err(e),
/// }
/// # assert_eq!(ready, from_refunds);
/// # shmq::remove_force(&a)?;
/// # shmq::remove_force(&b)?;
/// # Ok::<(), shmq::Error>(())
/// ```
#[derive(Default)]
pub struct Select<'a> {
    members: Vec<ffi::shmq_member>,
    cancel: Option<Cancel>,
    turn: usize,
    _handles: PhantomData<&'a Consumer>,
}

impl<'a> Select<'a> {
    /// The most members that a wait takes.
    pub const MOST: usize = ffi::SHMQ_MOST_MEMBERS;

    /// No member yet.
    pub fn new() -> Select<'a> {
        Select {
            members: Vec::new(),
            cancel: None,
            turn: 0,
            _handles: PhantomData,
        }
    }

    /// Adds a consumer, waited for until receiving is worth a try, and returns its index.
    pub fn consumer(&mut self, consumer: &'a Consumer) -> usize {
        self.add(consumer.handle.as_ptr(), 0)
    }

    /// Adds a producer, waited for until sending a record of `size` bytes is worth a try, and returns its
    /// index.
    pub fn producer(&mut self, producer: &'a Producer, size: usize) -> usize {
        self.add(producer.handle.as_ptr(), size)
    }

    fn add(&mut self, q: *mut ffi::shmq, size: usize) -> usize {
        self.members.push(ffi::shmq_member { q, size });
        self.members.len() - 1
    }

    /// What ends the wait from outside, beside what the members have of their own. A sleep ends at once by this one, or
    /// without it by the first that a member has, and by the others within a tenth of a second.
    pub fn cancel(&mut self, cancel: &Cancel) -> &mut Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// Waits until a try of a member is worth while, and returns its index. If a member has something to
    /// be told, an end or that its queue was removed, it returns that one's index too, and the
    /// try says so. A program that does not try that one calls its `disarm`, as
    /// [`Consumer::disarm`]. A busy queue does not keep the others waiting.
    ///
    /// # Errors
    /// `Cancelled`, `Interrupted`; `Misuse` without a member or with more than [`MOST`](Select::MOST).
    pub fn wait(&mut self) -> Result<usize> {
        self.wait_within(ffi::SHMQ_FOREVER)
    }

    /// [`wait`](Select::wait) with a limit.
    ///
    /// # Errors
    /// `Timeout`, and those of `wait`.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<usize> {
        self.wait_within(nanos(timeout))
    }

    fn wait_within(&mut self, timeout: i64) -> Result<usize> {
        if self.members.is_empty() || self.members.len() > Select::MOST {
            let text = format!(
                "shmq: wait for {} queues: from 1 to {} can be waited for",
                self.members.len(),
                Select::MOST
            );
            return Err(Error::with_text(error::MISUSE, text));
        }
        let cancel = self.cancel.as_ref().map_or(std::ptr::null_mut(), Cancel::as_ptr);
        // SAFETY: the handles are open, because they are borrowed, and belong to this thread, because they
        // are not Sync; so self is not Send.
        let rc = unsafe {
            ffi::shmq_wait_any(
                self.members.as_ptr(),
                self.members.len(),
                cancel,
                &mut self.turn,
                timeout,
            )
        };
        if rc < 0 {
            return Err(Error::of_code(rc));
        }
        Ok(rc as usize)
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("members", &self.members.len()).finish()
    }
}
