//! What the tests share: queues of their own, and processes that do what they are told.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use shmq::{Consumer, Lease, Multiplicity, OpenOptions, Producer, Shape};

/// How long a test waits for what has to happen. It decides nothing but how late a failure is told.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A queue in a directory of its own, which is gone at the end of the test.
pub struct Queue {
    dir: PathBuf,
    pub name: String,
}

impl Queue {
    /// A name, and no queue yet.
    pub fn named() -> Queue {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::var("SHMQ_DIR").unwrap_or_else(|_| "/dev/shm".into());
        let dir = PathBuf::from(base).join(format!("shmq-rust-test-{}-{n}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let name = dir.join("q").to_str().unwrap().to_owned();
        Queue { dir, name }
    }

    pub fn new(shape: Shape) -> Queue {
        let q = Queue::named();
        shmq::create(&q.name, &shape).unwrap();
        q
    }

    /// A small queue for many on both sides.
    pub fn small() -> Queue {
        Queue::new(small())
    }

    pub fn producer(&self) -> Producer {
        OpenOptions::new().no_create().producer(&self.name).unwrap()
    }

    pub fn consumer(&self) -> Consumer {
        OpenOptions::new().no_create().consumer(&self.name).unwrap()
    }

    pub fn until_end(&self) -> Consumer {
        OpenOptions::new().no_create().until_end().consumer(&self.name).unwrap()
    }

    pub fn path(&self) -> PathBuf {
        shmq::path(&self.name).unwrap()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub fn small() -> Shape {
    Shape::new().slots(16).slot_size(64)
}

/// The four combinations of roles.
pub fn modes() -> Vec<Shape> {
    use Multiplicity::{Many, One};
    let mut all = Vec::new();
    for p in [One, Many] {
        for c in [One, Many] {
            all.push(small().producers(p).consumers(c));
        }
    }
    all
}

/// The language of an agent.
#[derive(Clone, Copy, Debug)]
pub enum Lang {
    Rust,
    Go,
}

/// A process that takes part in a queue and does what the test tells it. It is killed at the end.
pub struct Agent {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Agent {
    pub fn new(lang: Lang) -> Agent {
        let mut command = match lang {
            Lang::Rust => Command::new(env!("CARGO_BIN_EXE_shmq-agent")),
            Lang::Go => {
                let exe = std::env::var_os("SHMQ_GO_AGENT")
                    .expect("SHMQ_GO_AGENT names the agent in Go: see clients/rust/test");
                let mut command = Command::new(exe);
                command.env("SHMQ_TEST_ROLE", "agent").env("SHMQ_TEST_ARGS", "[]");
                command
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        let agent = Agent { child, input, lines };
        assert_eq!(agent.line(), "ready");
        agent
    }

    pub fn producer(lang: Lang, q: &Queue) -> Agent {
        let mut a = Agent::new(lang);
        a.does(&format!("producer {}", q.name));
        a
    }

    pub fn consumer(lang: Lang, q: &Queue) -> Agent {
        let mut a = Agent::new(lang);
        a.does(&format!("consumer {}", q.name));
        a
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the agent says nothing")
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The reply to what was said, which has to be of success.
    pub fn ok(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("ok")
            .unwrap_or_else(|| panic!("the agent says {line:?}"))
            .trim()
            .to_owned()
    }

    pub fn does(&mut self, line: &str) -> String {
        self.say(line);
        self.ok()
    }

    /// The reply to what was said, which has to be an error: the word for it, and its text.
    pub fn error(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("err ")
            .unwrap_or_else(|| panic!("the agent says {line:?}"))
            .to_owned()
    }

    /// Has the agent lease, and returns how often each record was delivered before, and its text.
    pub fn lease(&mut self, n: usize) -> Vec<(u32, String)> {
        let reply = self.does(&format!("lease {n}"));
        reply
            .split_whitespace()
            .map(|part| {
                let (times, hex) = part.split_once(':').unwrap();
                let bytes = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
                (times.parse().unwrap(), String::from_utf8(bytes.collect()).unwrap())
            })
            .collect()
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP; returns when the process stands still.
    pub fn stop(&self) {
        signal("STOP", self.pid());
        let stat = format!("/proc/{}/stat", self.pid());
        until(|| {
            fs::read_to_string(&stat)
                .unwrap()
                .rsplit(") ")
                .next()
                .unwrap()
                .starts_with('T')
        });
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        signal("CONT", self.pid());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn signal(name: &str, pid: u32) {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {pid}"))
        .status()
        .unwrap();
    assert!(status.success());
}

/// Waits until something holds that has to come true by itself.
pub fn until(holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it did not come true");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Takes a record that has to come: how often it was delivered before, and its text. It stays leased.
pub fn take(c: &Consumer) -> (u32, String, Lease<'_>) {
    let lease = c.lease_timeout(PATIENCE).unwrap();
    (lease.redelivered(), String::from_utf8(lease.to_vec()).unwrap(), lease)
}

/// Takes a record that has to come, and acknowledges it.
pub fn done(c: &Consumer) -> (u32, String) {
    let (times, text, lease) = take(c);
    lease.ack().unwrap();
    (times, text)
}
