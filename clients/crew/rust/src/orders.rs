//! What the parent tells a worker by lines: "leave" and "drain".

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use shmq::Cancel;

#[derive(Clone, Default)]
pub struct Orders {
    /// Cancelled when an order has come.
    pub cancel: Cancel,
    drain: Arc<AtomicBool>,
}

impl Orders {
    /// Begins to listen. The end of the input ends the process.
    pub fn listen() -> Orders {
        let orders = Orders::default();
        let told = orders.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                told.drain.store(line == "drain", Ordering::SeqCst);
                told.cancel.cancel();
            }
            // SAFETY: it ends the process, while main leaves, perhaps.
            unsafe { libc::_exit(0) }
        });
        orders
    }

    /// Whether to go on until nothing comes.
    pub fn draining(&self) -> bool {
        self.drain.load(Ordering::SeqCst)
    }
}
