//! What the compiler refuses, beside what the documentation of the types shows. None of this is part of the crate.
//!
//! A guard stays in the thread of its handle:
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::Lease<'static>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::LeaseBatch<'static>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::LeaseIter<'static>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::Reservation<'static>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::Delivery<'static, u32>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::Select<'static>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_send<T: Send>() {}
//! is_send::<shmq::Leases<'static>>();
//! ```
//!
//! and no handle is for two threads at a time:
//!
//! ```compile_fail,E0277
//! fn is_sync<T: Sync>() {}
//! is_sync::<shmq::Sender<u32>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_sync<T: Sync>() {}
//! is_sync::<shmq::Receiver<u32>>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_sync<T: Sync>() {}
//! is_sync::<shmq::AsyncConsumer>();
//! ```
//!
//! ```compile_fail,E0277
//! fn is_sync<T: Sync>() {}
//! is_sync::<shmq::Reservation<'static>>();
//! ```
//!
//! The bytes of a batch do not outlive it, nor it its consumer:
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
//!     let batch = consumer.lease_batch(10)?;
//!     let first = batch.get(0);
//!     batch.ack()?;
//!     println!("{first:?}");
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
//!     let batch = consumer.lease_batch(10)?;
//!     for bytes in batch.iter() {
//!         batch.ack()?;
//!         println!("{bytes:?}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
//!     let leases = consumer.lease_batch(10)?.into_iter();
//!     consumer.close()?;
//!     leases.for_each(drop);
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
//!     let first = consumer.leases().next();
//!     let second = shmq::Receiver::<u32>::from(consumer);
//!     drop((first, second));
//!     Ok(())
//! }
//! ```
//!
//! A lease can't be settled twice, nor a delivery:
//!
//! ```compile_fail,E0382
//! fn f(lease: shmq::Lease<'_>) -> Result<(), shmq::Error> {
//!     lease.ack()?;
//!     lease.release()
//! }
//! ```
//!
//! ```compile_fail,E0382
//! fn f(delivery: shmq::Delivery<'_, u32>) -> Result<(), shmq::Error> {
//!     delivery.release()?;
//!     println!("{}", *delivery);
//!     Ok(())
//! }
//! ```
//!
//! A lease of an asynchronous consumer keeps it as any lease does, also from its own thread of sleep:
//!
//! ```compile_fail,E0499
//! async fn f(mut consumer: shmq::AsyncConsumer) -> Result<(), shmq::Error> {
//!     let lease = consumer.lease().await?;
//!     consumer.receive().await?;
//!     lease.ack()
//! }
//! ```
//!
//! ```compile_fail,E0505
//! async fn f(mut consumer: shmq::AsyncConsumer) -> Result<(), shmq::Error> {
//!     let lease = consumer.lease().await?;
//!     drop(consumer.into_inner());
//!     lease.ack()
//! }
//! ```
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::AsyncConsumer) -> Result<(), shmq::Error> {
//!     let lease = consumer.get_ref().lease()?;
//!     drop(consumer);
//!     lease.ack()
//! }
//! ```
//!
//! Queues that are waited for stay open, and a producer among them has no reservation:
//!
//! ```compile_fail,E0505
//! fn f(consumer: shmq::Consumer) -> Result<(), shmq::Error> {
//!     let mut select = shmq::Select::new();
//!     select.consumer(&consumer);
//!     drop(consumer);
//!     select.wait().map(drop)
//! }
//! ```
//!
//! ```compile_fail,E0502
//! fn f(mut producer: shmq::Producer) -> Result<(), shmq::Error> {
//!     let mut select = shmq::Select::new();
//!     select.producer(&producer, 1);
//!     drop(producer.reserve(1)?);
//!     select.wait().map(drop)
//! }
//! ```
//!
//! The room of a sender that is shared with its values can't be reserved: [`Sender`](crate::Sender) lends its producer
//! for calls that need it alone no more than for others.
//!
//! ```compile_fail,E0596
//! fn f(sender: shmq::Sender<u32>) -> Result<(), shmq::Error> {
//!     sender.producer().reserve(1)?.commit()
//! }
//! ```
