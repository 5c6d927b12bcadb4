//! What a queue is like.

use crate::ffi;

/// Whether a role is for many participants at a time, or for one, which is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplicity {
    /// A new queue is for many; one that exists may be for one.
    #[default]
    Any,
    /// Any number of participants, up to the seats.
    Many,
    /// A single participant has the role to itself.
    One,
    /// Of consumers: each of them gets every record. A consumer that is opened gets those that are sent from then on.
    Each,
}

/// The shape of a queue. What is not set has its default in a new queue, and is not asked of one that
/// exists.
///
/// ```
/// use shmq::{Multiplicity, Shape};
/// let shape = Shape::new().slots(1024).slot_size(256).producers(Multiplicity::One);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    slots: u32,
    slot_size: u32,
    seats: u32,
    mode: u32,
    producers: Multiplicity,
    consumers: Multiplicity,
    checksums: bool,
    timestamps: bool,
}

impl Shape {
    /// All defaults.
    pub fn new() -> Shape {
        Shape::default()
    }

    /// The number of slots, rounded up to a power of two: 2 to 2^24, by default 4096.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Shape {
        self.slots = slots;
        self
    }

    /// Bytes of a slot, rounded up to a multiple of 64: at most 2^30, by default 1024. A larger record
    /// takes several slots, half of all at most.
    #[must_use]
    pub fn slot_size(mut self, bytes: u32) -> Shape {
        self.slot_size = bytes;
        self
    }

    /// Participants at a time: 2 to 1024, by default 128.
    #[must_use]
    pub fn seats(mut self, seats: u32) -> Shape {
        self.seats = seats;
        self
    }

    /// The permission bits of the file, whatever the umask; by default 0o600.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Shape {
        self.mode = mode;
        self
    }

    /// Whether there are many producers.
    #[must_use]
    pub fn producers(mut self, m: Multiplicity) -> Shape {
        self.producers = m;
        self
    }

    /// Whether there are many consumers.
    #[must_use]
    pub fn consumers(mut self, m: Multiplicity) -> Shape {
        self.consumers = m;
        self
    }

    /// A CRC-32C for each record.
    #[must_use]
    pub fn checksums(mut self) -> Shape {
        self.checksums = true;
        self
    }

    /// Each record says when it was sent.
    #[must_use]
    pub fn timestamps(mut self) -> Shape {
        self.timestamps = true;
        self
    }

    /// The number of slots; 0 if it is not set.
    pub fn get_slots(&self) -> u32 {
        self.slots
    }

    /// Bytes of a slot; 0 if they are not set.
    pub fn get_slot_size(&self) -> u32 {
        self.slot_size
    }

    /// The number of seats; 0 if it is not set.
    pub fn get_seats(&self) -> u32 {
        self.seats
    }

    /// The permission bits; 0 if they are not known.
    pub fn get_mode(&self) -> u32 {
        self.mode
    }

    /// Who may send at a time.
    pub fn get_producers(&self) -> Multiplicity {
        self.producers
    }

    /// Who may receive at a time.
    pub fn get_consumers(&self) -> Multiplicity {
        self.consumers
    }

    /// Whether records have checksums.
    pub fn has_checksums(&self) -> bool {
        self.checksums
    }

    /// Whether records have time stamps.
    pub fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    pub(crate) fn to_raw(self) -> ffi::shmq_shape {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        ffi::shmq_shape {
            slots: self.slots,
            slot_size: self.slot_size,
            seats: self.seats,
            mode: self.mode,
            producers: self.producers.to_raw(),
            consumers: self.consumers.to_raw(),
            flags: flag(self.checksums, ffi::SHMQ_CHECKSUM) | flag(self.timestamps, ffi::SHMQ_TIMESTAMPS),
            ..ffi::shmq_shape::default()
        }
    }

    pub(crate) fn from_raw(s: ffi::shmq_shape) -> Shape {
        Shape {
            slots: s.slots,
            slot_size: s.slot_size,
            seats: s.seats,
            mode: s.mode,
            producers: Multiplicity::from_raw(s.producers),
            consumers: Multiplicity::from_raw(s.consumers),
            checksums: s.flags & ffi::SHMQ_CHECKSUM != 0,
            timestamps: s.flags & ffi::SHMQ_TIMESTAMPS != 0,
        }
    }
}

impl Multiplicity {
    fn to_raw(self) -> u8 {
        match self {
            Multiplicity::Any => ffi::SHMQ_ANY,
            Multiplicity::Many => ffi::SHMQ_MANY,
            Multiplicity::One => ffi::SHMQ_ONE,
            Multiplicity::Each => ffi::SHMQ_EACH,
        }
    }

    fn from_raw(m: u8) -> Multiplicity {
        match m {
            ffi::SHMQ_MANY => Multiplicity::Many,
            ffi::SHMQ_ONE => Multiplicity::One,
            ffi::SHMQ_EACH => Multiplicity::Each,
            _ => Multiplicity::Any,
        }
    }
}
