//! Queues between two threads of one process: crossbeam's ArrayQueue, and rtrb.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::harness::{End, Failure, Link, Place, Record};

pub struct Crossbeam;

pub struct CrossbeamEnd<const W: usize> {
    out: Arc<ArrayQueue<Record<W>>>,
    back: Arc<ArrayQueue<Record<W>>>,
}

impl Link for Crossbeam {
    type End<const W: usize> = CrossbeamEnd<W>;

    fn open<const W: usize>(_: &Place) -> Result<Vec<CrossbeamEnd<W>>, Failure> {
        let make = || Arc::new(ArrayQueue::new(Record::<W>::WINDOW));
        let (there, back) = (make(), make());
        Ok(vec![CrossbeamEnd { out: there.clone(), back: back.clone() }, CrossbeamEnd { out: back, back: there }])
    }
}

impl<const W: usize> End<W> for CrossbeamEnd<W> {
    fn send(&mut self, r: &Record<W>) -> Result<bool, Failure> {
        Ok(self.out.push(*r).is_ok())
    }

    fn take(&mut self, mut f: impl FnMut(&Record<W>)) -> Result<bool, Failure> {
        let got = self.back.pop();
        Ok(got.inspect(|r| f(r)).is_some())
    }
}

pub struct Rtrb;

pub struct RtrbEnd<const W: usize> {
    out: rtrb::Producer<Record<W>>,
    back: rtrb::Consumer<Record<W>>,
}

impl Link for Rtrb {
    type End<const W: usize> = RtrbEnd<W>;

    fn open<const W: usize>(_: &Place) -> Result<Vec<RtrbEnd<W>>, Failure> {
        let make = || rtrb::RingBuffer::new(Record::<W>::WINDOW);
        let (there, back): ((_, _), (_, _)) = (make(), make());
        Ok(vec![RtrbEnd { out: there.0, back: back.1 }, RtrbEnd { out: back.0, back: there.1 }])
    }
}

impl<const W: usize> End<W> for RtrbEnd<W> {
    fn send(&mut self, r: &Record<W>) -> Result<bool, Failure> {
        Ok(self.out.push(*r).is_ok())
    }

    // Where the record lies, before it is given up.
    fn take(&mut self, mut f: impl FnMut(&Record<W>)) -> Result<bool, Failure> {
        let Ok(chunk) = self.back.read_chunk(1) else { return Ok(false) };
        f(&chunk.as_slices().0[0]);
        chunk.commit_all();
        Ok(true)
    }

    fn send_batch(&mut self, rs: &[Record<W>]) -> Result<usize, Failure> {
        Ok(self.out.push_partial_slice(rs).0.len())
    }

    fn take_batch(&mut self, n: usize, mut f: impl FnMut(&Record<W>)) -> Result<usize, Failure> {
        let there = self.back.slots().min(n);
        let Ok(chunk) = self.back.read_chunk(there) else { return Ok(0) };
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).for_each(&mut f);
        chunk.commit_all();
        Ok(there)
    }
}
