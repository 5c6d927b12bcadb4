//! A handle of the library, and what both roles can ask of it.

use std::cell::Cell;
use std::ffi::{c_int, CStr, CString, OsStr};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::Duration;

use crate::error::{self, Error, Result};
use crate::{ffi, Cancel, Counters, Shape};

/// An open `shmq *`. The library allows one thread at a time: a handle may go to another thread, and
/// two can't share it.
pub(crate) struct Handle {
    q: *mut ffi::shmq,
    cancel: Option<Cancel>, // the word has to outlive the handle
    _not_sync: PhantomData<Cell<()>>,
}

// SAFETY: the library keeps nothing that belongs to a thread; shmq.h, "Threads".
unsafe impl Send for Handle {}

impl Handle {
    /// # Safety
    /// `q` is open and nobody else's, and uses the word of `cancel` if it has any.
    pub(crate) unsafe fn new(q: *mut ffi::shmq, cancel: Option<Cancel>) -> Handle {
        Handle {
            q,
            cancel,
            _not_sync: PhantomData,
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::shmq {
        self.q
    }

    #[cfg_attr(not(feature = "async"), allow(dead_code))]
    pub(crate) fn cancel(&self) -> Option<&Cancel> {
        self.cancel.as_ref()
    }

    #[inline]
    pub(crate) fn check(&self, rc: c_int) -> Result<c_int> {
        if rc < 0 {
            return Err(Error::of_handle(rc, self.q));
        }
        Ok(rc)
    }

    /// The same for a call that returns a count.
    #[inline]
    pub(crate) fn count(&self, rc: i64) -> Result<usize> {
        if rc < 0 {
            return Err(Error::of_handle(rc as c_int, self.q));
        }
        Ok(rc as usize)
    }

    /// Closes in one of the library's ways, all of which free the handle.
    pub(crate) fn end(
        mut self,
        how: unsafe extern "C" fn(*mut ffi::shmq, *mut ffi::shmq_error) -> c_int,
    ) -> Result<()> {
        let q = std::mem::replace(&mut self.q, ptr::null_mut());
        // SAFETY: q is open, and nobody has it any more.
        with_error(|err| unsafe { how(q, err) }).map(|_| ())
    }

    pub(crate) fn name(&self) -> &OsStr {
        // SAFETY: the text is the handle's and does not change.
        OsStr::from_bytes(unsafe { CStr::from_ptr(ffi::shmq_name(self.q)) }.to_bytes())
    }

    pub(crate) fn shape(&self) -> Shape {
        let mut shape = ffi::shmq_shape::default();
        // SAFETY: the handle is open.
        unsafe { ffi::shmq_shape_of(self.q, &mut shape) };
        Shape::from_raw(shape)
    }

    pub(crate) fn counters(&self) -> Result<Counters> {
        let mut c = ffi::shmq_counters::default();
        // SAFETY: the handle is open.
        self.check(unsafe { ffi::shmq_counters(self.q, &mut c) })?;
        Ok(Counters::from_raw(&c))
    }

    pub(crate) fn wait(&self, size: usize, timeout: i64) -> Result<()> {
        // SAFETY: the handle is open.
        self.check(unsafe { ffi::shmq_wait(self.q, size, timeout) }).map(|_| ())
    }

    pub(crate) fn disarm(&self, size: usize) -> Result<()> {
        // SAFETY: the handle is open.
        self.check(unsafe { ffi::shmq_disarm(self.q, size) }).map(|_| ())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, or NULL, which the library takes for closed already.
        unsafe { ffi::shmq_close(self.q, ptr::null_mut()) };
    }
}

/// Runs a call that reports its failure in a struct of the caller's.
pub(crate) fn with_error(call: impl FnOnce(*mut ffi::shmq_error) -> c_int) -> Result<c_int> {
    let mut err = ffi::shmq_error {
        code: 0,
        os: 0,
        text: [0; 504],
    };
    let rc = call(&mut err);
    if rc < 0 {
        return Err(Error::of(rc, &err));
    }
    Ok(rc)
}

/// A queue's name for the library.
pub(crate) fn c_name(name: &OsStr) -> Result<CString> {
    CString::new(name.as_bytes()).map_err(|_| {
        Error::with_text(
            error::BAD_NAME,
            format!("shmq: queue {name:?}: a name has no NUL in it; choose another name"),
        )
    })
}

/// A time-out for the library, which takes a negative one for ever.
pub(crate) fn nanos(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX)
}

/// What both roles have, under the same names.
macro_rules! common {
    () => {
        /// The name of the queue, as it was given to open it.
        pub fn name(&self) -> &std::ffi::OsStr {
            self.handle.name()
        }

        /// The size of the largest record in bytes.
        pub fn max_record(&self) -> usize {
            // SAFETY: the handle is open.
            unsafe { ffi::shmq_max_record(self.handle.as_ptr()) }
        }

        /// The size of the largest record that takes one slot.
        pub fn slot_size(&self) -> usize {
            // SAFETY: the handle is open.
            unsafe { ffi::shmq_slot_size(self.handle.as_ptr()) }
        }

        /// The size of the largest record that takes one cache line.
        pub fn inline_size(&self) -> usize {
            // SAFETY: the handle is open.
            unsafe { ffi::shmq_inline_size(self.handle.as_ptr()) }
        }

        /// The seat that this participant has, as tools show it.
        pub fn seat(&self) -> u32 {
            // SAFETY: the handle is open.
            unsafe { ffi::shmq_seat_of(self.handle.as_ptr()) }
        }

        /// The shape of the queue. The mode is not known.
        pub fn shape(&self) -> crate::Shape {
            self.handle.shape()
        }

        /// What this participant has counted since it attached.
        ///
        /// # Errors
        /// `Forked`.
        pub fn counters(&self) -> Result<crate::Counters> {
            self.handle.counters()
        }

        /// Asks at once whether the queue is still there, which calls notice by themselves within some
        /// 100 ms, or 64 calls if that is later.
        ///
        /// # Errors
        /// `Removed`, `Truncated`, `NoSpace`.
        pub fn check(&self) -> Result<()> {
            // SAFETY: the handle is open.
            let rc = unsafe { ffi::shmq_check(self.handle.as_ptr()) };
            self.handle.check(rc).map(|_| ())
        }

        /// Recovers dead participants at once, which calls do every 100 ms, and returns how many.
        ///
        /// # Errors
        /// Those after which a handle can only be closed.
        pub fn recover(&self) -> Result<usize> {
            // SAFETY: the handle is open.
            let rc = unsafe { ffi::shmq_recover_now(self.handle.as_ptr()) };
            self.handle.check(rc).map(|n| n as usize)
        }

        /// Brings the queue, as it is now, to stable storage.
        ///
        /// # Errors
        /// `Sync`.
        pub fn sync(&self) -> Result<()> {
            // SAFETY: the handle is open.
            let rc = unsafe { ffi::shmq_sync(self.handle.as_ptr()) };
            self.handle.check(rc).map(|_| ())
        }

        /// Leaves the queue, as dropping does, and says whether that went well.
        ///
        /// # Errors
        /// `Sync`, of the last participant of a queue with checksums; `Truncated`.
        pub fn close(self) -> Result<()> {
            self.handle.end(ffi::shmq_close)
        }
    };
}
pub(crate) use common;
