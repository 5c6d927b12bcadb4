//! Queues of values: serde and msgpack.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::IoSlice;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;
use std::{fmt, mem};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::handle::nanos;
use crate::{ffi, CodecError, Consumer, Error, Lease, Producer, Result};

/// A producer of values. A struct is encoded as a map with the names of its fields, which is what
/// programs in other languages expect; `#[serde(rename)]` and its kin apply. Bytes (bin) are
/// those of `serde_bytes`; a `Vec<u8>` alone is an array of numbers.
///
/// ```
/// # let name = format!("/dev/shm/shmq-doc-sender-{}", std::process::id());
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// struct Student {
///     name: String,
///     grade: u32,
/// }
///
/// let sender = shmq::Sender::open(&name)?;
/// let receiver = shmq::Receiver::<Student>::from(shmq::OpenOptions::new().until_end().consumer(&name)?);
/// sender.send(&Student { name: "Ada".into(), grade: 1 })?;
/// sender.finish()?; // the stream is complete
///
/// for student in receiver.values() {
///     assert_eq!(student?, Student { name: "Ada".into(), grade: 1 });
/// }
/// # shmq::remove_force(&name)?;
/// # Ok::<(), shmq::Error>(())
/// ```
pub struct Sender<T> {
    producer: Producer,
    buf: Cell<Vec<u8>>,
    _values: PhantomData<fn(&T)>,
}

impl<T> From<Producer> for Sender<T> {
    fn from(producer: Producer) -> Sender<T> {
        Sender {
            producer,
            buf: Cell::default(),
            _values: PhantomData,
        }
    }
}

impl<T: Serialize> Sender<T> {
    /// Attaches to the queue of that name, as [`Producer::open`].
    ///
    /// # Errors
    /// As of [`Producer::open`].
    pub fn open(name: impl AsRef<OsStr>) -> Result<Sender<T>> {
        Producer::open(name).map(Sender::from)
    }

    /// The producer of bytes beneath.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The producer of bytes beneath, for good.
    pub fn into_producer(self) -> Producer {
        self.producer
    }

    /// Sends a value, and waits for room.
    ///
    /// # Errors
    /// `Encode`, and those of [`Producer::send`].
    pub fn send(&self, value: &T) -> Result<()> {
        self.send_within(value, ffi::SHMQ_FOREVER)
    }

    /// [`send`](Sender::send) without waiting.
    ///
    /// # Errors
    /// `Full`, and those of `send`.
    pub fn try_send(&self, value: &T) -> Result<()> {
        self.send_within(value, 0)
    }

    /// [`send`](Sender::send) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `send`.
    pub fn send_timeout(&self, value: &T, timeout: Duration) -> Result<()> {
        self.send_within(value, nanos(timeout))
    }

    fn send_within(&self, value: &T, timeout: i64) -> Result<()> {
        let mut buf = self.buf.take(); // and not a borrow: value may use this sender
        buf.clear();
        let sent = self
            .encode(value, &mut buf)
            .and_then(|()| self.producer.send_within(&buf, timeout));
        self.buf.set(buf);
        sent
    }

    /// Sends values in order, waits until all are sent, and returns how many were, as
    /// [`Producer::send_batch`].
    ///
    /// # Errors
    /// `Encode`, and nothing was sent; those of [`Producer::send`], if none was sent.
    pub fn send_batch(&self, values: &[T]) -> Result<usize> {
        self.send_batch_within(values, ffi::SHMQ_FOREVER)
    }

    /// [`send_batch`](Sender::send_batch) without waiting: as many as there is room for.
    ///
    /// # Errors
    /// `Full`, if none was sent, and those of `send_batch`.
    pub fn try_send_batch(&self, values: &[T]) -> Result<usize> {
        self.send_batch_within(values, 0)
    }

    /// [`send_batch`](Sender::send_batch) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, if none was sent, and those of `send_batch`.
    pub fn send_batch_timeout(&self, values: &[T], timeout: Duration) -> Result<usize> {
        self.send_batch_within(values, nanos(timeout))
    }

    fn send_batch_within(&self, values: &[T], timeout: i64) -> Result<usize> {
        let mut buf = Vec::new();
        let mut ends = Vec::with_capacity(values.len());
        for value in values {
            self.encode(value, &mut buf)?;
            ends.push(buf.len());
        }
        let starts = [0].into_iter().chain(ends.iter().copied());
        let records: Vec<IoSlice<'_>> = starts
            .zip(&ends)
            .map(|(from, &to)| IoSlice::new(&buf[from..to]))
            .collect();
        self.producer.send_batch_within(&records, timeout)
    }

    fn encode(&self, value: &T, buf: &mut Vec<u8>) -> Result<()> {
        let mut serializer = rmp_serde::Serializer::new(buf).with_struct_map();
        value.serialize(&mut serializer).map_err(|e| {
            let queue = self.producer.name().to_string_lossy().into_owned();
            Error::Encode(Box::new(CodecError {
                queue,
                record: None,
                source: Box::new(e),
            }))
        })
    }

    /// Marks the stream as complete, and leaves: see [`Producer::finish`].
    ///
    /// # Errors
    /// As of [`Producer::finish`].
    pub fn finish(self) -> Result<()> {
        self.producer.finish()
    }
}

/// A consumer of values.
///
/// A record that can't be decoded is acknowledged and is an [`Error::Decode`], which keeps its
/// bytes; the next call goes on with the next record. A record is copied before it is decoded, so the
/// decoder reads what no other process can change.
pub struct Receiver<T> {
    consumer: Consumer,
    buf: Cell<Vec<u8>>,
    _values: PhantomData<fn() -> T>,
}

impl<T> From<Consumer> for Receiver<T> {
    fn from(consumer: Consumer) -> Receiver<T> {
        Receiver {
            consumer,
            buf: Cell::default(),
            _values: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Attaches to the queue of that name, as [`Consumer::open`].
    ///
    /// # Errors
    /// As of [`Consumer::open`].
    pub fn open(name: impl AsRef<OsStr>) -> Result<Receiver<T>> {
        Consumer::open(name).map(Receiver::from)
    }

    /// The consumer of bytes beneath.
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// The consumer of bytes beneath, for good.
    pub fn into_consumer(self) -> Consumer {
        self.consumer
    }

    /// Receives a value, acknowledges its record once it is decoded, and waits for one.
    ///
    /// # Errors
    /// `Decode`, and those of [`Consumer::receive`].
    pub fn receive(&self) -> Result<T> {
        self.receive_within(ffi::SHMQ_FOREVER)
    }

    /// [`receive`](Receiver::receive) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_receive(&self) -> Result<T> {
        self.receive_within(0)
    }

    /// [`receive`](Receiver::receive) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn receive_timeout(&self, timeout: Duration) -> Result<T> {
        self.receive_within(nanos(timeout))
    }

    fn receive_within(&self, timeout: i64) -> Result<T> {
        let lease = self.consumer.lease_within(timeout)?;
        let value = self.decode(&lease);
        lease.ack()?; // the bytes of a file that was cut are zeros, which this tells
        value
    }

    /// Receives a value and leaves it to the program when its record is acknowledged.
    ///
    /// ```
    /// # let name = format!("/dev/shm/shmq-doc-deliver-{}", std::process::id());
    /// # shmq::Sender::open(&name)?.send(&17)?;
    /// let jobs = shmq::Receiver::<u32>::open(&name)?;
    /// let job = jobs.deliver()?;
    /// println!("job {}, delivered {} times before", *job, job.lease().redelivered());
    /// job.ack()?; // a job that is dropped is delivered again
    /// # shmq::remove_force(&name)?;
    /// # Ok::<(), shmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`receive`](Receiver::receive).
    pub fn deliver(&self) -> Result<Delivery<'_, T>> {
        self.deliver_within(ffi::SHMQ_FOREVER)
    }

    /// [`deliver`](Receiver::deliver) without waiting.
    ///
    /// # Errors
    /// `Empty`, and those of `receive`.
    pub fn try_deliver(&self) -> Result<Delivery<'_, T>> {
        self.deliver_within(0)
    }

    /// [`deliver`](Receiver::deliver) with a limit to the wait.
    ///
    /// # Errors
    /// `Timeout`, and those of `receive`.
    pub fn deliver_timeout(&self, timeout: Duration) -> Result<Delivery<'_, T>> {
        self.deliver_within(nanos(timeout))
    }

    fn deliver_within(&self, timeout: i64) -> Result<Delivery<'_, T>> {
        let lease = self.consumer.lease_within(timeout)?;
        match self.decode(&lease) {
            Ok(value) => Ok(Delivery { value, lease }),
            Err(e) => {
                lease.ack()?;
                Err(e)
            }
        }
    }

    /// Iterates over values, each acknowledged when it is handed out: it waits for each, and ends with
    /// the stream or behind an error, but for [`Error::Decode`], which is about one record.
    pub fn values(&self) -> Values<'_, T> {
        Values {
            receiver: self,
            over: false,
        }
    }

    /// Iterates over values that the program acknowledges; as [`values`](Receiver::values).
    pub fn deliveries(&self) -> Deliveries<'_, T> {
        Deliveries {
            receiver: self,
            over: false,
        }
    }

    fn decode(&self, lease: &Lease<'_>) -> Result<T> {
        let mut buf = self.buf.take(); // and not a borrow: a value may use this receiver
        lease.copy_to(&mut buf)?;
        let value = decode(&buf).map_err(|source| {
            let queue = self.consumer.name().to_string_lossy().into_owned();
            Error::Decode(Box::new(CodecError {
                queue,
                record: Some(mem::take(&mut buf)),
                source,
            }))
        });
        self.buf.set(buf);
        value
    }
}

/// A record is one value, with nothing behind it.
fn decode<T: DeserializeOwned>(record: &[u8]) -> std::result::Result<T, Box<dyn std::error::Error + Send + Sync>> {
    use rmp_serde::decode::{Deserializer, Error};
    let mut deserializer = Deserializer::from_read_ref(record);
    let value = T::deserialize(&mut deserializer)?;
    match <()>::deserialize(&mut deserializer) {
        Err(Error::InvalidMarkerRead(_)) => Ok(value), // nothing is left, not even the first byte of a value
        _ => Err("bytes follow the value: a record is one value of msgpack".into()),
    }
}

/// A value whose record is not acknowledged yet. If it is dropped the record is delivered again.
#[must_use = "a delivery that is dropped is given back: its record is delivered again"]
pub struct Delivery<'c, T> {
    value: T,
    lease: Lease<'c>,
}

impl<'c, T> Delivery<'c, T> {
    /// Acknowledges the record: it is done with. Returns the value.
    ///
    /// # Errors
    /// As of [`Lease::ack`].
    pub fn ack(self) -> Result<T> {
        self.lease.ack()?;
        Ok(self.value)
    }

    /// Gives the record back, as dropping does: it is delivered again, flagged.
    ///
    /// # Errors
    /// As of [`Lease::release`].
    pub fn release(self) -> Result<()> {
        self.lease.release()
    }

    /// What is known of the record.
    pub fn lease(&self) -> &Lease<'c> {
        &self.lease
    }

    /// The value and the lease, apart.
    pub fn into_parts(self) -> (T, Lease<'c>) {
        (self.value, self.lease)
    }
}

impl<T> Deref for Delivery<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Delivery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("value", &self.value)
            .field("lease", &self.lease)
            .finish()
    }
}

/// Values, one after the other: see [`Receiver::values`].
pub struct Values<'c, T> {
    receiver: &'c Receiver<T>,
    over: bool,
}

impl<T: DeserializeOwned> Iterator for Values<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        crate::consumer::step(&mut self.over, || self.receiver.receive())
    }
}

/// Values to be acknowledged, one after the other: see [`Receiver::deliveries`].
pub struct Deliveries<'c, T> {
    receiver: &'c Receiver<T>,
    over: bool,
}

impl<'c, T: DeserializeOwned> Iterator for Deliveries<'c, T> {
    type Item = Result<Delivery<'c, T>>;

    fn next(&mut self) -> Option<Self::Item> {
        crate::consumer::step(&mut self.over, || self.receiver.deliver())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.producer).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.consumer).finish()
    }
}
