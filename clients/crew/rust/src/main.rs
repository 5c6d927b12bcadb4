//! A worker in Rust: a hop of the ring, or a producer or consumer of the storm.

mod consume;
mod journal;
mod orders;
mod parcel;
mod produce;
mod random;
mod record;
mod relay;

use std::process::exit;
use std::time::Duration;

use journal::{die, Journal, Kind};
use orders::Orders;
use shmq::Error;

/// Attaches; waits for a role and a seat that a dead one has until the kernel has taken it away.
fn attach<T>(journal: &Journal, orders: &Orders, open: impl Fn() -> shmq::Result<T>) -> T {
    loop {
        match open() {
            Ok(end) => return end,
            Err(_) if orders.cancel.is_cancelled() => {
                journal.mark(Kind::Left); // another one has what this one waits for
                println!("left");
                exit(0)
            }
            Err(Error::RoleTaken(_) | Error::NoSeat(_)) => std::thread::sleep(Duration::from_millis(1)),
            Err(e) => journal.fail(&e.to_string()),
        }
    }
}

fn number(s: &str) -> u64 {
    s.parse().unwrap_or_else(|e| die(&format!("{s}: {e}")))
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let orders = Orders::listen();
    match args[0].as_str() {
        "relay" => relay::relay(&args[1..], &orders),
        "produce" => produce::produce(&args[1..], &orders),
        "consume" => consume::consume(&args[1..], &orders),
        other => die(&format!("no such part of a worker: {other}")),
    }
    println!("left");
}
