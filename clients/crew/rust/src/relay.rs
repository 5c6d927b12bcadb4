//! A hop of the ring: each parcel is checked, extended, sent on and then acknowledged.

use shmq::{Error, OpenOptions, Receiver, Sender};

use crate::journal::{Journal, Kind};
use crate::orders::Orders;
use crate::parcel::Parcel;
use crate::{attach, number};

/// A death that the parent has asked for: at a point, with the parcel of that number of this life.
struct Death<'a> {
    point: &'a str,
    at: u64,
}

impl Death<'_> {
    fn perhaps(&self, point: &str, seq: u64) {
        if seq == self.at && self.point == point {
            // SAFETY: the process ends here.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
    }
}

/// Whether the stream that was broken off was the last: the break of one that this life was not there for is told
/// with the end of the next.
fn over(queue: &str) -> shmq::Result<bool> {
    let info = shmq::stat(queue)?;
    Ok(info.finished == info.epoch && info.depth == 0)
}

pub fn relay(args: &[String], orders: &Orders) {
    let [hop, life, from, to, journal, death] = args else {
        panic!("six arguments")
    };
    let life = number(life);
    let journal = Journal::open(journal);
    let (point, at) = death.split_once(':').unwrap_or(("", "0"));
    let death = Death { point, at: number(at) };
    let options = OpenOptions::new().no_create().cancel(&orders.cancel);
    let parcels: Receiver<Parcel> = attach(&journal, orders, || options.clone().until_end().consumer(from)).into();
    let next: Sender<Parcel> = attach(&journal, orders, || options.producer(to)).into();
    journal.mark(Kind::Attached);
    let mut seq = 0;
    loop {
        let (mut parcel, lease) = match parcels.deliver() {
            Ok(delivery) => delivery.into_parts(),
            Err(Error::End(_)) => break,
            Err(Error::Broken(_)) => {
                // That of a hop that was killed: its successor begins another.
                if over(from).unwrap_or_else(|e| journal.fail(&e.to_string())) {
                    break;
                }
                parcels
                    .consumer()
                    .next_stream()
                    .unwrap_or_else(|e| journal.fail(&e.to_string()));
                continue;
            }
            Err(e) => journal.fail(&e.to_string()),
        };
        if parcel.sum != parcel.right_sum() {
            journal.fail(&format!("parcel {}: its sum is wrong", parcel.number));
        }
        let redelivered = lease.redelivered() > 0;
        journal.note(Kind::Took, redelivered, 0, parcel.copy, parcel.number as i64);
        parcel.extend(hop, life, life << 32 | seq);
        death.perhaps("taken", seq);
        next.send(&parcel).unwrap_or_else(|e| journal.fail(&e.to_string()));
        death.perhaps("sent", seq);
        lease.ack().unwrap_or_else(|e| journal.fail(&e.to_string()));
        seq += 1;
    }
    drop(parcels);
    journal.mark(Kind::Leaving);
    next.finish().unwrap_or_else(|e| journal.fail(&e.to_string()));
    journal.mark(Kind::Left);
}
