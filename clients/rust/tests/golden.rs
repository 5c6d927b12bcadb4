//! Queues in every state that a kill can leave, and files that are refused: images that the clients of all
//! languages read to the same JSON.
#![cfg(not(miri))]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use common::{Queue, PATIENCE};
use serde_json::{json, Value};
use shmq::{Error, Multiplicity, OpenOptions};

/// The images in a folder of clients/golden; none outside of a checkout of the project.
fn images(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden").join(folder);
    let mut found: Vec<PathBuf> = match dir.read_dir() {
        Ok(entries) => entries.map(|e| e.unwrap().path()).collect(),
        Err(e) if !Path::new(env!("CARGO_MANIFEST_DIR")).join("../layoutgen").exists() => {
            eprintln!("skipped: {}: {e}", dir.display());
            return Vec::new();
        }
        Err(e) => panic!("{}: {e}", dir.display()),
    };
    found.retain(|p| p.extension().is_some_and(|x| x == "gz"));
    found.sort();
    assert!(found.len() > 6, "{} images in {}", found.len(), dir.display());
    found
}

fn copy_of(image: &Path) -> Queue {
    let q = Queue::named();
    let out = Command::new("gzip").arg("-dc").arg(image).output().unwrap();
    assert!(out.status.success(), "gzip -dc {}", image.display());
    fs::write(&q.name, out.stdout).unwrap();
    q
}

fn wanted(image: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(image.with_extension("json")).unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn multiplicity(m: Multiplicity) -> &'static str {
    match m {
        Multiplicity::One => "one",
        Multiplicity::Each => "each",
        Multiplicity::Many => "many",
        Multiplicity::Any => "any",
    }
}

fn description(name: &str) -> Value {
    let i = shmq::stat(name).unwrap();
    let participants: Vec<Value> = shmq::participants(name)
        .unwrap()
        .iter()
        .map(|p| {
            json!({
                "seat": p.seat,
                "role": if p.is_producer { "producer" } else { "consumer" },
                "pid": p.pid,
                "command": p.command.to_str().unwrap(),
                "alive": p.alive,
                "records": p.counters.records,
                "bytes": p.counters.bytes,
            })
        })
        .collect();
    let (delivered, then) = drained(name);
    json!({
        "producers": multiplicity(i.shape.get_producers()),
        "consumers": multiplicity(i.shape.get_consumers()),
        "slots": i.shape.get_slots(),
        "slot_size": i.shape.get_slot_size(),
        "seats": i.shape.get_seats(),
        "checksum": i.shape.has_checksums(),
        "timestamps": i.shape.has_timestamps(),
        "creation_id": hex(&i.creation),
        "head": i.head,
        "tail": i.tail,
        "sent": i.sent,
        "sent_bytes": i.sent_bytes,
        "received": i.received,
        "received_bytes": i.received_bytes,
        "redelivered": i.redelivered,
        "torn": i.torn,
        "skipped": i.skipped,
        "begun": i.epoch > 0,
        "finished": i.epoch > 0 && i.finished == i.epoch,
        "participants": participants,
        "delivered": delivered,
        "then": then,
    })
}

/// The records that a consumer gets, and what it is told then.
fn drained(name: &str) -> (Vec<Value>, &'static str) {
    let c = OpenOptions::new().no_create().until_end().consumer(name).unwrap();
    let mut delivered = Vec::new();
    loop {
        // All producers are dead, so there is an end.
        match c.lease_timeout(PATIENCE) {
            Ok(lease) => {
                let sent_at = lease
                    .sent_at()
                    .map_or(0, |t| t.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
                delivered.push(json!({
                    "data": hex(&lease),
                    "redelivered": lease.redelivered(),
                    "sent_at": sent_at,
                    "id": lease.id().unwrap().to_string(),
                }));
                lease.ack().unwrap();
            }
            Err(Error::End(_)) => return (delivered, "end"),
            Err(Error::Broken(_)) => return (delivered, "broken"),
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn golden_queues_are_read_as_in_all_languages() {
    for image in images("") {
        let q = copy_of(&image);
        assert_eq!(description(&q.name), wanted(&image), "{}", image.display());
    }
}

fn code(e: &Error) -> &'static str {
    match e {
        Error::Layout(_) => "layout",
        Error::Damaged(_) => "damaged",
        Error::NotQueue(_) => "not-queue",
        Error::Rebuild(_) => "rebuild",
        _ => "another one",
    }
}

#[test]
fn golden_files_are_refused_as_in_all_languages() {
    for image in images("refused") {
        let (q, want) = (copy_of(&image), wanted(&image));
        let open = OpenOptions::new().no_create();
        for e in [
            open.consumer(&q.name).expect_err("refused"),
            open.producer(&q.name).expect_err("refused"),
        ] {
            assert_eq!(code(&e), want["code"], "{}: {e}", image.display());
            let text = e.to_string();
            assert!(text.contains(want["says"].as_str().unwrap()), "{text}");
            assert!(text.contains(&q.name), "{text}");
        }
        match shmq::stat(&q.name) {
            Ok(i) => assert!(want["stat"] == true && i.size > 0, "{}", image.display()),
            Err(e) => assert!(want["stat"] == false && code(&e) == want["code"], "{e}"),
        }
    }
}
