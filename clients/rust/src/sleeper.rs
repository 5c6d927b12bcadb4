//! The thread that sleeps for futures.
//!
//! A future that finds nothing has a futex word to wait for, and a waker. The words of up to 126
//! handles are one sleep; for more handles there are more threads. A thread that has no word waits
//! without waking up.
//!
//! Each entry is for one sleep: it is taken out when its waker is woken, which is when its word has
//! changed or was woken, when its cancel word is set, or after a heartbeat.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};
use std::{mem, process, thread};

use crate::handle::nanos;
use crate::{error, ffi, Cancel, Error, Result};

/// The owner of a handle has to look that often. Unit tests do without: it makes good a wake-up that was lost.
const HEARTBEAT: Duration = Duration::from_millis(if cfg!(test) { 3_600_000 } else { 100 });

/// Between two looks where there can be no sleep.
const PAUSE: Duration = Duration::from_millis(2);

static SLEEPERS: Mutex<Vec<&'static Sleeper>> = Mutex::new(Vec::new());
static IDS: AtomicU64 = AtomicU64::new(0);

struct Sleeper {
    pid: u32, // a forked child has the memory, and no thread
    /// Ends a sleep. Set and reset under the lock, so that none is lost.
    poke: Cancel,
    state: Mutex<State>,
    /// There is an entry.
    filled: Condvar,
    /// A sleep has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// Registrations that may have an entry.
    places: usize,
    /// Those whose words are slept on: nobody's between two sleeps.
    asleep: Vec<u64>,
}

struct Entry {
    id: u64,
    word: ffi::shmq_word,
    cancel: Option<Cancel>,
    waker: Waker,
    since: Instant,
}

// SAFETY: the word is an atomic in memory that is mapped for as long as the entry is there.
unsafe impl Send for Entry {}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        // SAFETY: see Registration::wait.
        let value = unsafe { AtomicU32::from_ptr(self.word.address) }.load(Ordering::Acquire);
        value != self.word.value
            || self.cancel.as_ref().is_some_and(Cancel::is_cancelled)
            || now.duration_since(self.since) >= HEARTBEAT
    }
}

/// A handle's place at a sleeper. Dropping it withdraws it.
pub(crate) struct Registration {
    at: Option<&'static Sleeper>,
    id: u64,
}

impl Registration {
    pub(crate) fn new() -> Registration {
        Registration {
            at: None,
            id: IDS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Has `waker` woken, once, when the word has changed or the cancel word is set, and after a
    /// heartbeat. It replaces what this place waited for before.
    ///
    /// # Errors
    /// `System` if there can be no thread.
    ///
    /// # Safety
    /// The memory of the word stays mapped until self is dropped.
    pub(crate) unsafe fn wait(&mut self, word: ffi::shmq_word, cancel: Option<&Cancel>, waker: &Waker) -> Result<()> {
        let sleeper = match self.at {
            Some(sleeper) => sleeper,
            None => *self.at.insert(Sleeper::with_room()?),
        };
        let entry = Entry {
            id: self.id,
            word,
            cancel: cancel.cloned(),
            waker: waker.clone(), // without the lock, as all that a waker does
            since: Instant::now(),
        };
        let mut state = sleeper.lock();
        let known = state.entries.iter_mut().find(|e| e.id == self.id);
        if let Some(e) = &known {
            if e.word.address == word.address && e.word.value == word.value && e.waker.will_wake(waker) {
                return Ok(()); // polled for another reason
            }
        }
        let before = match known {
            Some(e) => Some(mem::replace(e, entry)),
            None => {
                state.entries.push(entry);
                None
            }
        };
        if state.asleep.is_empty() {
            sleeper.filled.notify_one();
        } else {
            sleeper.poke();
        }
        drop(state);
        drop(before); // a waker may be the last that holds a task, with its handles
        Ok(())
    }

    /// Waits no more. Returns when nobody sleeps on the word: a wake-up that was used up on its behalf was used up
    /// before.
    pub(crate) fn withdraw(&self) {
        let Some(sleeper) = self.sleeper() else { return };
        let mut state = sleeper.lock();
        let at = state.entries.iter().position(|e| e.id == self.id);
        let entry = at.map(|at| state.entries.swap_remove(at));
        while state.asleep.contains(&self.id) {
            sleeper.poke();
            state = sleeper.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        drop(entry);
    }

    fn sleeper(&self) -> Option<&'static Sleeper> {
        self.at.filter(|s| s.pid == process::id())
    }

    /// Reports whether somebody sleeps on the word.
    #[cfg(test)]
    pub(crate) fn is_asleep(&self) -> bool {
        self.sleeper().is_some_and(|s| s.lock().asleep.contains(&self.id))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.withdraw();
        if let Some(sleeper) = self.sleeper() {
            sleeper.lock().places -= 1;
        }
    }
}

impl Sleeper {
    /// A sleeper that has a place left, which is taken.
    fn with_room() -> Result<&'static Sleeper> {
        let mut all = SLEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
        for s in all.iter().filter(|s| s.pid == process::id()) {
            let mut state = s.lock();
            if state.places < ffi::SHMQ_MOST_MEMBERS {
                state.places += 1;
                return Ok(s);
            }
        }
        let sleeper: &'static Sleeper = Box::leak(Box::new(Sleeper {
            pid: process::id(),
            poke: Cancel::new(),
            state: Mutex::new(State {
                places: 1,
                ..State::default()
            }),
            filled: Condvar::new(),
            ended: Condvar::new(),
        }));
        let spawned = thread::Builder::new()
            .name("shmq-sleeper".into())
            .spawn(|| sleeper.run());
        spawned.map_err(|e| Error::with_text(error::SYSTEM, format!("shmq: start the thread that sleeps: {e}")))?;
        all.push(sleeper);
        Ok(sleeper)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the sleep that is under way. The caller has the lock.
    fn poke(&self) {
        // SAFETY: the word lives for ever.
        unsafe { ffi::shmq_cancel(self.poke.as_ptr()) };
    }

    /// Sleeps, and returns how many of the words, from the first on, may have been woken: a wake-up does not change
    /// them. The caller has had `asleep` say whose they are.
    fn sleep(&self, words: &[ffi::shmq_word], left: Duration) -> usize {
        let poke = self.poke.as_ptr();
        // SAFETY: a registration that is withdrawn meanwhile waits for the end of this sleep; the poke lives for ever.
        let rc = unsafe { ffi::shmq_wait_words(words.as_ptr(), words.len(), poke, nanos(left)) };
        match rc {
            error::TRUNCATED | error::REFUSED => {
                thread::sleep(PAUSE); // a file was cut, or the kernel can't: the owners have to look
                words.len()
            }
            rc => words.len().min(rc.max(0) as usize),
        }
    }

    fn run(&self) {
        let mut words = Vec::with_capacity(ffi::SHMQ_MOST_MEMBERS);
        let mut ids = Vec::with_capacity(ffi::SHMQ_MOST_MEMBERS);
        let mut woken = Vec::new();
        let mut state = self.lock();
        loop {
            while state.entries.is_empty() {
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let now = Instant::now();
            state.take(&mut woken, |e| e.is_due(now));
            if !woken.is_empty() {
                drop(state);
                wake(&mut woken);
                state = self.lock();
                continue;
            }
            words.clear();
            ids.clear();
            words.extend(state.entries.iter().map(|e| e.word));
            ids.extend(state.entries.iter().map(|e| e.id));
            state.asleep = mem::take(&mut ids);
            let first = state.entries.iter().map(|e| e.since).min().unwrap_or(now);
            let left = (first + HEARTBEAT).saturating_duration_since(now);
            self.poke.reset();
            drop(state);

            let n = self.sleep(&words, left);

            state = self.lock();
            ids = mem::take(&mut state.asleep);
            self.ended.notify_all();
            state.take(&mut woken, |e| ids[..n].contains(&e.id)); // what else is due is found above
            if !woken.is_empty() {
                drop(state);
                wake(&mut woken);
                state = self.lock();
            }
        }
    }
}

impl State {
    fn take(&mut self, to: &mut Vec<Entry>, which: impl Fn(&Entry) -> bool) {
        let mut i = 0;
        while i < self.entries.len() {
            if which(&self.entries[i]) {
                to.push(self.entries.swap_remove(i));
            } else {
                i += 1;
            }
        }
    }
}

/// Wakes all, without the lock. A waker of a strange executor may panic; the others are woken all the same. The
/// payload is forgotten, because dropping it may panic as well.
fn wake(entries: &mut Vec<Entry>) {
    for entry in entries.drain(..) {
        let _ = catch_unwind(AssertUnwindSafe(|| entry.waker.wake())).map_err(mem::forget);
    }
}

/// Looks at cancel words, one of which was set.
pub(crate) fn cancelled() {
    let all = SLEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    for s in all.iter().filter(|s| s.pid == process::id()) {
        let state = s.lock();
        let is_cancelled = |e: &Entry| e.cancel.as_ref().is_some_and(Cancel::is_cancelled);
        if !state.asleep.is_empty() && state.entries.iter().any(is_cancelled) {
            s.poke();
        }
    }
}
