//! A producer of the storm, until it is killed or told to leave.

use std::io::IoSlice;

use shmq::{Error, OpenOptions, Producer};

use crate::journal::{Journal, Kind};
use crate::orders::Orders;
use crate::random::Random;
use crate::{attach, number, record};

const MOST: usize = 20;

struct Sending {
    to: Producer,
    journal: Journal,
    random: Random,
    life: u64,
    seq: u64, // of the record that comes next
    slot: usize,
}

impl Sending {
    fn next_id(&self) -> u64 {
        self.life << 32 | self.seq
    }

    /// Many records are small, some take several slots, a few are the largest.
    fn next_size(&mut self) -> usize {
        let most = self.to.max_record();
        match self.random.below(16) {
            0..=2 => most.min(self.slot + self.random.below(most / 4)),
            3 => record::MIN + self.random.below(most - record::MIN + 1),
            4 if self.random.below(10) == 0 => most,
            _ => record::MIN + self.random.below(self.slot - record::MIN + 1),
        }
    }

    fn sent(&mut self, result: shmq::Result<usize>) {
        let n = match result {
            Ok(n) => n,
            Err(Error::Full | Error::Cancelled(_)) => 0,
            Err(e) => self.journal.fail(&format!("send: {e}")),
        };
        self.journal.note(Kind::Sent, false, n, self.next_id(), 0);
        self.seq += n as u64;
    }

    fn send(&mut self, n: usize, waits: bool) {
        let records: Vec<Vec<u8>> = (0..n as u64)
            .map(|i| {
                let mut b = vec![0; self.next_size()];
                record::fill(&mut b, self.next_id() + i);
                b
            })
            .collect();
        let slices: Vec<IoSlice<'_>> = records.iter().map(|b| IoSlice::new(b)).collect();
        self.journal.note(Kind::Try, false, n, self.next_id(), 0);
        let mut result = match n {
            1 => self.to.try_send(&records[0]).map(|()| 1),
            _ => self.to.try_send_batch(&slices),
        };
        if waits && matches!(result, Err(Error::Full)) {
            self.journal.mark(Kind::Wait);
            result = match n {
                1 => self.to.send(&records[0]).map(|()| 1),
                _ => self.to.send_batch(&slices),
            };
        }
        self.sent(result);
    }

    /// Writes a record in place, sometimes slowly, and sends it or gives it back.
    fn reserve(&mut self, commit: bool) {
        let (size, id) = (self.next_size(), self.next_id());
        self.journal.mark(Kind::Wait);
        let result = match self.to.reserve(size) {
            Ok(mut room) => {
                self.journal.note(Kind::Sent, false, 0, id, 0); // the wait is over
                record::fill(&mut room, if commit { id } else { id | 1 << 63 });
                self.random.pause();
                if !commit {
                    return; // dropped: given back
                }
                self.journal.note(Kind::Try, false, 1, id, 0);
                room.commit().map(|_| 1)
            }
            Err(e) => Err(e),
        };
        self.sent(result);
    }
}

pub fn produce(args: &[String], orders: &Orders) {
    let [life, queue, journal, seed] = args else {
        panic!("four arguments")
    };
    let journal = Journal::open(journal);
    let life = number(life);
    let options = OpenOptions::new().no_create().cancel(&orders.cancel);
    let to = attach(&journal, orders, || options.producer(queue));
    journal.mark(Kind::Attached);
    let slot = to.slot_size();
    let random = Random::new(number(seed), life);
    let mut s = Sending {
        to,
        journal,
        random,
        life,
        seq: 0,
        slot,
    };
    while !orders.cancel.is_cancelled() {
        let n = 1 + s.random.below(MOST);
        match s.random.below(16) {
            0..=3 => s.send(1, false),
            4..=5 => s.send(n, false),
            6..=7 => s.send(n, true),
            8..=9 => s.reserve(true),
            10 => s.reserve(false),
            _ => s.send(1, true),
        }
    }
    s.journal.mark(Kind::Leaving);
    s.to.close().unwrap_or_else(|e| s.journal.fail(&format!("close: {e}")));
    s.journal.mark(Kind::Left);
}
