//! Streams: records of all sizes, sent and received in all ways, as the agents of all languages have them.

use std::io::IoSlice;

use shmq::{Consumer, Error, Producer};

use super::{failure, number};

/// The size of a head, which says whose and which a record is: two little-endian numbers.
const HEAD: usize = 8;

fn step(x: u32) -> u32 {
    x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

/// Each size from least to most once, shuffled, and then again.
struct Sizes {
    x: u32,
    least: usize,
    most: usize,
    left: Vec<usize>, // the last one is the next
}

impl Sizes {
    fn new(sender: u32, least: usize, most: usize) -> Sizes {
        let x = sender.wrapping_mul(2_654_435_761).wrapping_add(1);
        Sizes {
            x,
            least,
            most,
            left: Vec::new(),
        }
    }

    fn next(&mut self) -> usize {
        if self.left.is_empty() {
            self.left.extend(self.least..=self.most);
            for i in (1..self.left.len()).rev() {
                self.x = step(self.x);
                let j = (u64::from(self.x) * (i as u64 + 1)) >> 32;
                self.left.swap(i, j as usize);
            }
            self.left.reverse();
        }
        self.left.pop().unwrap_or(self.least)
    }
}

fn pattern(to: &mut [u8], sender: u32, seq: u32) {
    let start = sender
        .wrapping_mul(2_654_435_761)
        .wrapping_add(seq.wrapping_mul(40_503));
    let mut x = start.wrapping_add(1);
    for byte in to {
        x = step(x);
        *byte = (x >> 24) as u8;
    }
}

fn write(b: &mut [u8], least: usize, sender: u32, seq: u32) {
    let mut head = 0;
    if least >= HEAD {
        head = HEAD;
        b[..4].copy_from_slice(&sender.to_le_bytes());
        b[4..8].copy_from_slice(&seq.to_le_bytes());
    }
    pattern(&mut b[head..], sender, seq);
}

fn numbers<const N: usize>(args: &str) -> Result<[usize; N], String> {
    let all = args.split(' ').map(number).collect::<Result<Vec<_>, _>>()?;
    all.try_into().map_err(|_| format!("other {N} numbers, not {args}"))
}

/// Sends so many records; the arguments are SENDER COUNT LEAST MOST.
pub(super) fn send(producer: &mut Producer, args: &str) -> Result<(), String> {
    let [sender, count, least, most] = numbers(args)?;
    let (mut sizes, sender, mut seq) = (Sizes::new(sender as u32, least, most), sender as u32, 0);
    while seq < count {
        let mut record = |seq: usize| {
            let mut b = vec![0; sizes.next()];
            write(&mut b, least, sender, seq as u32);
            b
        };
        if seq % 7 == 0 && count - seq > 3 {
            let batch = [record(seq), record(seq + 1), record(seq + 2)];
            let sent = producer.send_batch(&batch.each_ref().map(|b| IoSlice::new(b)));
            match sent.map_err(|e| failure(&e))? {
                3 => seq += 3,
                n => return Err(format!("other {n} of 3 sent")),
            }
            continue;
        }
        if seq % 5 == 0 {
            let b = record(seq);
            let mut space = producer.reserve(most).map_err(|e| failure(&e))?;
            space[..b.len()].copy_from_slice(&b);
            space.commit_first(b.len()).map_err(|e| failure(&e))?;
        } else {
            if seq % 11 == 0 {
                producer.reserve(most.min(100)).map_err(|e| failure(&e))?.abort();
            }
            producer.send(&record(seq)).map_err(|e| failure(&e))?;
        }
        seq += 1;
    }
    Ok(())
}

/// What was received of each sender.
struct Account {
    got: Vec<Vec<u8>>, // a digit a record
    last: Vec<Option<u32>>,
}

impl Account {
    fn check(&mut self, b: &[u8], redelivered: u32) -> Result<(), String> {
        let (head, body) = b
            .split_first_chunk::<HEAD>()
            .ok_or(format!("other a record of {} bytes", b.len()))?;
        let sender = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let seq = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let wrong = |what: &str| Err(format!("other record {seq} of sender {sender} {what}"));
        let Some(times) = self.got.get_mut(sender as usize).and_then(|g| g.get_mut(seq as usize)) else {
            return wrong("is not there");
        };
        let mut want = vec![0; body.len()];
        pattern(&mut want, sender, seq);
        let last = &mut self.last[sender as usize];
        if want != body {
            return wrong("is torn");
        } else if *last >= Some(seq) {
            return wrong("is out of order");
        } else if redelivered != 0 {
            return wrong("was delivered before");
        }
        *last = Some(seq);
        *times += 1;
        Ok(())
    }

    fn take(&mut self, consumer: &Consumer, round: usize) -> Result<Result<(), String>, Error> {
        if round % 3 == 2 {
            return Ok(self.check(&consumer.receive()?, 0));
        }
        let leases = if round % 3 == 0 {
            consumer.lease_batch(3)?.into_iter().collect()
        } else {
            vec![consumer.lease()?]
        };
        for lease in leases {
            let checked = self.check(&lease, lease.redelivered());
            if checked.is_err() {
                return Ok(checked);
            }
            lease.ack()?;
        }
        Ok(Ok(()))
    }
}

/// Receives until the end; the arguments are SENDERS COUNT. Returns how often it got each record.
pub(super) fn receive(consumer: &Consumer, args: &str) -> Result<String, String> {
    let [senders, count] = numbers(args)?;
    let mut account = Account {
        got: vec![vec![b'0'; count]; senders],
        last: vec![None; senders],
    };
    for round in 0.. {
        match account.take(consumer, round) {
            Ok(checked) => checked?,
            Err(Error::End(_)) => break,
            Err(e) => return Err(failure(&e)),
        }
    }
    Ok(account
        .got
        .iter()
        .map(|g| String::from_utf8_lossy(g))
        .collect::<Vec<_>>()
        .join(" "))
}
