//! Producers and consumers that are killed at random moments, time and again. Whatever was sent for
//! sure arrives, whole, and what arrives twice is flagged the second time.

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{modes, Queue, PATIENCE};
use shmq::{Error, Multiplicity, OpenOptions, Shape};

const ROUNDS: u32 = 12;

/// A record: who sent it, its number, and filling that a checksum would tell.
fn record(who: u32, n: u32) -> Vec<u8> {
    let size = 8 + (n as usize * 37) % 300;
    let mut r = vec![(who ^ n) as u8; size];
    r[..4].copy_from_slice(&who.to_le_bytes());
    r[4..8].copy_from_slice(&n.to_le_bytes());
    r
}

fn parse(r: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_le_bytes(r[at..at + 4].try_into().unwrap());
    let (who, n) = (word(0), word(4));
    assert_eq!(r, record(who, n), "torn");
    (who, n)
}

/// Runs this test's own binary as another process.
fn child(role: &str, from: &str, to: &str, who: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "child_process",
            "--nocapture",
            "--test-threads=1",
        ])
        .envs([("SHMQ_STORM", role), ("SHMQ_STORM_FROM", from), ("SHMQ_STORM_TO", to)])
        .env("SHMQ_STORM_WHO", who.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test: what the children of the storm do, until they are killed.
#[test]
#[ignore = "the children of the storm"]
fn child_process() {
    let Ok(role) = std::env::var("SHMQ_STORM") else { return };
    let from = std::env::var("SHMQ_STORM_FROM").unwrap();
    let to = std::env::var("SHMQ_STORM_TO").unwrap();
    let who: u32 = std::env::var("SHMQ_STORM_WHO").unwrap().parse().unwrap();
    let mut p = OpenOptions::new().no_create().producer(&to).unwrap();
    if role == "producer" {
        for n in 0.. {
            let r = record(who, n);
            if n % 3 == 0 {
                let mut room = p.reserve(r.len()).unwrap();
                room.copy_from_slice(&r);
                room.commit().unwrap();
            } else {
                p.send(&r).unwrap();
            }
            println!("sent {n}");
        }
    }
    // A relay: what it takes goes to the other queue, flagged if it may have gone there before.
    let c = OpenOptions::new().no_create().consumer(&from).unwrap();
    println!("sent 0"); // it is there
    loop {
        let batch = c.lease_batch(4).unwrap();
        for lease in batch {
            let mut out = vec![u8::from(lease.redelivered() > 0)];
            out.extend_from_slice(&lease);
            p.send(&out).unwrap();
            lease.ack().unwrap();
        }
    }
}

/// Kills a child and returns the last number that it said for sure.
fn kill(mut c: Child, out: BufReader<impl Read>, seen: i64) -> i64 {
    c.kill().unwrap();
    c.wait().unwrap();
    let mut last = seen;
    for line in out.lines().map_while(Result::ok) {
        if let Some(n) = line.strip_prefix("sent ").and_then(|n| n.parse().ok()) {
            last = n; // a line that was cut short does not say more than it should: digits come in order
        }
    }
    last
}

fn storm(shape: Shape) {
    let (first, second) = (
        Queue::new(shape.slots(64)),
        Queue::new(common::small().slots(64).consumers(Multiplicity::One)),
    );
    let sink = second.consumer();
    let mut seen: HashMap<(u32, u32), u32> = HashMap::new();
    let mut last: HashMap<u32, i64> = HashMap::new();
    let mut take = |timeout: Duration| match sink.receive_timeout(timeout) {
        Ok(r) => {
            let (who, n) = parse(&r[1..]);
            let times = seen.entry((who, n)).or_default();
            assert!(
                *times == 0 || r[0] == 1,
                "{shape:?}: record {n} of {who} comes again without a flag"
            );
            *times += 1;
            true
        }
        Err(Error::Timeout(_) | Error::Empty) => false,
        Err(e) => panic!("{e}"),
    };

    let mut seed = 0x9e37_79b9u32;
    for round in 0..ROUNDS {
        let mut relay = child("relay", &first.name, &second.name, 0);
        let mut producer = child("producer", "", &first.name, round);
        let from_relay = BufReader::new(relay.stdout.take().unwrap());
        let mut from_producer = BufReader::new(producer.stdout.take().unwrap());
        // So many records later, which takes it through both queues' laps, both are killed.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut line = String::new();
        let mut said = -1;
        while said < i64::from(seed >> 22) {
            line.clear();
            from_producer.read_line(&mut line).unwrap();
            if let Some(n) = line.trim_end().strip_prefix("sent ") {
                said = n.parse().unwrap();
            }
            while take(Duration::ZERO) {}
        }
        if round % 2 == 0 {
            kill(relay, from_relay, -1);
            last.insert(round, kill(producer, from_producer, said));
        } else {
            last.insert(round, kill(producer, from_producer, said));
            kill(relay, from_relay, -1);
        }
    }

    // What is left comes through a relay that lives.
    let relay = child("relay", &first.name, &second.name, 0);
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        while take(Duration::from_millis(50)) {}
        if shmq::stat(&first.name).unwrap().depth == 0 || std::time::Instant::now() > end {
            break;
        }
    }
    while take(Duration::from_millis(100)) {}
    let mut relay = relay;
    relay.kill().unwrap();
    relay.wait().unwrap();
    for (who, n) in &last {
        let missing: Vec<i64> = (0..=*n).filter(|n| !seen.contains_key(&(*who, *n as u32))).collect();
        assert!(
            missing.is_empty(),
            "{shape:?}: of {who}, {missing:?} of 0 to {n} are lost"
        );
    }
    assert!(seen.len() > 1000, "{} records are no storm", seen.len());
}

#[test]
fn nothing_is_lost_torn_or_repeated_without_a_flag() {
    for shape in modes() {
        storm(shape);
    }
}
