//! A consumer of the storm, until it is killed, told to leave, or told to go on until nothing comes.

use shmq::{Consumer, Error, Lease, OpenOptions};

use crate::journal::{now, Journal, Kind};
use crate::orders::Orders;
use crate::random::Random;
use crate::{attach, number, record};

struct Receiving<'c> {
    from: &'c Consumer,
    journal: &'c Journal,
    random: Random,
    open: Vec<(Lease<'c>, u64)>,
}

impl<'c> Receiving<'c> {
    fn took(&mut self, result: shmq::Result<Vec<Lease<'c>>>, began: i64) {
        let leases = match result {
            Ok(leases) => leases,
            Err(Error::Empty | Error::Cancelled(_)) => return,
            Err(e) => self.journal.fail(&format!("receive: {e}")),
        };
        for lease in leases {
            let Some(id) = record::read(&lease) else {
                self.journal.fail(&format!("torn: {} bytes", lease.len()))
            };
            let redelivered = lease.redelivered() > 0;
            self.journal.note(Kind::Took, redelivered, 0, id, began);
            self.open.push((lease, id));
        }
    }

    fn lease(&mut self, n: usize, waits: bool) {
        let from = self.from;
        let mut began = now();
        let mut result = match n {
            1 => from.try_lease().map(|l| vec![l]),
            _ => from.try_lease_batch(n).map(|b| b.into_iter().collect()),
        };
        if waits && matches!(result, Err(Error::Empty)) {
            self.journal.mark(Kind::Wait);
            began = now();
            result = match n {
                1 => from.lease().map(|l| vec![l]),
                _ => from.lease_batch(n).map(|b| b.into_iter().collect()),
            };
        }
        self.took(result, began);
    }

    fn settle(&mut self, i: usize) {
        let (lease, id) = self.open.swap_remove(i);
        // No other process may have touched it meanwhile.
        if record::read(&lease) != Some(id) {
            self.journal.fail(&format!("record {id:#x} changed while it was held"));
        }
        let failed = |e| self.journal.fail(&format!("settle: {e}"));
        if self.random.below(12) == 0 {
            self.journal.note(Kind::Releasing, false, 0, id, 0);
            return lease.release().unwrap_or_else(failed);
        }
        self.journal.note(Kind::Acking, false, 0, id, 0);
        lease.ack().unwrap_or_else(failed);
        self.journal.note(Kind::Acked, false, 0, id, 0);
    }

    fn settle_all(&mut self) {
        while !self.open.is_empty() {
            let i = self.random.below(self.open.len());
            self.settle(i);
        }
    }

    fn step(&mut self) {
        // A consumer that waits for a record while it holds others may wait for ever: the ring may have come
        // round to them.
        let waits = self.open.is_empty();
        let n = 1 + self.random.below(16);
        match self.random.below(12) {
            0..=1 => self.lease(n, waits),
            2..=3 => self.lease(n, false),
            _ => self.lease(1, waits),
        }
        self.random.pause();
        if self.open.len() > 8 || self.random.below(4) > 0 {
            self.settle_all();
        } else if !self.open.is_empty() {
            let i = self.random.below(self.open.len());
            self.settle(i);
        }
    }
}

pub fn consume(args: &[String], orders: &Orders) {
    let [life, queue, journal, seed] = args else {
        panic!("four arguments")
    };
    let journal = Journal::open(journal);
    let options = OpenOptions::new().no_create().cancel(&orders.cancel);
    let from = attach(&journal, orders, || options.consumer(queue));
    journal.mark(Kind::Attached);
    let mut r = Receiving {
        from: &from,
        journal: &journal,
        random: Random::new(number(seed), number(life)),
        open: Vec::new(),
    };
    while !orders.cancel.is_cancelled() {
        r.step();
    }
    r.settle_all();
    // A call may find nothing because its effort is spent.
    let mut empty = 0;
    while orders.draining() && empty < 100 {
        empty += 1;
        r.lease(1, false);
        if !r.open.is_empty() {
            empty = 0;
        }
        r.settle_all();
    }
    drop(r);
    journal.mark(Kind::Leaving);
    from.close().unwrap_or_else(|e| journal.fail(&format!("close: {e}")));
    journal.mark(Kind::Left);
}
