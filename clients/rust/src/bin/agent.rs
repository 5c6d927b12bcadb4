//! Test support: a process that takes part in a queue and does what a test tells it, step by step. Each
//! line is a command and gets one line in reply, `ok` with a result, `err` with the name of an error
//! and its text, or `no` with a word and a reason where this client does not do that. The agents of the other languages speak the same lines.
//!
//! A lease borrows its consumer, and a reservation its producer, so a state of the agent is a function:
//! it obeys until the borrow is over.

use std::fmt::Write as _;
use std::io::{self, BufRead, Write as _};
use std::process::exit;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[path = "agent/stream.rs"]
mod stream;

use shmq::{Consumer, Error, Lease, OpenOptions, Producer, Reservation, Wait};

type Lines = mpsc::Receiver<String>;

fn main() {
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                break;
            }
        }
        exit(0); // with the input, also in the middle of a wait
    });
    say("ready");
    outside(&lines);
}

fn say(line: &str) {
    let mut out = io::stdout();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit(0); // the parent is gone
    }
}

fn answer<T: AsRef<str>>(result: Result<T, String>) {
    match result {
        Ok(reply) => say(&format!("ok {}", reply.as_ref())),
        Err(error) if error.starts_with("no ") => say(&error),
        Err(error) => say(&format!("err {error}")),
    }
}

/// The next command: its first word, and the rest.
fn next(lines: &Lines) -> (String, String) {
    let line = lines.recv().unwrap_or_else(|_| exit(0));
    match line.split_once(' ') {
        Some((word, rest)) => (word.to_owned(), rest.to_owned()),
        None => (line, String::new()),
    }
}

/// A failure as the parent reads it: a word for the kind, then the text.
fn failure(e: &Error) -> String {
    let word = match e {
        Error::Layout(_) => return format!("no subscriptions {e}"),
        Error::Rebuild(_) => return format!("no rebuild {e}"),
        Error::End(_) => "eof",
        Error::Full => "full",
        Error::Empty => "empty",
        Error::RoleTaken(_) => "role",
        Error::NoSeat(_) => "seat",
        Error::Broken(_) => "broken",
        Error::TooLarge(_) => "large",
        Error::Removed(_) => "removed",
        Error::Truncated(_) => "truncated",
        _ => "other",
    };
    format!("{word} {e}").replace('\n', " ")
}

fn done(result: shmq::Result<()>) -> Result<String, String> {
    result.map(|()| String::new()).map_err(|e| failure(&e))
}

/// Takes a check for whether bytes that were read or written are the queue's. Those of a queue that
/// was removed are.
fn uncut(check: shmq::Result<()>) -> Result<String, String> {
    match check {
        Err(e @ Error::Truncated(_)) => Err(failure(&e)),
        _ => Ok(String::new()),
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|e| format!("other not a number: {text}: {e}"))
}

/// A payload is the text itself, or with a * the text repeated: x*100.
fn payload(text: &str) -> Result<Vec<u8>, String> {
    match text.split_once('*') {
        Some((text, times)) => Ok(text.repeat(number(times)?).into_bytes()),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn unknown(word: &str) -> Result<String, String> {
    match word {
        "subscribe" => return Err("no subscriptions this package subscribes without a name, to what comes".into()),
        "fork" => return Err("no fork std has none: its child processes execute a program".into()),
        _ => {}
    }
    Err(format!("other no such command: {word}"))
}

fn options() -> OpenOptions {
    OpenOptions::new().no_create().guard()
}

/// Takes part in nothing, or not any more.
fn outside(lines: &Lines) {
    let mut settled = 0; // leases of consumers that were closed, whose numbers go on
    loop {
        let (word, rest) = next(lines);
        let options = match word.as_str() {
            "consumer-until-eof" => options().until_end(),
            "consumer-strict" => options().until_finish(),
            _ => options(),
        };
        match word.as_str() {
            "producer" => match options.producer(&rest) {
                Ok(producer) => {
                    answer(Ok(""));
                    produce(producer, lines);
                }
                Err(e) => answer::<String>(Err(failure(&e))),
            },
            "consumer" | "consumer-until-eof" | "consumer-strict" => match options.consumer(&rest) {
                Ok(consumer) => {
                    answer(Ok(""));
                    settled = consume(&consumer, lines, settled);
                    answer(done(consumer.close()));
                }
                Err(e) => answer::<String>(Err(failure(&e))),
            },
            "echo" => answer(echo(&rest)),
            "close" => answer(Ok("")), // once more
            "send" | "try-send" | "pump" | "sink" | "reserve" | "lease" | "try-lease" | "finish" | "abandon" => {
                answer::<String>(Err(format!("closed shmq: {word}: the participant is closed")));
            }
            _ => answer(unknown(&word)),
        }
    }
}

/// Sends what comes from one queue to another one, until it can't: there is one more reply then.
fn echo(queues: &str) -> Result<String, String> {
    let (from, to) = queues.split_once(' ').ok_or("other echo needs two queues")?;
    let consumer = options().wait(Wait::Park).consumer(from).map_err(|e| failure(&e))?;
    let producer = options().producer(to).map_err(|e| failure(&e))?;
    answer(Ok(""));
    let mut record = Vec::new();
    loop {
        consumer.receive_into(&mut record).map_err(|e| failure(&e))?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(40) {} // the other end falls asleep
        producer.try_send(&record).map_err(|e| failure(&e))?;
    }
}

/// Is a producer, until it is closed.
fn produce(mut producer: Producer, lines: &Lines) {
    loop {
        let (word, rest) = next(lines);
        match word.as_str() {
            "send" => answer(payload(&rest).and_then(|p| done(producer.send(&p)))),
            "try-send" => answer(payload(&rest).and_then(|p| done(producer.try_send(&p)))),
            "pump" => answer(payload(&format!("x*{rest}")).and_then(|p| loop {
                if let Err(e) = producer.send(&p) {
                    break done(Err(e));
                }
            })),
            "reserve" => {
                let after = match number(&rest).and_then(|size| producer.reserve(size).map_err(|e| failure(&e))) {
                    Ok(reservation) => {
                        answer(Ok(""));
                        reserve(reservation, lines)
                    }
                    Err(e) => {
                        answer::<String>(Err(e));
                        After::GoOn
                    }
                };
                if let After::Close = after {
                    return answer(done(producer.close()));
                }
            }
            // A commit without a reservation can't be written; what is left to be told is the queue's state.
            "commit" => {
                answer::<String>(done(producer.check()).and_then(|_| Err("other there is no reservation".into())))
            }
            "send-stream" => match stream::send(&mut producer, &rest) {
                Ok(()) => return answer(done(producer.close())),
                Err(e) => answer::<String>(Err(e)),
            },
            "finish" => return answer(done(producer.finish())),
            "abandon" => return answer(done(producer.abandon())),
            "close" => return answer(done(producer.close())),
            _ => answer(unknown(&word)),
        }
    }
}

enum After {
    GoOn,
    Close,
}

/// Has a reservation open.
fn reserve(mut reservation: Reservation<'_>, lines: &Lines) -> After {
    loop {
        let (word, rest) = next(lines);
        match word.as_str() {
            "fill" => {
                let half = reservation.len() / 2;
                reservation[..half].fill(0xff);
                answer(uncut(reservation.intact()));
            }
            "commit" => {
                answer(number(&rest).and_then(|size| done(reservation.commit_first(size))));
                return After::GoOn;
            }
            "abort" => {
                reservation.abort();
                answer(Ok(""));
                return After::GoOn;
            }
            "close" => return After::Close, // which aborts
            // Sending can't be written while a reservation is open.
            "send" | "try-send" => answer::<String>(
                done(reservation.producer().check()).and_then(|_| Err("other shmq: a reservation is open".into())),
            ),
            _ => answer(unknown(&word)),
        }
    }
}

/// Is a consumer, until it is closed. Leases keep their numbers when others are settled.
/// They go on behind those that consumers before this one had; returns how many there are.
fn consume<'c>(consumer: &'c Consumer, lines: &Lines, settled: usize) -> usize {
    let mut leases: Vec<Option<Lease<'c>>> = (0..settled).map(|_| None).collect();
    loop {
        let (word, rest) = next(lines);
        match word.as_str() {
            "lease" => answer(number(&rest).and_then(|n| {
                let taken: Vec<Lease<'c>> = if n == 1 {
                    vec![consumer.lease().map_err(|e| failure(&e))?]
                } else {
                    consumer.lease_batch(n).map_err(|e| failure(&e))?.into_iter().collect()
                };
                keep(consumer, &mut leases, taken)
            })),
            "try-lease" => answer(match consumer.try_lease() {
                Ok(lease) => keep(consumer, &mut leases, vec![lease]),
                Err(e) => Err(failure(&e)),
            }),
            "touch" => answer(describe(consumer, leases.iter().flatten())),
            "ack" => answer(settle(&mut leases, &rest, Lease::ack)),
            "release" => answer(settle(&mut leases, &rest, Lease::release)),
            "sink" => {
                let mut buf = Vec::new();
                answer(loop {
                    if let Err(e) = consumer.receive_into(&mut buf) {
                        break done(Err(e));
                    }
                });
            }
            "receive-stream" => answer(stream::receive(consumer, &rest)),
            "close" => return leases.len(), // those that are left go back
            _ => answer(unknown(&word)),
        }
    }
}

fn keep<'c>(consumer: &Consumer, leases: &mut Vec<Option<Lease<'c>>>, taken: Vec<Lease<'c>>) -> Result<String, String> {
    let text = describe(consumer, taken.iter());
    leases.extend(taken.into_iter().map(Some));
    text
}

fn settle<'c>(
    leases: &mut [Option<Lease<'c>>],
    index: &str,
    how: fn(Lease<'c>) -> shmq::Result<()>,
) -> Result<String, String> {
    let lease = leases.get_mut(number(index)?).ok_or("other no such lease")?;
    done(lease.take().map_or(Ok(()), how)) // a second time it does nothing
}

/// Each lease as REDELIVERED:HEX. Where the file was cut meanwhile the bytes are none.
fn describe<'l, 'c: 'l>(consumer: &Consumer, leases: impl Iterator<Item = &'l Lease<'c>>) -> Result<String, String> {
    let mut text = String::new();
    for lease in leases {
        let _ = write!(
            text,
            "{}{}:",
            if text.is_empty() { "" } else { " " },
            lease.redelivered()
        );
        for byte in lease.iter() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    uncut(consumer.check()).map(|_| text)
}
