//! A worker: it takes orders one by one, packs each, and acknowledges it when it is packed. An order
//! whose worker is killed goes to another worker; one that fails four times goes to another queue.
//!
//!     cargo run --example worker

use serde::{Deserialize, Serialize};
use shmq::{Cancel, Error, OpenOptions, Receiver, Sender};

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    customer: String,
    amount: u32,
}

const ATTEMPTS: u32 = 4;

fn main() -> Result<(), Error> {
    let stop = Cancel::new();
    let at_line = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        at_line.cancel(); // ends the wait; a line, or the end of the input, is this worker's signal
    });

    let orders: Receiver<Order> = OpenOptions::new().cancel(&stop).consumer("orders")?.into();
    let failed: Sender<Order> = Sender::open("orders-failed")?;
    for order in orders.deliveries() {
        let order = match order {
            Ok(order) => order,
            Err(Error::Cancelled(_)) => break,
            Err(e @ Error::Decode(_)) => {
                eprintln!("no order: {e}"); // it has the record, too
                continue;
            }
            Err(e) => return Err(e),
        };
        match pack(&order) {
            Ok(()) => {
                order.ack()?;
            }
            Err(why) if order.lease().redelivered() + 1 >= ATTEMPTS => {
                eprintln!("{order:?}: {why}");
                failed.send(&order)?; // first there, then gone from here
                order.ack()?;
            }
            Err(_) => order.release()?, // delivered again
        }
    }
    Ok(())
}

fn pack(order: &Order) -> Result<(), String> {
    if order.amount == 0 {
        return Err("nothing to pack".into());
    }
    println!("{} for {}", order.amount, order.customer);
    Ok(())
}
