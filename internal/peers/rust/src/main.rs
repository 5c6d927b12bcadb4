//! Queues in Rust, as the runner in Go measures them:
//! peers LINK sender|receiver|both DIR new|old

mod harness;
mod iox;
mod threads;

use harness::{serve, Place};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 5 {
        let place = Place { dir: args[3].clone(), receiver: args[2] == "receiver" };
        match (args[1].as_str(), args[2].as_str()) {
            ("crossbeam-arrayqueue", "both") => serve::<threads::Crossbeam>(place),
            ("rtrb", "both") => serve::<threads::Rtrb>(place),
            ("iceoryx2/publish-subscribe", "sender" | "receiver") => serve::<iox::PubSub>(place),
            ("iceoryx2/its-benchmark", "sender" | "receiver") => serve::<iox::Benchmark>(place),
            ("iceoryx2/request-response", "sender" | "receiver") => serve::<iox::Requests>(place),
            _ => {}
        }
    }
    eprintln!("usage: peers LINK sender|receiver|both DIR new|old");
    std::process::exit(2);
}
