//! What a worker has done, in a file of entries of 32 bytes: see c/journal.h.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::exit;

#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Kind {
    Attached = 1,
    Try = 2,
    Sent = 3,
    Wait = 4,
    Took = 5,
    Acking = 6,
    Acked = 7,
    Releasing = 8,
    Leaving = 9,
    Left = 10,
    Failed = 11,
}

pub struct Journal(File);

impl Journal {
    pub fn open(path: &str) -> Journal {
        Journal(
            OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap_or_else(|e| die(&format!("{path}: {e}"))),
        )
    }

    pub fn note(&self, kind: Kind, flag: bool, count: usize, id: u64, a: i64) {
        let mut entry = [0; 32];
        entry[0] = kind as u8;
        entry[1] = flag as u8;
        entry[2..4].copy_from_slice(&(count as u16).to_le_bytes());
        entry[8..16].copy_from_slice(&id.to_le_bytes());
        entry[16..24].copy_from_slice(&a.to_le_bytes());
        entry[24..].copy_from_slice(&now().to_le_bytes());
        if let Err(e) = (&self.0).write_all(&entry) {
            die(&format!("journal: {e}"));
        }
    }

    /// Notes an instant.
    pub fn mark(&self, kind: Kind) {
        self.note(kind, false, 0, 0, 0);
    }

    /// Tells the parent why this process can't go on, and ends it.
    pub fn fail(&self, why: &str) -> ! {
        self.mark(Kind::Failed);
        die(why)
    }
}

pub fn die(why: &str) -> ! {
    println!("FAIL {why}");
    exit(1)
}

/// CLOCK_MONOTONIC in nanoseconds.
pub fn now() -> i64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: ts is a place for a timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec * 1_000_000_000 + ts.tv_nsec
}
