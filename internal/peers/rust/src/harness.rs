//! What all peers here share: a record that checks itself, the commands that the runner
//! gives, and the loops that are measured.

use std::hint::spin_loop;
use std::io::{stdin, BufRead};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use iceoryx2::prelude::ZeroCopySend;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A record of so many words, of which the first and the last hold its number.
#[derive(Clone, Copy, Debug, ZeroCopySend)]
#[repr(C)]
pub struct Record<const W: usize> {
    pub words: [u64; W],
}

impl<const W: usize> Record<W> {
    /// As many records are on their way at most: the size of the rings.
    pub const WINDOW: usize = match W {
        6 => 1024,
        128 => 256,
        _ => 16,
    };

    pub fn boxed() -> Box<Self> {
        Box::new(Record { words: [0; W] })
    }

    fn number(&mut self, n: u64) {
        self.words[0] = n;
        self.words[W - 1] = !n;
    }

    fn whole(&self) -> bool {
        self.words[W - 1] == !self.words[0]
    }

    fn check(&self, n: u64) -> Result<(), Failure> {
        if self.words[0] != n || !self.whole() {
            return Err(format!("record {n} holds {} and, inverted, {}", self.words[0], !self.words[W - 1]).into());
        }
        Ok(())
    }
}

/// The end of a link that a process, or a thread, has.
pub trait End<const W: usize> {
    /// Tells whether there was room.
    fn send(&mut self, record: &Record<W>) -> Result<bool, Failure>;
    /// Gives f a record, unless there is none.
    fn take(&mut self, f: impl FnMut(&Record<W>)) -> Result<bool, Failure>;
    /// How many it took.
    fn send_batch(&mut self, records: &[Record<W>]) -> Result<usize, Failure> {
        Ok(self.send(&records[0])? as usize)
    }
    /// How many of n there were.
    fn take_batch(&mut self, n: usize, f: impl FnMut(&Record<W>)) -> Result<usize, Failure> {
        let _ = n;
        Ok(self.take(f)? as usize)
    }
}

/// Where the ends of a run meet.
pub struct Place {
    pub dir: String,
    pub receiver: bool,
}

pub trait Link {
    type End<const W: usize>: End<W>;
    /// One end in a process, the sender's and the receiver's in one of threads.
    fn open<const W: usize>(place: &Place) -> Result<Vec<Self::End<W>>, Failure>;
}

fn now() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// Keeps the caller on the n-th of the cores that the process started with.
fn pin(all: &libc::cpu_set_t, mut n: usize) {
    for cpu in 0..libc::CPU_SETSIZE as usize {
        unsafe {
            if !libc::CPU_ISSET(cpu, all) {
                continue;
            }
            if n == 0 {
                let mut one: libc::cpu_set_t = std::mem::zeroed();
                libc::CPU_SET(cpu, &mut one);
                libc::sched_setaffinity(0, std::mem::size_of_val(&one), &one); // refused: it is only less exact
                return;
            }
        }
        n -= 1;
    }
}

/// Tries until done. It leaves the core to others now and then: the other end may have no
/// core of its own.
fn poll<const PAUSE: bool>(mut done: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let mut i = 1u32;
    while !done()? {
        if PAUSE {
            spin_loop();
        }
        if i % 65536 == 0 {
            std::thread::yield_now();
        }
        i = i.wrapping_add(1);
    }
    Ok(())
}

#[derive(Clone)]
struct Command {
    verb: String,
    size: usize,
    pause: bool,
    batch: usize,
    n: u64,
    area: usize,
}

fn send_all<const W: usize, const PAUSE: bool>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    let mut records: Vec<Record<W>> = vec![Record { words: [0; W] }; c.batch];
    let start = now();
    let mut i = 0;
    while i < c.n {
        let want = c.batch.min((c.n - i) as usize);
        for (k, record) in records[..want].iter_mut().enumerate() {
            record.number(i + k as u64);
        }
        let mut done = 0;
        if want == 1 {
            poll::<PAUSE>(|| end.send(&records[0]))?;
        } else {
            poll::<PAUSE>(|| {
                done += end.send_batch(&records[done..want])?;
                Ok(done == want)
            })?;
        }
        i += want as u64;
    }
    Ok((start, now()))
}

fn take_all<const W: usize, const PAUSE: bool>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    let mut got = Record::boxed();
    let mut wrong = Ok(());
    let start = now();
    let mut i = 0;
    while i < c.n {
        let mut read = |r: &Record<W>| {
            *got = *r;
            if let Err(e) = got.check(i) {
                wrong = Err(e);
            }
            i += 1;
        };
        if c.batch > 1 {
            poll::<PAUSE>(|| Ok(end.take_batch(c.batch, &mut read)? > 0))?;
        } else {
            poll::<PAUSE>(|| end.take(&mut read))?;
        }
        std::mem::replace(&mut wrong, Ok(()))?;
    }
    Ok((start, now()))
}

fn ask<const W: usize, const PAUSE: bool>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    let (mut record, mut got) = (Record::boxed(), Record::boxed());
    let start = now();
    for i in 0..c.n {
        record.number(i);
        poll::<PAUSE>(|| end.send(&record))?;
        poll::<PAUSE>(|| end.take(|r| *got = *r))?;
        got.check(i)?;
    }
    Ok((start, now()))
}

fn answer<const W: usize, const PAUSE: bool>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    let mut got = Record::boxed();
    let start = now();
    for i in 0..c.n {
        poll::<PAUSE>(|| end.take(|r| *got = *r))?;
        got.check(i)?;
        poll::<PAUSE>(|| end.send(&got))?;
    }
    Ok((start, now()))
}

fn sender<const W: usize>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    match (c.verb.as_str(), c.pause) {
        ("roundtrip", true) => ask::<W, true>(end, c),
        ("roundtrip", false) => ask::<W, false>(end, c),
        (_, true) => send_all::<W, true>(end, c),
        (_, false) => send_all::<W, false>(end, c),
    }
}

fn receiver<const W: usize>(end: &mut impl End<W>, c: &Command) -> Result<(u64, u64), Failure> {
    match (c.verb.as_str(), c.pause) {
        ("roundtrip", true) => answer::<W, true>(end, c),
        ("roundtrip", false) => answer::<W, false>(end, c),
        (_, true) => take_all::<W, true>(end, c),
        (_, false) => take_all::<W, false>(end, c),
    }
}

/// What the ends of a run in which one is killed tell the runner, in a file that it maps:
/// sent, first, next[2], gaps, again, torn, total. Each end has an area of its own.
struct Progress(&'static [AtomicU64]);

impl Progress {
    fn map(dir: &str, area: usize) -> Result<Self, Failure> {
        use std::os::fd::AsRawFd;
        let file = std::fs::OpenOptions::new().read(true).write(true).open(format!("{dir}/progress"))?;
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if at == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Progress(unsafe { std::slice::from_raw_parts((at as *const AtomicU64).add(area * 32), 8) }))
    }

    fn add(&self, word: usize, n: u64) {
        self.0[word].store(self.0[word].load(Relaxed) + n, Relaxed);
    }

    /// Notes a record. Its number holds which sender it came from.
    fn received(&self, n: u64, whole: bool) {
        if !whole {
            return self.add(6, 1);
        }
        let (next, i) = (2 + (n >> 32 & 1) as usize, n & 0xffff_ffff);
        if self.0[1].load(Relaxed) == 0 {
            self.0[1].store(n + 1, Relaxed);
            self.0[next].store(i, Relaxed);
        }
        let want = self.0[next].load(Relaxed);
        if i < want {
            self.add(5, 1);
        } else {
            self.add(4, i - want);
            self.0[next].store(i + 1, Relaxed);
        }
        self.add(7, 1);
    }
}

/// Goes on until it is killed.
fn stream<const W: usize>(end: &mut impl End<W>, place: &Place, c: &Command) -> Result<(), Failure> {
    let mine = Progress::map(&place.dir, c.area)?;
    println!("streaming");
    if place.receiver {
        loop {
            poll::<true>(|| end.take(|r| mine.received(r.words[0], r.whole())))?;
        }
    }
    let mut record = Record::boxed();
    for i in 0.. {
        record.number(c.n + i);
        poll::<true>(|| end.send(&record))?;
        mine.0[0].store(i + 1, Relaxed);
    }
    Ok(())
}

/// An end that another thread runs: only those of queues between threads are handed over.
struct Handed<'a, E>(&'a mut E);
unsafe impl<E> Send for Handed<'_, E> {}

/// Both ends at once, as threads: from the sender's start to the receiver's end.
fn both<const W: usize, E: End<W>>(ends: &mut [E], all: &libc::cpu_set_t, c: &Command) -> Result<(u64, u64), Failure> {
    let (first, second) = ends.split_at_mut(1);
    let other = Handed(&mut second[0]);
    std::thread::scope(|s| {
        let answering = s.spawn(move || {
            let other = other;
            pin(all, 1);
            receiver(other.0, c)
        });
        pin(all, 0);
        let sent = sender(&mut first[0], c)?;
        let received = answering.join().map_err(|_| "the receiver panicked")??;
        Ok((sent.0, if c.verb == "roundtrip" { sent.1 } else { received.1 }))
    })
}

/// Carries out a command with the ends for one size of records.
fn obey<L: Link, const W: usize>(ends: &mut Vec<L::End<W>>, place: &Place, all: &libc::cpu_set_t, c: &Command) -> Result<(), Failure> {
    match c.verb.as_str() {
        "open" => {
            pin(all, place.receiver as usize);
            *ends = L::open(place)?;
            println!("ready");
        }
        "stream" => stream(&mut ends[0], place, c)?,
        _ => {
            let (start, end) = match (ends.len(), place.receiver) {
                (2, _) => both(ends, all, c)?,
                (_, true) => receiver(&mut ends[0], c)?,
                (_, false) => sender(&mut ends[0], c)?,
            };
            println!("done {start} {end}");
        }
    }
    Ok(())
}

fn work<L: Link>(place: Place, commands: mpsc::Receiver<Command>) -> Result<(), Failure> {
    let mut all: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    unsafe { libc::sched_getaffinity(0, std::mem::size_of_val(&all), &mut all) };
    let (mut small, mut kilo, mut large) = (Vec::new(), Vec::new(), Vec::new());
    for c in commands {
        match c.size {
            48 => obey::<L, 6>(&mut small, &place, &all, &c)?,
            1024 => obey::<L, 128>(&mut kilo, &place, &all, &c)?,
            65536 => obey::<L, 8192>(&mut large, &place, &all, &c)?,
            _ => return Err("no such size".into()),
        }
    }
    Ok(())
}

/// Carries out the commands of standard input, and ends the process with it.
pub fn serve<L: Link>(place: Place) -> ! {
    let (commands, told) = mpsc::channel();
    let worker = std::thread::Builder::new().stack_size(64 << 20);
    let name = std::env::args().nth(1).unwrap_or_default();
    let started = worker.spawn(move || {
        if let Err(e) = work::<L>(place, told) {
            eprintln!("{name}: {e}");
            std::process::exit(1);
        }
    });
    if started.is_ok() {
        for line in stdin().lock().lines().map_while(Result::ok) {
            let w: Vec<&str> = line.split_whitespace().collect();
            let n = |i: usize| w.get(i).and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
            let c = Command { verb: w[0].into(), size: n(1) as usize, pause: n(2) != 0, batch: n(3) as usize, n: n(4), area: n(5) as usize };
            if commands.send(c).is_err() {
                break;
            }
        }
    }
    // Nothing is put in order: an end may be in the middle of a stream.
    unsafe { libc::_exit(0) }
}
