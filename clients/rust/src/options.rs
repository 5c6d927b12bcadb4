//! How to open a queue.

use std::ffi::{c_uint, CString, OsStr};
use std::ptr;

use crate::handle::{c_name, with_error, Handle};
use crate::{error, ffi, Cancel, Consumer, Error, Producer, Result, Shape};

/// How a participant waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wait {
    /// Spin for some microseconds, as long as that is of use, then sleep.
    #[default]
    SpinThenPark,
    /// Never sleep: the lowest latency, for a whole core.
    Spin,
    /// Sleep at once.
    Park,
}

/// How to open a queue, in the manner of `std::fs::OpenOptions`.
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-options-{}", std::process::id());
/// use shmq::{OpenOptions, Shape};
///
/// let producer = OpenOptions::new().create(Shape::new().slots(64)).producer(&name)?;
/// let consumer = OpenOptions::new().no_create().until_end().consumer(&name)?;
/// producer.send(b"the only one")?;
/// producer.finish()?;
/// assert_eq!(consumer.records().count(), 1); // and then the stream is over
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    flags: u32,
    shape: Shape,
    wait: Wait,
    cancel: Option<Cancel>,
    command: Option<String>,
}

impl OpenOptions {
    /// All defaults.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    fn flag(mut self, flag: u32) -> OpenOptions {
        self.flags |= flag;
        self
    }

    /// The shape of the queue if it is made. One that exists and differs in what is set there is refused.
    #[must_use]
    pub fn create(mut self, shape: Shape) -> OpenOptions {
        self.shape = shape;
        self
    }

    /// Fail with [`Error::Absent`] where there is no queue. By default it is made.
    #[must_use]
    pub fn no_create(self) -> OpenOptions {
        self.flag(ffi::SHMQ_NO_CREATE)
    }

    /// Take a queue that exists as it is, whatever [`create`](OpenOptions::create) says.
    #[must_use]
    pub fn any_shape(self) -> OpenOptions {
        self.flag(ffi::SHMQ_ANY_SHAPE)
    }

    /// Consumers: be told the ends of streams. A stream is what is sent while at least one producer is
    /// attached. When the last one has left and all records were handed out, calls that find nothing
    /// return [`Error::End`], or [`Error::Broken`] if a producer was killed or gave up, and iterators
    /// end.
    #[must_use]
    pub fn until_end(self) -> OpenOptions {
        self.flag(ffi::SHMQ_UNTIL_END)
    }

    /// The same, and an end without [`Producer::finish`] is [`Error::Broken`] too.
    #[must_use]
    pub fn until_finish(self) -> OpenOptions {
        self.flag(ffi::SHMQ_UNTIL_END | ffi::SHMQ_STRICT)
    }

    /// Have a file that is cut while it is mapped be [`Error::Truncated`], and not a SIGBUS that ends the
    /// process. The bytes of guards turn into zeros then, and [`Lease::intact`](crate::Lease::intact) tells. It
    /// needs a handler for SIGBUS, which passes faults in other memory to the handler that there was. At most 256
    /// handles of a process can have it: more are [`Error::Refused`].
    #[must_use]
    pub fn guard(self) -> OpenOptions {
        self.flag(ffi::SHMQ_GUARD)
    }

    /// Touch all pages now, so that the first lap is no slower.
    #[must_use]
    pub fn prefault(self) -> OpenOptions {
        self.flag(ffi::SHMQ_PREFAULT)
    }

    /// Lock the mapping in memory; fails where `RLIMIT_MEMLOCK` is too small.
    #[must_use]
    pub fn lock_memory(self) -> OpenOptions {
        self.flag(ffi::SHMQ_LOCK_MEMORY)
    }

    /// Have a signal handler that ran end a sleep with [`Error::Interrupted`].
    #[must_use]
    pub fn interruptible(self) -> OpenOptions {
        self.flag(ffi::SHMQ_INTERRUPTIBLE)
    }

    /// How to wait.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> OpenOptions {
        self.wait = wait;
        self
    }

    /// What ends waits from outside.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> OpenOptions {
        self.cancel = Some(cancel.clone());
        self
    }

    /// What others are shown of this process, in place of its name.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> OpenOptions {
        self.command = Some(command.into());
        self
    }

    /// Attaches as a producer. It waits for a second at most for a process that attaches or leaves just
    /// now, and for a minute for one that has a queue with checksums to itself.
    ///
    /// # Errors
    /// `Absent`, `BadName`, `BadOption`, `Damaged`, `InUse`, `Layout`, `NotQueue`, `NoSeat`, `NoSpace`,
    /// `Permission`, `Rebuild`, `Refused`, `RoleTaken`, `System`.
    pub fn producer(&self, name: impl AsRef<OsStr>) -> Result<Producer> {
        self.open(name.as_ref(), ffi::SHMQ_PRODUCER).map(Producer::from_handle)
    }

    /// Attaches as a consumer.
    ///
    /// # Errors
    /// As of [`producer`](OpenOptions::producer).
    pub fn consumer(&self, name: impl AsRef<OsStr>) -> Result<Consumer> {
        self.open(name.as_ref(), ffi::SHMQ_CONSUMER).map(Consumer::from_handle)
    }

    fn open(&self, name: &OsStr, role: c_uint) -> Result<Handle> {
        let c = c_name(name)?;
        let command = match &self.command {
            Some(text) => Some(CString::new(text.as_str()).map_err(|_| {
                Error::with_text(
                    error::BAD_OPTION,
                    format!("shmq: open queue {name:?}: a command has no NUL in it"),
                )
            })?),
            None => None,
        };
        let options = ffi::shmq_options {
            size: size_of::<ffi::shmq_options>() as u32,
            flags: self.flags,
            create: self.shape.to_raw(),
            wait: match self.wait {
                Wait::SpinThenPark => ffi::SHMQ_SPIN_THEN_PARK,
                Wait::Spin => ffi::SHMQ_SPIN,
                Wait::Park => ffi::SHMQ_PARK,
            },
            reserved: 0,
            cancel: self.cancel.as_ref().map_or(ptr::null_mut(), Cancel::as_ptr),
            command: command.as_ref().map_or(ptr::null(), |c| c.as_ptr()),
            subscription: ptr::null(),
        };
        let mut q = ptr::null_mut();
        // SAFETY: all pointers are valid for the call; the cancel word, which has to live longer, is kept
        // by the handle.
        with_error(|err| unsafe { ffi::shmq_open(&mut q, c.as_ptr(), role, &options, err) })?;
        // SAFETY: q was opened just now, with that word.
        Ok(unsafe { Handle::new(q, self.cancel.clone()) })
    }
}
