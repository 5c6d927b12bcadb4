//! A model of the library for miri, which can't run C: one list of records for each name, in this process.
//!
//! It keeps to the contract of the header where the crate's own unsafe code could break it: a lease and a
//! reservation are allocations of their own that are freed when they are settled, aborted or
//! closed, so that miri tells each use that comes later; a handle is freed by close; a
//! buffer is written as far as the record goes and no further; misuse panics.
//!
//! Futex words are words of the model. A wake-up changes the word, as that of the library does where nobody
//! sleeps on it.
#![allow(
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc,
    clippy::undocumented_unsafe_blocks,
    missing_docs
)]

use std::alloc::{alloc, dealloc, Layout};
use std::collections::{HashMap, VecDeque};
use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::ffi::{
    shmq, shmq_buffer, shmq_bytes, shmq_counters as Counters, shmq_error, shmq_id, shmq_info, shmq_lease as Lease,
    shmq_member, shmq_options, shmq_participant, shmq_shape, shmq_word, SHMQ_PRODUCER, SHMQ_UNTIL_END,
};

const ROOM: usize = 16;
const MOST: usize = 1000;
const EMPTY: c_int = -1;
const FULL: c_int = -2;
const TIMEOUT: c_int = -3;
const CANCELLED: c_int = -4;
const END: c_int = -6;
const SMALL: c_int = -8;
const TOO_LARGE: c_int = -9;
const RESERVED: c_int = -10;
const NOT_RESERVED: c_int = -11;
const ABSENT: c_int = -23;

#[derive(Default)]
struct Ring {
    records: VecDeque<(Vec<u8>, u32, u64)>, // bytes, deliveries, position
    held: usize,
    sent: u64,
    producers: usize,
}

#[derive(Default)]
struct Queue {
    ring: Mutex<Ring>,
    data: AtomicU32,
    room: AtomicU32,
}

static QUEUES: Mutex<Option<HashMap<CString, Arc<Queue>>>> = Mutex::new(None);

struct Open {
    queue: Arc<Queue>,
    name: CString,
    producer: bool,
    until_end: bool,
    cancel: *mut u32,
    reserved: Option<(*mut u8, usize)>,
    leases: HashMap<u64, (*mut u8, Vec<u8>, u32, u64)>,
    number: u64,
    pending: Option<(Vec<u8>, u32, u64)>,
    last: (u32, u64),
    error: shmq_error,
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size.max(1), 8).unwrap()
}

/// A record's place in memory, until it is settled.
unsafe fn place(bytes: &[u8]) -> *mut u8 {
    let p = alloc(layout(bytes.len()));
    p.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
    p
}

unsafe fn open<'a>(q: *mut shmq) -> &'a mut Open {
    assert!(!q.is_null());
    &mut *q.cast::<Open>()
}

fn wake(word: &AtomicU32) {
    word.fetch_add(2, Ordering::AcqRel);
}

fn fail(o: &mut Open, code: c_int) -> c_int {
    o.error = error(code);
    code
}

fn error(code: c_int) -> shmq_error {
    let mut e = shmq_error {
        code,
        os: 0,
        text: [0; 504],
    };
    for (to, from) in e.text.iter_mut().zip(format!("shmq: the model says {code}").bytes()) {
        *to = from as c_char;
    }
    e
}

/// Repeats a try that returned `none` until the time is over.
unsafe fn within(o: &mut Open, timeout: i64, none: c_int, mut attempt: impl FnMut(&mut Open) -> c_int) -> c_int {
    let begin = Instant::now();
    loop {
        let rc = attempt(o);
        if rc != none {
            return rc;
        }
        if timeout == 0 {
            return none;
        }
        if !o.cancel.is_null() && AtomicU32::from_ptr(o.cancel).load(Ordering::SeqCst) != 0 {
            return fail(o, CANCELLED);
        }
        if timeout > 0 && begin.elapsed() >= Duration::from_nanos(timeout as u64) {
            return fail(o, TIMEOUT);
        }
        std::thread::yield_now();
    }
}

pub unsafe extern "C" fn shmq_strerror(_: c_int) -> *const c_char {
    c"a failure of the model".as_ptr()
}
pub unsafe extern "C" fn shmq_version() -> *const c_char {
    c"model".as_ptr()
}
pub unsafe extern "C" fn shmq_create(name: *const c_char, _: *const shmq_shape, _: *mut shmq_error) -> c_int {
    QUEUES
        .lock()
        .unwrap()
        .get_or_insert_default()
        .entry(CStr::from_ptr(name).to_owned())
        .or_default();
    0
}
pub unsafe extern "C" fn shmq_create_anonymous(_: *const shmq_shape, _: *mut shmq_error) -> c_int {
    unimplemented!()
}
pub unsafe extern "C" fn shmq_remove(name: *const c_char, _: c_int, err: *mut shmq_error) -> c_int {
    match QUEUES
        .lock()
        .unwrap()
        .get_or_insert_default()
        .remove(CStr::from_ptr(name))
    {
        Some(_) => 0,
        None => {
            *err = error(ABSENT);
            ABSENT
        }
    }
}
pub unsafe extern "C" fn shmq_path(name: *const c_char, path: *mut c_char, cap: usize, _: *mut shmq_error) -> c_int {
    let n = CStr::from_ptr(name).to_bytes_with_nul().len();
    assert!(n <= cap);
    path.copy_from_nonoverlapping(name, n);
    n as c_int - 1
}
pub unsafe extern "C" fn shmq_open(
    q: *mut *mut shmq,
    name: *const c_char,
    role: c_uint,
    opts: *const shmq_options,
    _: *mut shmq_error,
) -> c_int {
    let name = CStr::from_ptr(name).to_owned();
    let queue = QUEUES
        .lock()
        .unwrap()
        .get_or_insert_default()
        .entry(name.clone())
        .or_default()
        .clone();
    let producer = role == SHMQ_PRODUCER;
    queue.ring.lock().unwrap().producers += usize::from(producer);
    let until_end = (*opts).flags & SHMQ_UNTIL_END != 0;
    let cancel = (*opts).cancel;
    *q = Box::into_raw(Box::new(Open {
        queue,
        name,
        producer,
        until_end,
        cancel,
        reserved: None,
        leases: HashMap::new(),
        number: 0,
        pending: None,
        last: (0, 0),
        error: error(0),
    }))
    .cast();
    0
}
pub unsafe extern "C" fn shmq_close(q: *mut shmq, _: *mut shmq_error) -> c_int {
    if q.is_null() {
        return 0;
    }
    shmq_abort(q);
    let numbers: Vec<u64> = open(q).leases.keys().copied().collect();
    for n in numbers {
        settle(open(q), n, false);
    }
    let o = Box::from_raw(q.cast::<Open>());
    o.queue.ring.lock().unwrap().producers -= usize::from(o.producer);
    wake(&o.queue.data);
    0
}
pub unsafe extern "C" fn shmq_finish(q: *mut shmq, err: *mut shmq_error) -> c_int {
    shmq_close(q, err)
}
pub unsafe extern "C" fn shmq_abandon(q: *mut shmq, err: *mut shmq_error) -> c_int {
    shmq_close(q, err)
}
pub unsafe extern "C" fn shmq_last_error(q: *mut shmq) -> *const shmq_error {
    &open(q).error
}
pub unsafe extern "C" fn shmq_name(q: *const shmq) -> *const c_char {
    open(q.cast_mut()).name.as_ptr()
}
pub unsafe extern "C" fn shmq_max_record(_: *const shmq) -> usize {
    MOST
}
pub unsafe extern "C" fn shmq_slot_size(_: *const shmq) -> usize {
    64
}
pub unsafe extern "C" fn shmq_inline_size(_: *const shmq) -> usize {
    48
}
pub unsafe extern "C" fn shmq_seat_of(_: *const shmq) -> u32 {
    1
}
pub unsafe extern "C" fn shmq_shape_of(_: *const shmq, shape: *mut shmq_shape) {
    (*shape).slots = ROOM as u32;
}
pub unsafe extern "C" fn shmq_counters(_: *mut shmq, _: *mut Counters) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_check(_: *mut shmq) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_intact(_: *mut shmq) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_recover_now(_: *mut shmq) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_producer_attached(q: *mut shmq) -> c_int {
    c_int::from(open(q).queue.ring.lock().unwrap().producers > 0)
}
pub unsafe extern "C" fn shmq_sync(_: *mut shmq) -> c_int {
    0
}

fn put(o: &mut Open, bytes: &[u8]) -> c_int {
    if bytes.len() > MOST {
        return fail(o, TOO_LARGE);
    }
    let queue = o.queue.clone();
    let mut ring = queue.ring.lock().unwrap();
    if ring.records.len() + ring.held >= ROOM {
        return fail(o, FULL);
    }
    let position = ring.sent;
    ring.sent += 1;
    ring.records.push_back((bytes.to_vec(), 0, position));
    drop(ring);
    wake(&queue.data);
    0
}

pub unsafe extern "C" fn shmq_send(q: *mut shmq, data: *const c_void, size: usize, timeout: i64) -> c_int {
    let bytes = std::slice::from_raw_parts(data.cast::<u8>(), size);
    let o = open(q);
    if o.reserved.is_some() {
        return fail(o, RESERVED);
    }
    within(o, timeout, FULL, |o| put(o, bytes))
}
pub unsafe extern "C" fn shmq_send_batch(q: *mut shmq, records: *const shmq_bytes, n: usize, timeout: i64) -> i64 {
    let records = std::slice::from_raw_parts(records, n);
    for (i, r) in records.iter().enumerate() {
        let rc = shmq_send(q, r.data, r.size, timeout);
        if rc < 0 {
            return if i > 0 { i as i64 } else { rc.into() };
        }
    }
    n as i64
}
pub unsafe extern "C" fn shmq_reserve(q: *mut shmq, size: usize, data: *mut *mut c_void, timeout: i64) -> c_int {
    let o = open(q);
    if o.reserved.is_some() {
        return fail(o, RESERVED);
    }
    let rc = within(o, timeout, FULL, |o| {
        let ring = o.queue.ring.lock().unwrap();
        if ring.records.len() + ring.held >= ROOM {
            FULL
        } else {
            0
        }
    });
    if rc == 0 {
        let p = place(&vec![0xaa; size]); // what the last lap left
        o.reserved = Some((p, size));
        *data = p.cast();
    }
    rc
}
pub unsafe extern "C" fn shmq_commit(q: *mut shmq, size: usize) -> c_int {
    let o = open(q);
    match o.reserved {
        Some((p, all)) if size <= all => {
            let bytes = std::slice::from_raw_parts(p, size).to_vec();
            shmq_abort(q);
            put(open(q), &bytes)
        }
        _ => fail(o, NOT_RESERVED),
    }
}
pub unsafe extern "C" fn shmq_abort(q: *mut shmq) -> c_int {
    if let Some((p, size)) = open(q).reserved.take() {
        dealloc(p, layout(size));
    }
    0
}

fn take(o: &mut Open) -> c_int {
    if o.pending.is_some() {
        return 0;
    }
    let queue = o.queue.clone();
    let mut ring = queue.ring.lock().unwrap();
    match ring.records.pop_front() {
        Some(record) => {
            ring.held += 1;
            o.pending = Some(record);
            0
        }
        None if o.until_end && ring.producers == 0 => fail(o, END),
        None => EMPTY,
    }
}

fn freed(o: &Open) {
    o.queue.ring.lock().unwrap().held -= 1;
    wake(&o.queue.room);
}

pub unsafe extern "C" fn shmq_receive(q: *mut shmq, buf: *mut c_void, cap: usize, timeout: i64) -> i64 {
    let o = open(q);
    let rc = within(o, timeout, EMPTY, take);
    if rc < 0 {
        return rc.into();
    }
    let (bytes, times, position) = o.pending.take().unwrap();
    if bytes.len() > cap {
        o.pending = Some((bytes, times, position));
        return fail(o, SMALL).into();
    }
    buf.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
    o.last = (times, position);
    freed(o);
    bytes.len() as i64
}
pub unsafe extern "C" fn shmq_pending_size(q: *const shmq) -> usize {
    open(q.cast_mut()).pending.as_ref().map_or(0, |p| p.0.len())
}
pub unsafe extern "C" fn shmq_redelivered(q: *const shmq) -> u32 {
    open(q.cast_mut()).last.0
}
pub unsafe extern "C" fn shmq_sent_at(_: *const shmq) -> u64 {
    0
}
pub unsafe extern "C" fn shmq_receive_batch(q: *mut shmq, bufs: *mut shmq_buffer, n: usize, timeout: i64) -> i64 {
    for i in 0..n {
        let b = &mut *bufs.add(i);
        let rc = shmq_receive(q, b.data, b.cap, if i == 0 { timeout } else { 0 });
        if rc < 0 {
            return if i > 0 { i as i64 } else { rc };
        }
        b.size = rc as usize;
        b.redelivered = shmq_redelivered(q);
    }
    n as i64
}
pub unsafe extern "C" fn shmq_lease(q: *mut shmq, lease: *mut Lease, timeout: i64) -> c_int {
    let o = open(q);
    let rc = within(o, timeout, EMPTY, take);
    if rc < 0 {
        return rc;
    }
    let (bytes, times, position) = o.pending.take().unwrap();
    let data = place(&bytes);
    o.number += 1;
    *lease = Lease {
        data: data.cast(),
        size: bytes.len(),
        sent_at: 0,
        position,
        redelivered: times,
        slots: 1,
        number: o.number,
    };
    o.leases.insert(o.number, (data, bytes, times, position));
    0
}
pub unsafe extern "C" fn shmq_lease_batch(q: *mut shmq, leases: *mut Lease, n: usize, timeout: i64) -> i64 {
    for i in 0..n {
        let rc = shmq_lease(q, leases.add(i), if i == 0 { timeout } else { 0 });
        if rc < 0 {
            return if i > 0 { i as i64 } else { rc.into() };
        }
    }
    n as i64
}
unsafe fn settle(o: &mut Open, number: u64, done: bool) -> c_int {
    let Some((data, bytes, times, position)) = o.leases.remove(&number) else {
        return 0;
    };
    dealloc(data, layout(bytes.len()));
    if !done {
        let mut ring = o.queue.ring.lock().unwrap();
        let at = ring
            .records
            .iter()
            .position(|r| r.2 > position)
            .unwrap_or(ring.records.len());
        ring.records.insert(at, (bytes, times + 1, position));
    }
    freed(o);
    wake(&o.queue.data);
    1
}
unsafe fn settle_lease(q: *mut shmq, lease: *mut Lease, done: bool) -> c_int {
    assert!(!(*lease).data.is_null(), "settled twice");
    (*lease).data = std::ptr::null();
    let rc = settle(open(q), (*lease).number, done);
    assert_eq!(rc, 1, "settled twice, through a copy");
    rc
}
pub unsafe extern "C" fn shmq_ack(q: *mut shmq, lease: *mut Lease) -> c_int {
    settle_lease(q, lease, true)
}
pub unsafe extern "C" fn shmq_release(q: *mut shmq, lease: *mut Lease) -> c_int {
    settle_lease(q, lease, false)
}
pub unsafe extern "C" fn shmq_ack_batch(q: *mut shmq, leases: *mut Lease, n: usize) -> i64 {
    (0..n).map(|i| i64::from(settle_lease(q, leases.add(i), true))).sum()
}
pub unsafe extern "C" fn shmq_record_id(_: *mut shmq, lease: *const Lease, id: *mut shmq_id) -> c_int {
    (*id).position = (*lease).position;
    0
}
pub unsafe extern "C" fn shmq_received_id(q: *mut shmq, id: *mut shmq_id) -> c_int {
    (*id).position = open(q).last.1;
    0
}
pub unsafe extern "C" fn shmq_next_stream(_: *mut shmq) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_cancel(word: *mut u32) {
    AtomicU32::from_ptr(word).store(1, Ordering::SeqCst);
}
fn ready(o: &mut Open) -> c_int {
    let ring = o.queue.ring.lock().unwrap();
    match (o.producer, ring.records.len()) {
        (true, n) if n + ring.held >= ROOM => FULL,
        (false, 0) if !o.until_end || ring.producers > 0 => EMPTY,
        _ => 0,
    }
}
pub unsafe extern "C" fn shmq_wait(q: *mut shmq, _: usize, timeout: i64) -> c_int {
    let o = open(q);
    let none = if o.producer { FULL } else { EMPTY };
    within(o, timeout, none, ready)
}
pub unsafe extern "C" fn shmq_wait_any(
    members: *const shmq_member,
    n: usize,
    _: *mut u32,
    turn: *mut usize,
    timeout: i64,
) -> c_int {
    let begin = Instant::now();
    loop {
        for i in 0..n {
            let at = (*turn + 1 + i) % n;
            if ready(open((*members.add(at)).q)) == 0 {
                *turn = at;
                return at as c_int;
            }
        }
        if timeout >= 0 && begin.elapsed() >= Duration::from_nanos(timeout as u64) {
            return TIMEOUT;
        }
        std::thread::yield_now();
    }
}
pub unsafe extern "C" fn shmq_arm(q: *mut shmq, _: usize, word: *mut shmq_word) -> c_int {
    let o = open(q);
    let futex = if o.producer { &o.queue.room } else { &o.queue.data };
    *word = shmq_word {
        address: futex.as_ptr(),
        value: futex.load(Ordering::Acquire),
        reserved: 0,
    };
    ready(o)
}
pub unsafe extern "C" fn shmq_disarm(_: *mut shmq, _: usize) -> c_int {
    0
}
/// Looks at the words when it sleeps and when it wakes up: they are there for so long.
pub unsafe extern "C" fn shmq_wait_words(words: *const shmq_word, n: usize, cancel: *mut u32, _: i64) -> c_int {
    let words = std::slice::from_raw_parts(words, n);
    let look = || {
        words
            .iter()
            .for_each(|w| _ = AtomicU32::from_ptr(w.address).load(Ordering::Relaxed))
    };
    look();
    if AtomicU32::from_ptr(cancel).load(Ordering::SeqCst) != 0 {
        return CANCELLED;
    }
    std::thread::sleep(Duration::from_millis(2));
    look();
    0
}
pub unsafe extern "C" fn shmq_stat(_: *const c_char, _: *mut shmq_info, _: *mut shmq_error) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_participants(
    _: *const c_char,
    _: *mut shmq_participant,
    _: usize,
    _: *mut shmq_error,
) -> c_int {
    0
}
pub unsafe extern "C" fn shmq_recover(_: *const c_char, _: *mut shmq_error) -> c_int {
    0
}
