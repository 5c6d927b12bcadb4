//! Queues over shared memory.
//!
//! A queue is a ring of records in a file that processes map. Producers send records, consumers
//! receive them, each record is delivered to one consumer, and again if that one dies before it has
//! acknowledged it. No process that is killed, at whatever instruction, leaves the queue unusable:
//! the others find out and take back what it held. Programs in Go, C and other languages work on the same
//! queues.
//!
//! ```
//! # let name = format!("/dev/shm/shmq-doc-lib-{}", std::process::id());
//! use shmq::{Consumer, Producer};
//!
//! let producer = Producer::open(&name)?; // makes the queue if there is none
//! producer.send(b"hello")?;
//!
//! let consumer = Consumer::open(&name)?;
//! let lease = consumer.lease()?; // the record, where it lies
//! assert_eq!(&*lease, b"hello");
//! lease.ack()?; // done with it; a lease that is dropped is delivered again
//! # shmq::remove_force(&name)?;
//! # Ok::<(), shmq::Error>(())
//! ```
//!
//! # What is where
//!
//! | for | there is |
//! |---|---|
//! | bytes | [`Producer`], [`Consumer`] |
//! | records in place | [`Lease`], [`LeaseBatch`], [`Reservation`] |
//! | values of serde (feature `msgpack`, on by default) | [`Sender`], [`Receiver`] |
//! | how to open a queue, and what a new one is like | [`OpenOptions`], [`Shape`] |
//! | waiting for several queues | [`Select`] |
//! | ending waits from another thread | [`Cancel`] |
//! | futures and streams (feature `async`) | `AsyncConsumer`, `AsyncProducer` |
//! | looking at queues and removing them | [`stat`], [`participants`], [`remove`] |
//!
//! Each call that sends or receives has three forms: `send` waits for ever, `try_send` does not wait, and
//! `send_timeout` waits as long as it is told.
//!
//! # Threads
//!
//! A [`Producer`] or [`Consumer`] can be sent to another thread and can't be shared by two: it is
//! `Send` and not `Sync`. A thread that wants to take part opens a handle of its own, which takes a
//! seat of its own. Guards ([`Lease`], [`Reservation`]) stay in the thread of their handle.
//!
//! # Fork
//!
//! A child that is forked has none of its parent's handles: each call returns [`Error::Forked`], and dropping them does
//! nothing. The memory of guards is not there, and the kernel ends a child that looks at the bytes of a parent's
//! [`Lease`] or [`Reservation`]: a program that calls `fork`, which is unsafe, answers for that. The child opens handles
//! of its own.
//!
//! # The memory is shared
//!
//! The bytes of a [`Lease`] and a [`Reservation`] are in memory that each process that may write the
//! queue's file can write to. The protocol never changes a record that is leased, so Rust's
//! promise for `&[u8]` holds as far as the other processes keep to it. A program that does not trust
//! them uses [`Consumer::receive`] and its kin, or [`Lease::copy_to`], which copy the record out before Rust sees it:
//! so does [`Receiver`]. Where a process may write that does not keep to the protocol, a check of the bytes of a lease,
//! as [`std::str::from_utf8`] is one, says nothing of what they are later.
//! Lengths and positions are not trusted in any case: whatever the others write, no access leaves the
//! mapping.
//!
//! # Names
//!
//! `jobs` is the file `shmq.jobs` in the directory that `SHMQ_DIR` names, or `/dev/shm`; a name with a
//! slash is the path of a file; `fd:3` is the queue in the file of descriptor 3; `sysv:0x1234` is the
//! System V segment of that key.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod batch;
mod cancel;
mod consumer;
mod error;
mod ffi;
mod handle;
mod lease;
#[cfg(miri)]
mod model;
mod options;
mod producer;
mod queue;
mod record;
#[cfg(doctest)]
mod refused;
mod reservation;
mod select;
mod shape;

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "async")]
mod sleeper;

#[cfg(feature = "msgpack")]
mod msgpack;

pub use batch::Batch;
pub use cancel::Cancel;
pub use consumer::{Consumer, Leases, Records};
pub use error::{CodecError, Error, Report, Result};
pub use lease::{Lease, LeaseBatch, LeaseIter};
pub use options::{OpenOptions, Wait};
pub use producer::Producer;
pub use queue::{
    create, create_anonymous, library_version, participants, path, recover, remove, remove_force, stat, Info,
    Participant,
};
pub use record::{Counters, RecordId};
pub use reservation::Reservation;
pub use select::Select;
pub use shape::{Multiplicity, Shape};

#[cfg(feature = "async")]
pub use asynchronous::{AsyncConsumer, AsyncProducer, LeaseFuture, ReceiveFuture, SendFuture};

#[cfg(feature = "msgpack")]
pub use msgpack::{Deliveries, Delivery, Receiver, Sender, Values};
