"""A process that takes part in a queue and does what its parent tells it, line by line.

It speaks the line protocol of internal/testagent, so that the scenarios of the Go tests are played with
Python's ends: "ready" first, then for each line one in reply, "ok" with a result, "err" with the name of an error, or
"no" with a word and a reason where this client does not do that.
"""

from __future__ import annotations

import os
import queue
import struct
import sys
import threading
import time
from typing import Callable, Dict, Iterator, List, Optional

import shmq

Producer = shmq.Producer[bytes]
Consumer = shmq.Consumer[bytes]

ERRORS = {
    shmq.EndOfStream: "eof",
    shmq.BrokenStream: "broken",
    shmq.Full: "full",
    shmq.Empty: "empty",
    shmq.RoleTaken: "role",
    shmq.NoSeat: "seat",
    shmq.TooLarge: "large",
    shmq.Removed: "removed",
    shmq.Truncated: "truncated",
    shmq.Closed: "closed",
}


# What the library does not do: the words by which the parent knows that, see internal/testagent/refusal.go.
REFUSALS = {shmq.UnknownLayout: "subscriptions", shmq.NeedsRebuild: "rebuild"}

HEAD = struct.Struct("<II")  # whose and which a record is


class Refused(Exception):
    """A step that is not for this client: a word and a reason."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def payload(s: str) -> bytes:
    """The text itself, or with a * the text repeated: x*100."""
    text, star, times = s.partition("*")
    return text.encode() * int(times) if star else s.encode()


class Agent:
    def __init__(self) -> None:
        self.out: Optional[Producer] = None
        self.into: Optional[Consumer] = None
        self.reservation: Optional[shmq.Reservation] = None
        self.leases: List[shmq.Record[bytes]] = []

    def do(self, command: str, *args: str) -> str:
        if command == "producer":
            self.out = shmq.Producer(args[0], no_create=True, codec=shmq.Bytes())
            return ""
        if command in ("consumer", "consumer-until-eof", "consumer-strict"):
            self.into = shmq.Consumer(
                args[0],
                no_create=True,
                codec=shmq.Bytes(),
                until_end=command != "consumer",
                strict=command == "consumer-strict",
            )
            return ""
        sending: Dict[str, Callable[..., Optional[str]]] = {
            "send": lambda p, s: p.send(payload(s)),
            "try-send": lambda p, s: p.send(payload(s), timeout=0),
            "pump": self.pump,
            "reserve": self.reserve,
            "fill": self.fill,
            "commit": self.commit,
            "send-stream": self.send_stream,
            "finish": lambda p: p.finish(),
            "abandon": lambda p: p.abandon(),
        }
        receiving: Dict[str, Callable[..., Optional[str]]] = {
            "sink": self.sink,
            "lease": self.lease,
            "try-lease": lambda c: self.lease(c, "1", 0),
            "touch": self.touch,
            "receive-stream": self.receive_stream,
            "ack": lambda c, i: self.leases[int(i)].ack() and "" or "",
            "release": lambda c, i: self.leases[int(i)].release() and "" or "",
        }
        if command == "subscribe":
            raise Refused("subscriptions this package subscribes without a name, to what comes")
        if command == "echo":
            self.echo(*args)
        if command == "fork":
            return fork()
        if command == "close":
            end = self.out or self.into
            assert end is not None
            end.close()
            return ""
        if command in sending:
            assert self.out is not None
            return sending[command](self.out, *args) or ""
        if command in receiving:
            assert self.into is not None
            return receiving[command](self.into, *args) or ""
        raise LookupError("no such command: " + command)

    def pump(self, p: Producer, size: str) -> None:
        data = b"x" * int(size)
        while True:
            p.send(data)

    def sink(self, c: Consumer) -> None:
        while True:
            c.receive()

    def reserve(self, p: Producer, size: str) -> None:
        self.reservation = p.reserve(int(size))

    def fill(self, p: Producer) -> None:
        assert self.reservation is not None
        half = len(self.reservation) // 2
        self.reservation.data[:half] = b"\xff" * half
        p.check()  # a file that was cut meanwhile

    def commit(self, p: Producer, size: str) -> None:
        p.check()
        assert self.reservation is not None, "there is no reservation"
        self.reservation.commit(int(size))

    def send_stream(self, p: Producer, *args: str) -> None:
        """Sends records of all sizes, in all ways there are, and closes."""
        sender, count, least, most = map(int, args)
        size = sizes(sender, least, most)

        def record(n: int, seq: int) -> bytes:
            if least < HEAD.size:
                return pattern(n, sender, seq)
            return HEAD.pack(sender, seq) + pattern(n - HEAD.size, sender, seq)

        seq = 0
        while seq < count:
            if seq % 7 == 0 and count - seq > 3:
                sent = p.send_bytes_many([record(next(size), seq + i) for i in range(3)])
                assert sent == 3, f"{sent} of 3 sent"
                seq += sent
                continue
            if seq % 5 == 0:
                b = record(next(size), seq)
                with p.reserve(most) as r:
                    r.data[: len(b)] = b
                    r.commit(len(b))
            else:
                if seq % 11 == 0:
                    p.reserve(min(100, most)).abort()
                p.send(record(next(size), seq))
            seq += 1
        p.close()

    def receive_stream(self, c: Consumer, *args: str) -> str:
        """Receives until the end, in all ways there are, and tells how often each record of each sender came."""
        senders, count = map(int, args)
        got, last = [bytearray(b"0" * count) for _ in range(senders)], [-1] * senders

        def check(b: "bytes | memoryview", redelivered: int) -> None:
            sender, seq = HEAD.unpack_from(b)
            assert sender < senders and seq < count, f"there is no record {seq} of sender {sender}"
            assert b[HEAD.size :] == pattern(len(b) - HEAD.size, sender, seq), f"record {seq} of sender {sender} is torn"
            assert seq > last[sender], f"record {seq} of sender {sender} after {last[sender]}"
            assert not redelivered, f"record {seq} of sender {sender} was delivered before"
            last[sender] = seq
            got[sender][seq] += 1

        turn = 0
        try:
            while True:
                if turn % 3 == 2:
                    check(c.receive(), 0)
                for r in c.lease_many(3) if turn % 3 == 0 else [c.lease()] if turn % 3 == 1 else []:
                    check(r.data, r.redelivered)
                    r.ack()
                turn += 1
        except shmq.EndOfStream:
            return " ".join(g.decode() for g in got)

    def echo(self, source: str, target: str) -> None:
        """Sends what comes from one queue to another one, until it can't: there is one more reply then."""
        self.into = shmq.Consumer(source, no_create=True, codec=shmq.Bytes(), wait="park")
        self.out = shmq.Producer(target, no_create=True, codec=shmq.Bytes())
        say("ok ")
        while True:
            b = self.into.receive()
            start = time.perf_counter_ns()
            while time.perf_counter_ns() - start < 40_000:  # the other end falls asleep
                pass
            self.out.send(b, timeout=0)

    def lease(self, c: Consumer, n: str, timeout: Optional[float] = None) -> str:
        got = [c.lease(timeout)] if n == "1" else c.lease_many(int(n), timeout)
        self.leases += got
        return describe(got)

    def touch(self, c: Consumer) -> str:
        text = describe([r for r in self.leases if not r.settled])
        c.check()
        return text


def step(x: int) -> int:
    return (x * 1664525 + 1013904223) & 0xFFFFFFFF


def sizes(sender: int, least: int, most: int) -> Iterator[int]:
    """Each size from least to most once, shuffled, and then again."""
    x = (sender * 2654435761 + 1) & 0xFFFFFFFF
    while True:
        left = list(range(least, most + 1))
        for i in range(len(left) - 1, 0, -1):
            x = step(x)
            j = x * (i + 1) >> 32
            left[i], left[j] = left[j], left[i]
        yield from left


def pattern(n: int, sender: int, seq: int) -> bytes:
    x = (sender * 2654435761 + seq * 40503 + 1) & 0xFFFFFFFF
    b = bytearray(n)
    for i in range(n):
        x = step(x)
        b[i] = x >> 24
    return bytes(b)


def fork() -> str:
    """A child that executes nothing, and has copies of all descriptors."""
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    return str(pid)


def describe(leases: List[shmq.Record[bytes]]) -> str:
    return " ".join(f"{r.redelivered}:{r.tobytes().hex()}" for r in leases)


def main() -> None:
    lines: "queue.Queue[str]" = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line.rstrip("\n"))
        os._exit(0)  # the parent is gone, or wants this one to end

    threading.Thread(target=read, daemon=True).start()
    agent = Agent()
    say("ready")
    while True:
        command = lines.get().split(" ")
        try:
            say("ok " + agent.do(*command))
        except Refused as e:
            say(f"no {e}")
        except tuple(REFUSALS) as e:
            say(f"no {REFUSALS[type(e)]} {e}")
        except shmq.Error as e:
            name = next((name for cls, name in ERRORS.items() if isinstance(e, cls)), "other")
            say(f"err {name} {e}")
        except Exception as e:
            say(f"err other {e}")


if __name__ == "__main__":
    main()
