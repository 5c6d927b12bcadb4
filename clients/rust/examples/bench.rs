//! Measures: records from one process to another, and back and forth.
//!
//!     cargo run --release --example bench [RECORDS [RUNS]]
//!
//! Each line is the best of five runs, or of as many as are asked for.

use std::io::IoSlice;
use std::process::{Child, Command};
use std::time::Instant;

use shmq::{Batch, Consumer, Multiplicity, OpenOptions, Producer, Shape, Wait};

const BATCH: usize = 64;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [role, how, name, count, size] = &args[..] {
        assert_eq!(role, "producer");
        return produce(how, name, count.parse()?, size.parse()?);
    }
    let count: usize = args.first().map_or(Ok(2_000_000), |n| n.parse())?;
    let runs: usize = args.get(1).map_or(Ok(5), |n| n.parse())?;
    println!("| from one process to another | roles | bytes | ns a record |");
    println!("|---|---|---:|---:|");
    for roles in [Multiplicity::One, Multiplicity::Many] {
        for size in [48, 1000] {
            for how in ["send and receive", "reserve and lease", "batches"] {
                let best = best(runs, || one_way(how, roles, count, size))?;
                println!("| {how} | {roles:?} | {size} | {best:.1} |");
            }
        }
        let best = best(runs, || round_trips(roles, count / 10))?;
        println!("| round trip, spinning | {roles:?} | 48 | {best:.0} |");
    }
    Ok(())
}

fn best(runs: usize, run: impl Fn() -> Result<f64>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        best = best.min(run()?);
    }
    Ok(best)
}

/// A queue that is removed at the end.
struct Queue(String);

impl Queue {
    fn new(tag: &str, roles: Multiplicity) -> Result<Queue> {
        let name = format!("bench-{}-{tag}", std::process::id());
        shmq::create(&name, &Shape::new().producers(roles).consumers(roles))?;
        Ok(Queue(name))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = shmq::remove_force(&self.0);
    }
}

fn options() -> OpenOptions {
    OpenOptions::new().no_create().prefault()
}

fn child(how: &str, q: &Queue, count: usize, size: usize) -> Result<Child> {
    let (count, size) = (count.to_string(), size.to_string());
    Ok(Command::new(std::env::current_exe()?)
        .args(["producer", how, &q.0, &count, &size])
        .spawn()?)
}

/// The time a record takes, from the first that arrives to the last.
fn one_way(how: &str, roles: Multiplicity, count: usize, size: usize) -> Result<f64> {
    let q = Queue::new("there", roles)?;
    let c = options().consumer(&q.0)?;
    let mut producer = child(how, &q, count, size)?;
    let mut buf = Vec::with_capacity(size);
    c.receive_into(&mut buf)?;
    let begin = Instant::now();
    let mut sum = 0u64;
    match how {
        "batches" => {
            let mut batch = Batch::new(BATCH, size);
            let mut n = 1;
            while n < count {
                n += c.receive_batch(&mut batch)?;
                sum += batch.iter().map(|r| u64::from(r[0])).sum::<u64>();
            }
        }
        "reserve and lease" => {
            for _ in 1..count {
                let lease = c.lease()?;
                sum += u64::from(lease[0]);
                lease.ack()?;
            }
        }
        _ => {
            for _ in 1..count {
                c.receive_into(&mut buf)?;
                sum += u64::from(buf[0]);
            }
        }
    }
    let took = begin.elapsed();
    assert_eq!(sum, 7 * (count as u64 - 1));
    producer.wait()?;
    Ok(took.as_nanos() as f64 / (count - 1) as f64)
}

fn produce(how: &str, name: &str, count: usize, size: usize) -> Result<()> {
    let record = vec![7; size];
    let mut p = options().producer(name)?;
    match how {
        "batches" => {
            let batch: Vec<IoSlice<'_>> = (0..BATCH).map(|_| IoSlice::new(&record)).collect();
            let mut n = 0;
            while n < count {
                n += p.send_batch(&batch[..BATCH.min(count - n)])?;
            }
        }
        "reserve and lease" => {
            for _ in 0..count {
                let mut room = p.reserve(size)?;
                room.copy_from_slice(&record);
                room.commit()?;
            }
        }
        "echo" => return echo(&p, name, count),
        _ => {
            for _ in 0..count {
                p.send(&record)?;
            }
        }
    }
    Ok(())
}

fn round_trips(roles: Multiplicity, count: usize) -> Result<f64> {
    let (back, there) = (
        Queue::new("back", roles)?,
        Queue(format!("bench-{}-back-there", std::process::id())),
    );
    shmq::create(&there.0, &Shape::new().producers(roles).consumers(roles))?;
    let mut other = child("echo", &back, count, 48)?;
    let p: Producer = options().wait(Wait::Spin).producer(&there.0)?;
    let c: Consumer = options().wait(Wait::Spin).consumer(&back.0)?;
    let (record, mut buf) = ([7; 48], Vec::with_capacity(48));
    p.send(&record)?;
    c.receive_into(&mut buf)?;
    let begin = Instant::now();
    for _ in 1..count {
        p.send(&record)?;
        c.receive_into(&mut buf)?;
    }
    let took = begin.elapsed();
    other.wait()?;
    Ok(took.as_nanos() as f64 / (count - 1) as f64)
}

fn echo(p: &Producer, name: &str, count: usize) -> Result<()> {
    let c = options().wait(Wait::Spin).consumer(format!("{name}-there"))?;
    let mut buf = Vec::with_capacity(48);
    for _ in 0..count {
        c.receive_into(&mut buf)?;
        p.send(&buf)?;
    }
    Ok(())
}
