//! The functions and structures of `shmq.h`, as far as the crate uses them. A unit test compares
//! sizes, offsets and codes with the header.
#![allow(non_camel_case_types, missing_docs)]
#![cfg_attr(not(feature = "async"), allow(dead_code))]

use std::ffi::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub struct shmq {
    _opaque: [u8; 0],
    _neither_send_nor_sync: std::marker::PhantomData<*mut u8>,
}

#[repr(C)]
pub struct shmq_error {
    pub code: c_int,
    pub os: c_int,
    pub text: [c_char; 504],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct shmq_shape {
    pub slots: u32,
    pub slot_size: u32,
    pub seats: u32,
    pub mode: u32,
    pub producers: u8,
    pub consumers: u8,
    pub flags: u8,
    pub reserved: u8,
    pub subscriptions: u16,
    pub reserved2: u16,
    pub keep: u32,
    pub reserved3: u32,
}

#[repr(C)]
pub struct shmq_options {
    pub size: u32,
    pub flags: u32,
    pub create: shmq_shape,
    pub wait: u32,
    pub reserved: u32,
    pub cancel: *mut u32,
    pub command: *const c_char,
    pub subscription: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct shmq_counters {
    pub records: u64,
    pub bytes: u64,
    pub waits: u64,
    pub wakes: u64,
    pub redelivered: u64,
}

#[repr(C)]
pub struct shmq_bytes {
    pub data: *const c_void,
    pub size: usize,
}

#[repr(C)]
pub struct shmq_buffer {
    pub data: *mut c_void,
    pub cap: usize,
    pub size: usize,
    pub redelivered: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmq_lease {
    pub data: *const c_void,
    pub size: usize,
    pub sent_at: u64,
    pub position: u64,
    pub redelivered: u32,
    pub slots: u32,
    pub number: u64,
}

impl shmq_lease {
    pub const NONE: shmq_lease = shmq_lease {
        data: std::ptr::null(),
        size: 0,
        sent_at: 0,
        position: 0,
        redelivered: 0,
        slots: 0,
        number: 0,
    };
}

#[repr(C)]
#[derive(Default)]
pub struct shmq_id {
    pub creation: [u8; 16],
    pub incarnation: u64,
    pub position: u64,
}

#[repr(C)]
pub struct shmq_member {
    pub q: *mut shmq,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmq_word {
    pub address: *mut u32,
    pub value: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Default)]
pub struct shmq_info {
    pub shape: shmq_shape,
    pub size: u64,
    pub created: u64,
    pub creation: [u8; 16],
    pub head: u64,
    pub tail: u64,
    pub depth: u64,
    pub epoch: u64,
    pub left: u64,
    pub ends: u64,
    pub finished: u64,
    pub skipped: u64,
    pub torn: u64,
    pub sent: u64,
    pub sent_bytes: u64,
    pub received: u64,
    pub received_bytes: u64,
    pub redelivered: u64,
    pub producers: u32,
    pub consumers: u32,
    pub dead: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmq_participant {
    pub seat: u32,
    pub role: u32,
    pub pid: u32,
    pub uid: u32,
    pub start_time: u64,
    pub attached: i64,
    pub counters: shmq_counters,
    pub alive: u32,
    pub command: [c_char; 28],
}

pub const SHMQ_ANY: u8 = 0;
pub const SHMQ_MANY: u8 = 1;
pub const SHMQ_ONE: u8 = 2;
pub const SHMQ_EACH: u8 = 3;
pub const SHMQ_CHECKSUM: u8 = 1 << 0;
pub const SHMQ_TIMESTAMPS: u8 = 1 << 1;

pub const SHMQ_PRODUCER: c_uint = 1;
pub const SHMQ_CONSUMER: c_uint = 2;

pub const SHMQ_NO_CREATE: u32 = 1 << 0;
pub const SHMQ_ANY_SHAPE: u32 = 1 << 1;
pub const SHMQ_UNTIL_END: u32 = 1 << 2;
pub const SHMQ_STRICT: u32 = 1 << 3;
pub const SHMQ_GUARD: u32 = 1 << 4;
pub const SHMQ_PREFAULT: u32 = 1 << 6;
pub const SHMQ_LOCK_MEMORY: u32 = 1 << 7;
pub const SHMQ_INTERRUPTIBLE: u32 = 1 << 8;

pub const SHMQ_SPIN_THEN_PARK: u32 = 0;
pub const SHMQ_SPIN: u32 = 1;
pub const SHMQ_PARK: u32 = 2;

pub const SHMQ_FOREVER: i64 = -1;
pub const SHMQ_MOST_MEMBERS: usize = 126;

/// Declares the functions, and under miri takes them from the model instead.
macro_rules! functions {
    ($(pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[cfg(not(miri))]
        extern "C" { $(pub fn $name($($arg: $type),*) $(-> $result)?;)* }
        #[cfg(miri)]
        pub use crate::model::{$($name),*};
        #[cfg(miri)]
        const _: () = { $(let _: unsafe extern "C" fn($($type),*) $(-> $result)? = $name;)* };
    };
}

functions! {
    pub fn shmq_strerror(code: c_int) -> *const c_char;
    pub fn shmq_version() -> *const c_char;
    pub fn shmq_create(name: *const c_char, shape: *const shmq_shape, err: *mut shmq_error) -> c_int;
    pub fn shmq_create_anonymous(shape: *const shmq_shape, err: *mut shmq_error) -> c_int;
    pub fn shmq_remove(name: *const c_char, force: c_int, err: *mut shmq_error) -> c_int;
    pub fn shmq_path(name: *const c_char, path: *mut c_char, cap: usize, err: *mut shmq_error) -> c_int;
    pub fn shmq_open(q: *mut *mut shmq, name: *const c_char, role: c_uint, opts: *const shmq_options, err: *mut shmq_error) -> c_int;
    pub fn shmq_close(q: *mut shmq, err: *mut shmq_error) -> c_int;
    pub fn shmq_finish(q: *mut shmq, err: *mut shmq_error) -> c_int;
    pub fn shmq_abandon(q: *mut shmq, err: *mut shmq_error) -> c_int;
    pub fn shmq_last_error(q: *mut shmq) -> *const shmq_error;
    pub fn shmq_name(q: *const shmq) -> *const c_char;
    pub fn shmq_max_record(q: *const shmq) -> usize;
    pub fn shmq_slot_size(q: *const shmq) -> usize;
    pub fn shmq_inline_size(q: *const shmq) -> usize;
    pub fn shmq_seat_of(q: *const shmq) -> u32;
    pub fn shmq_shape_of(q: *const shmq, shape: *mut shmq_shape);
    pub fn shmq_counters(q: *mut shmq, counters: *mut shmq_counters) -> c_int;
    pub fn shmq_check(q: *mut shmq) -> c_int;
    pub fn shmq_intact(q: *mut shmq) -> c_int;
    pub fn shmq_recover_now(q: *mut shmq) -> c_int;
    pub fn shmq_producer_attached(q: *mut shmq) -> c_int;
    pub fn shmq_sync(q: *mut shmq) -> c_int;
    pub fn shmq_send(q: *mut shmq, data: *const c_void, size: usize, timeout: i64) -> c_int;
    pub fn shmq_send_batch(q: *mut shmq, records: *const shmq_bytes, n: usize, timeout: i64) -> i64;
    pub fn shmq_reserve(q: *mut shmq, size: usize, data: *mut *mut c_void, timeout: i64) -> c_int;
    pub fn shmq_commit(q: *mut shmq, size: usize) -> c_int;
    pub fn shmq_abort(q: *mut shmq) -> c_int;
    pub fn shmq_receive(q: *mut shmq, buf: *mut c_void, cap: usize, timeout: i64) -> i64;
    pub fn shmq_pending_size(q: *const shmq) -> usize;
    pub fn shmq_redelivered(q: *const shmq) -> u32;
    pub fn shmq_sent_at(q: *const shmq) -> u64;
    pub fn shmq_receive_batch(q: *mut shmq, bufs: *mut shmq_buffer, n: usize, timeout: i64) -> i64;
    pub fn shmq_lease(q: *mut shmq, lease: *mut shmq_lease, timeout: i64) -> c_int;
    pub fn shmq_lease_batch(q: *mut shmq, leases: *mut shmq_lease, n: usize, timeout: i64) -> i64;
    pub fn shmq_ack(q: *mut shmq, lease: *mut shmq_lease) -> c_int;
    pub fn shmq_release(q: *mut shmq, lease: *mut shmq_lease) -> c_int;
    pub fn shmq_ack_batch(q: *mut shmq, leases: *mut shmq_lease, n: usize) -> i64;
    pub fn shmq_record_id(q: *mut shmq, lease: *const shmq_lease, id: *mut shmq_id) -> c_int;
    pub fn shmq_received_id(q: *mut shmq, id: *mut shmq_id) -> c_int;
    pub fn shmq_next_stream(q: *mut shmq) -> c_int;
    pub fn shmq_cancel(word: *mut u32);
    pub fn shmq_wait(q: *mut shmq, size: usize, timeout: i64) -> c_int;
    pub fn shmq_wait_any(members: *const shmq_member, n: usize, cancel: *mut u32, turn: *mut usize, timeout: i64) -> c_int;
    pub fn shmq_arm(q: *mut shmq, size: usize, word: *mut shmq_word) -> c_int;
    pub fn shmq_disarm(q: *mut shmq, size: usize) -> c_int;
    pub fn shmq_wait_words(words: *const shmq_word, n: usize, cancel: *mut u32, timeout: i64) -> c_int;
    pub fn shmq_stat(name: *const c_char, info: *mut shmq_info, err: *mut shmq_error) -> c_int;
    pub fn shmq_participants(name: *const c_char, list: *mut shmq_participant, cap: usize, err: *mut shmq_error) -> c_int;
    pub fn shmq_recover(name: *const c_char, err: *mut shmq_error) -> c_int;
}

#[cfg(all(test, not(miri)))]
#[path = "ffi_test.rs"]
mod tests;
