//! Ending waits.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use crate::ffi;

/// Ends the waits of the handles that were opened with it, from any thread, and of those that begin
/// later, until [`reset`](Cancel::reset): they return [`Error::Cancelled`](crate::Error::Cancelled).
/// Clones are one and the same.
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-cancel-{}", std::process::id());
/// use shmq::{Cancel, Error, OpenOptions};
///
/// let cancel = Cancel::new();
/// let consumer = OpenOptions::new().cancel(&cancel).consumer(&name)?;
/// std::thread::spawn(move || cancel.cancel()); // at any time
/// assert!(matches!(consumer.receive(), Err(Error::Cancelled(_))));
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Cancel {
    word: Arc<AtomicU32>,
}

impl Cancel {
    /// A word that nothing uses yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the waits. Before Linux 5.16 a sleep ends some milliseconds later. It takes locks where the feature `async`
    /// is on, and is not for signal handlers.
    pub fn cancel(&self) {
        // SAFETY: the word lives as long as self, and any thread may call the function.
        unsafe { ffi::shmq_cancel(self.word.as_ptr()) };
        #[cfg(feature = "async")]
        crate::sleeper::cancelled();
    }

    /// Lets calls wait again.
    pub fn reset(&self) {
        self.word.store(0, Ordering::SeqCst);
    }

    /// Reports whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.word.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn as_ptr(&self) -> *mut u32 {
        self.word.as_ptr()
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}
