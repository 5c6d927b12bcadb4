//! What is known of a record and of a participant's work.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::ffi;

/// The id of a record: no other record, of any queue, ever has it, and it keeps it when it is delivered
/// again. `Display` gives the text that all programs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// Of the queue.
    pub creation: [u8; 16],
    /// Of the queue's contents.
    pub incarnation: u64,
    /// Of the record in the queue.
    pub position: u64,
}

impl RecordId {
    pub(crate) fn from_raw(id: &ffi::shmq_id) -> RecordId {
        RecordId {
            creation: id.creation,
            incarnation: id.incarnation,
            position: id.position,
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for b in self.creation {
            write!(f, "{b:02x}")?;
        }
        write!(f, "-{:016x}-{}", self.incarnation, self.position)
    }
}

/// What a participant has counted since it attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Records sent, or acknowledged.
    pub records: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Times it went to sleep.
    pub waits: u64,
    /// Sleepers it woke.
    pub wakes: u64,
    /// Records received that had been delivered before.
    pub redelivered: u64,
}

impl Counters {
    pub(crate) fn from_raw(c: &ffi::shmq_counters) -> Counters {
        Counters {
            records: c.records,
            bytes: c.bytes,
            waits: c.waits,
            wakes: c.wakes,
            redelivered: c.redelivered,
        }
    }
}

/// A time of the library, where 0 means none.
pub(crate) fn time(unix_nanos: u64) -> Option<SystemTime> {
    (unix_nanos != 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nanos))
}
