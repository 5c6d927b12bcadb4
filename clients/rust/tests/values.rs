//! Values of serde.
#![cfg(feature = "msgpack")]

mod common;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use common::Queue;
use serde::{Deserialize, Serialize};
use shmq::{Error, OpenOptions, Receiver, Sender};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Student {
    id: i64,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    grades: BTreeMap<String, f64>,
    photo: Photo,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Guest,
    Regular { year: u16 },
}

/// Bytes, as serde_bytes has them.
#[derive(Debug, Clone, PartialEq)]
struct Photo(Vec<u8>);

impl Serialize for Photo {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Photo {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Photo, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Photo;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, b: &[u8]) -> Result<Photo, E> {
                Ok(Photo(b.to_vec()))
            }
        }
        d.deserialize_bytes(Bytes)
    }
}

fn students() -> Vec<Student> {
    (0..50)
        .map(|n| Student {
            id: i64::MIN >> n,
            name: "é".repeat(n),
            email: (n % 2 == 0).then(|| format!("{n}@example.org")),
            grades: (0..n % 5).map(|g| (format!("course {g}"), g as f64 / 3.0)).collect(),
            photo: Photo(vec![n as u8; n * 7]),
            kind: if n % 3 == 0 {
                Kind::Guest
            } else {
                Kind::Regular { year: n as u16 }
            },
        })
        .collect()
}

#[test]
fn values_come_out_as_they_went_in() {
    let q = Queue::new(common::small().slot_size(128));
    let receiver: Receiver<Student> = q.until_end().into();
    let sender: Sender<Student> = q.producer().into();
    let sending = std::thread::spawn(move || {
        let all = students();
        for s in &all[..20] {
            sender.send(s).unwrap();
        }
        let mut sent = 0;
        while sent < 30 {
            sent += sender.send_batch(&all[20 + sent..]).unwrap();
        }
        sender.finish().unwrap();
    });
    let got: Vec<Student> = receiver.values().map(Result::unwrap).collect();
    sending.join().unwrap();
    assert!(got == students()); // all are too many to be shown
}

#[test]
fn a_batch_of_values_is_sent_as_far_as_there_is_room() {
    let q = Queue::small();
    let (sender, receiver) = (Sender::from(q.producer()), Receiver::<u32>::from(q.consumer()));
    let all: Vec<u32> = (0..20).collect();
    let mut sent = 0;
    while sent < 16 {
        sent += sender.try_send_batch(&all[sent..]).unwrap();
    }
    assert!(matches!(sender.try_send_batch(&all[sent..]), Err(Error::Full)));
    let short = Duration::from_millis(1);
    assert!(matches!(
        sender.send_batch_timeout(&all[sent..], short),
        Err(Error::Timeout(_))
    ));
    for n in 0..16 {
        assert_eq!(receiver.try_receive().unwrap(), n);
    }
    assert!(matches!(receiver.try_receive(), Err(Error::Empty)));
}

#[test]
fn a_struct_is_a_map_with_the_names_of_its_fields() {
    let q = Queue::small();
    let (sender, c) = (Sender::from(q.producer()), q.consumer());
    #[derive(Serialize)]
    struct Point {
        x: u8,
        y: i8,
    }
    sender.send(&Point { x: 1, y: -1 }).unwrap();
    assert_eq!(c.receive().unwrap(), [0x82, 0xa1, b'x', 1, 0xa1, b'y', 0xff]);
}

#[test]
fn a_record_is_one_value_with_nothing_behind_it() {
    let q = Queue::small();
    let (p, receiver) = (q.producer(), Receiver::<u32>::from(q.consumer()));
    // Also what would be the beginning of a value, or none.
    for behind in [0x00, 0x91, 0x81, 0xa5, 0xc0, 0xc1, 0xc4, 0xca, 0xd4, 0xd9, 0xdc, 0xff] {
        p.send(&[7, behind]).unwrap();
        let e = receiver.receive().unwrap_err();
        assert!(e.to_string().contains("bytes follow the value"), "{behind:#x}: {e}");
        assert!(matches!(e, Error::Decode(e) if e.record() == [7, behind]));
    }
    p.send(&[7]).unwrap();
    assert_eq!(receiver.receive().unwrap(), 7);
}

#[test]
fn a_record_that_cannot_be_decoded_is_taken_and_kept_in_the_error() {
    let q = Queue::small();
    let p = q.producer();
    let receiver: Receiver<Student> = q.until_end().into();
    let bad: [&[u8]; 5] = [
        b"",
        &[0xc1],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0xa1, b'x', 1],
        &[0xc6, 0x7f, 0xff, 0xff, 0xff],
    ];
    for record in bad {
        p.send(record).unwrap();
    }
    Sender::from(p).send(&students()[7]).unwrap();
    let mut refused = Vec::new();
    let mut good = Vec::new();
    for value in receiver.values() {
        match value {
            Ok(v) => good.push(v),
            Err(Error::Decode(e)) => {
                assert_eq!(e.queue(), q.name);
                let e = Error::Decode(e);
                assert!(
                    e.to_string().contains(&q.name) && e.source().is_some() && !e.is_final(),
                    "{e}"
                );
                let Error::Decode(e) = e else { unreachable!() };
                refused.push(e.into_record());
            }
            Err(Error::Broken(_)) => break,
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!(refused, bad);
    assert_eq!(good, [students()[7].clone()]);
    assert_eq!(shmq::stat(&q.name).unwrap().depth, 0);
}

#[test]
fn a_delivery_is_the_programs_to_acknowledge() {
    let q = Queue::small();
    let sender = Sender::from(q.producer());
    let receiver: Receiver<u32> = q.consumer().into();
    for n in 0..3 {
        sender.send(&n).unwrap();
    }
    let first = receiver.deliver().unwrap();
    let second = receiver.try_deliver().unwrap();
    assert_eq!((*first, *second, first.lease().redelivered()), (0, 1, 0));
    drop(first);
    assert_eq!(second.ack().unwrap(), 1);
    let again = receiver.deliveries().next().unwrap().unwrap();
    assert_eq!((*again, again.lease().redelivered()), (0, 1));
    let (value, lease) = again.into_parts();
    lease.release().unwrap();
    assert_eq!(
        (value, receiver.receive().unwrap(), receiver.receive().unwrap()),
        (0, 0, 2)
    );
    assert!(matches!(receiver.try_receive(), Err(Error::Empty)));
}

#[test]
fn a_value_that_cannot_be_encoded_is_not_sent() {
    struct Rude;
    impl Serialize for Rude {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a reason"))
        }
    }
    let q = Queue::small();
    let sender = Sender::from(q.producer());
    let e = sender.send(&Rude).unwrap_err();
    assert!(
        matches!(e, Error::Encode(_)) && e.to_string().contains("a reason") && e.to_string().contains(&q.name),
        "{e}"
    );
    assert!(matches!(sender.send_batch(&[Rude]), Err(Error::Encode(_))));
    assert_eq!(shmq::stat(&q.name).unwrap().tail, 0);
}

#[test]
fn a_decoder_that_panics_loses_no_record() {
    #[derive(Debug)]
    struct Rude;
    impl<'de> Deserialize<'de> for Rude {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Rude, D::Error> {
            panic!("rude")
        }
    }
    let q = Queue::small();
    Sender::from(q.producer()).send(&5u8).unwrap();
    let rude: Receiver<Rude> = q.consumer().into();
    for _ in 0..3 {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rude.receive())).is_err());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rude.deliver().map(|_| ()))).is_err());
    }
    let kind: Receiver<u8> = rude.into_consumer().into();
    let value = kind.deliver().unwrap();
    assert_eq!((*value, value.lease().redelivered()), (5, 6));
    value.ack().unwrap();
}

/// The commands of the project, which are in Go, at the other end.
mod go {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn command(name: &str) -> Command {
        let dir = std::env::var("SHMQ_GO_BIN").expect("SHMQ_GO_BIN has the commands in Go: see clients/rust/test");
        Command::new(format!("{dir}/{name}"))
    }

    #[test]
    #[ignore = "needs the commands in Go: bash clients/rust/test"]
    fn values_go_to_go_and_come_from_there() {
        let q = Queue::small();
        let receiver: Receiver<Student> = OpenOptions::new().until_finish().consumer(&q.name).unwrap().into();
        let json =
            r#"{"id":7,"name":"Ada","grades":{"maths":1.5},"photo":"","kind":{"Regular":{"year":2}},"more":[1]}"#;
        let mut send = command("shmq-send")
            .args([&q.name, "--format", "json", "--close"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(send.stdin.take().unwrap(), "{}", json.replace(r#""photo":"","#, "")).unwrap();
        assert!(send.wait().unwrap().success());
        let e = receiver.values().next().unwrap().unwrap_err();
        assert!(e.to_string().contains("photo"), "what lacks a field is refused: {e}");
        drop(receiver);

        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Plain {
            id: i64,
            name: String,
            grades: BTreeMap<String, f64>,
            kind: Kind,
        }
        let q = Queue::small();
        let mut send = command("shmq-send")
            .args([&q.name, "--format", "json", "--close"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let receiver: Receiver<Plain> = OpenOptions::new().until_finish().consumer(&q.name).unwrap().into();
        let mut input = send.stdin.take().unwrap();
        for _ in 0..100 {
            writeln!(input, "{json}").unwrap();
        }
        drop(input);
        let got: Vec<Plain> = receiver.values().map(Result::unwrap).collect();
        assert!(send.wait().unwrap().success());
        assert_eq!(got.len(), 100);
        assert_eq!((got[99].id, &*got[99].name, got[99].grades["maths"]), (7, "Ada", 1.5));
        assert_eq!(got[99].kind, Kind::Regular { year: 2 });

        let receive = command("shmq-recv")
            .args([&q.name, "--format", "json", "--until-eof"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        common::until(|| shmq::stat(&q.name).unwrap().consumers == 2);
        drop(receiver);
        let sender: Sender<Plain> = Sender::from(q.producer());
        for p in &got {
            sender.send(p).unwrap();
        }
        sender.finish().unwrap();
        let out = receive.wait_with_output().unwrap();
        assert!(out.status.success());
        let text = String::from_utf8(out.stdout).unwrap();
        assert_eq!(text.lines().count(), 100);
        let want = r#"{"id":7,"name":"Ada","grades":{"maths":1.5},"kind":{"Regular":{"year":2}}}"#;
        assert!(text.lines().all(|l| l == want), "{}", text.lines().next().unwrap());
    }
}
