//! What the crate's own unsafe code does: run by miri over the model, and otherwise over the library.

use std::io::IoSlice;

use shmq::{Batch, Error, OpenOptions, Select};

/// A name of its own.
fn name(test: &str) -> String {
    let dir = std::env::var("SHMQ_DIR").unwrap_or_else(|_| "/dev/shm".into());
    format!("{dir}/shmq-rust-memory-{}-{test}", std::process::id())
}

#[test]
fn records_and_buffers() {
    let q = name("records");
    let p = OpenOptions::new().producer(&q).unwrap();
    let c = OpenOptions::new().consumer(&q).unwrap();
    let mut buf = Vec::new();
    for n in [0, 1, 47, 48, 300, 5] {
        p.send(&vec![n as u8; n]).unwrap();
        c.receive_into(&mut buf).unwrap();
        assert_eq!(buf, vec![n as u8; n]);
    }
    p.send(b"0123456789").unwrap();
    assert!(matches!(c.receive_to_slice(&mut [0; 4]), Err(Error::Small(_))));
    assert_eq!(c.receive().unwrap(), b"0123456789");
    let e = c.receive_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    assert!(matches!(e, Error::Timeout(_)) && !e.to_string().is_empty());
    drop((p, c));
    shmq::remove_force(&q).unwrap();
    assert!(matches!(shmq::remove(&q), Err(Error::Absent(_))));
}

#[test]
fn batches() {
    let q = name("batches");
    let p = OpenOptions::new().producer(&q).unwrap();
    let c = OpenOptions::new().until_end().consumer(&q).unwrap();
    let texts = ["", "a", "bc", "a longer one that does not fit"];
    let slices: Vec<IoSlice<'_>> = texts.iter().map(|t| IoSlice::new(t.as_bytes())).collect();
    assert_eq!(p.send_batch(&slices).unwrap(), 4);
    let mut batch = Batch::new(3, 4);
    let mut got = Vec::new();
    while got.len() < 4 {
        c.receive_batch(&mut batch).unwrap();
        got.extend(batch.iter().map(<[u8]>::to_vec));
    }
    assert_eq!(got, texts.map(|t| t.as_bytes().to_vec()));

    for round in 0..3 {
        assert_eq!(p.send_batch(&slices).unwrap(), 4);
        let mut n = 0;
        while n < 4 {
            let batch = c.lease_batch(4).unwrap();
            let taken = batch.len();
            assert!(batch.iter().zip(&texts[n..]).all(|(r, t)| r == t.as_bytes()));
            match round {
                0 => batch.ack().unwrap(),
                1 => batch.into_iter().for_each(|l| l.ack().unwrap()),
                _ => {
                    let mut leases = batch.into_iter();
                    leases.next().unwrap().ack().unwrap();
                    drop(leases); // the others come again
                    for _ in 1..taken {
                        let l = c.lease().unwrap();
                        assert_eq!(l.redelivered(), 1);
                        l.ack().unwrap();
                    }
                }
            }
            n += taken;
        }
        assert!(matches!(c.try_lease_batch(4), Err(Error::Empty)));
    }
    p.finish().unwrap();
    assert!(c.leases().next().is_none());
    drop(c);
    shmq::remove_force(&q).unwrap();
}

#[test]
fn guards() {
    let q = name("guards");
    let mut p = OpenOptions::new().producer(&q).unwrap();
    let c = OpenOptions::new().consumer(&q).unwrap();
    for n in 0..8 {
        let mut room = p.reserve(10 * n).unwrap();
        room.fill(n as u8);
        match n % 3 {
            0 => room.commit().unwrap(),
            1 => room.commit_first(n).unwrap(),
            _ => drop(room),
        }
        if n % 3 == 2 {
            assert!(matches!(c.try_lease(), Err(Error::Empty)));
            continue;
        }
        let first = c.lease().unwrap();
        let mut bytes = vec![9; n];
        first.copy_to(&mut bytes).unwrap();
        assert_eq!(bytes, *first);
        drop(first);
        let again = c.lease().unwrap();
        assert_eq!((&*again, again.redelivered()), (&bytes[..], 1));
        again.ack().unwrap();
    }
    assert!(matches!(
        p.reserve(3).unwrap().commit_first(4),
        Err(Error::NotReserved(_))
    ));
    p.send(b"held at the end").unwrap();
    std::mem::forget(c.lease().unwrap());
    std::mem::forget(p.reserve(10).unwrap());
    assert!(matches!(p.send(b"x"), Err(Error::Reserved(_))));
    c.close().unwrap(); // and nothing is held
    p.close().unwrap();
    shmq::remove_force(&q).unwrap();
}

#[test]
fn several_queues_and_threads() {
    let (a, b) = (name("a"), name("b"));
    let (ca, cb) = (
        OpenOptions::new().consumer(&a).unwrap(),
        OpenOptions::new().consumer(&b).unwrap(),
    );
    let p = OpenOptions::new().producer(&b).unwrap();
    let thread = std::thread::spawn(move || {
        p.send(b"from a thread").unwrap();
        p
    });
    let mut select = Select::new();
    select.consumer(&ca);
    select.consumer(&cb);
    assert_eq!(select.wait().unwrap(), 1);
    assert_eq!(cb.receive().unwrap(), b"from a thread");
    drop(thread.join().unwrap());
    drop((ca, cb));
    shmq::remove_force(&a).unwrap();
    shmq::remove_force(&b).unwrap();
}

#[cfg(feature = "msgpack")]
#[test]
fn values() {
    let q = name("values");
    let sender = shmq::Sender::<(u32, String)>::open(&q).unwrap();
    let receiver = shmq::Receiver::<(u32, String)>::open(&q).unwrap();
    sender.send(&(1, "one".into())).unwrap();
    sender.send_batch(&[(2, "two".into()), (3, String::new())]).unwrap();
    assert_eq!(receiver.receive().unwrap().1, "one");
    drop(receiver.deliver().unwrap());
    let again = receiver.deliver().unwrap();
    assert_eq!((again.0, again.lease().redelivered()), (2, 1));
    again.ack().unwrap();
    sender.producer().send(&[0xc1]).unwrap();
    assert_eq!(receiver.receive().unwrap().0, 3);
    assert!(matches!(receiver.receive(), Err(Error::Decode(_))));
    drop((sender, receiver));
    shmq::remove_force(&q).unwrap();
}

#[cfg(feature = "async")]
#[test]
fn futures_and_the_thread_that_sleeps_for_them() {
    use futures::executor::block_on;
    use futures::future::{join, FutureExt};
    use futures::stream::StreamExt;
    use shmq::AsyncConsumer;
    let q = name("futures");
    let mut c = AsyncConsumer::from(OpenOptions::new().consumer(&q).unwrap());
    let mut p = shmq::AsyncProducer::from(OpenOptions::new().producer(&q).unwrap());
    assert!(c.receive().now_or_never().is_none());
    let thread = std::thread::spawn(move || {
        block_on(async {
            for n in 0..40u8 {
                p.send(&[n]).await.unwrap(); // more than there is room for
            }
        });
    });
    block_on(async {
        for n in 0..40 {
            let lease = c.lease().await.unwrap();
            assert_eq!(*lease, [n]);
            lease.ack().unwrap();
        }
    });
    thread.join().unwrap();
    assert!(c.lease().now_or_never().is_none());
    drop(c);
    shmq::remove_force(&q).unwrap();

    // The thread goes on with another one, and looks no more at words that are gone.
    for end in [drop, |c: AsyncConsumer| drop(c.into_inner())] {
        let mut gone = AsyncConsumer::from(OpenOptions::new().consumer(&q).unwrap());
        assert!(gone.next().now_or_never().is_none()); // as a stream it is slept for until it ends
        end(gone);
        shmq::remove_force(&q).unwrap();
        let p = OpenOptions::new().producer(&q).unwrap();
        let mut c = AsyncConsumer::from(OpenOptions::new().consumer(&q).unwrap());
        let sent = async { p.send(b"wakes the other one up").unwrap() };
        let (got, ()) = block_on(join(c.receive(), sent));
        assert_eq!(got.unwrap(), b"wakes the other one up");
        shmq::remove_force(&q).unwrap();
    }
}
