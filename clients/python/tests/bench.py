"""Nanoseconds a record, the best of several runs. A run fills a queue and empties it, in one process, so that the
figures are those of calls; those with two processes say so."""

from __future__ import annotations

import multiprocessing as mp
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np

import shmq

RUNS = int(sys.argv[sys.argv.index("--runs") + 1]) if "--runs" in sys.argv else 15
SLOTS = 1 << 14
N = SLOTS - 64


def best(run: Callable[[], None], n: int, before: Callable[[], None] = lambda: None) -> float:
    times = []
    if RUNS == 1:
        before()
        run()  # to warm up
    for _ in range(RUNS):
        before()
        start = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - start) / n)
    return min(times)


def report(what: str, ns: float) -> None:
    print(f"{what:58s} {ns:10.0f} ns", flush=True)


def one_process(producers: str, consumers: str) -> None:
    shape = shmq.Shape(slots=SLOTS, slot_size=1024, producers=producers, consumers=consumers)
    name = f"{producers}-{consumers}"
    kind = f", {producers} to {consumers}"
    data = b"x" * 32
    with shmq.Producer[Any](name, shape=shape, prefault=True) as p, shmq.Consumer[Any](name) as c:

        def fill() -> None:
            p.send_bytes_many([data] * N)

        def empty() -> None:
            while c.wait(timeout=0):
                c.receive_bytes_many(most=N, timeout=0)

        def send() -> None:
            f = p.send_bytes
            for _ in range(N):
                f(data)

        def receive() -> None:
            f = c.receive_bytes
            for _ in range(N):
                f()

        def send_batch() -> None:
            p.send_bytes_many(batch)

        def receive_batch() -> None:
            got = 0
            while got < N:
                got += len(c.receive_bytes_many(most=256))

        def loop() -> None:
            n = 0
            for rec in c:
                n += 1
                if n == N:
                    break

        batch = [data] * N
        report("send_bytes, 32 bytes" + kind, best(send, N, empty))
        empty()
        report("receive_bytes, 32 bytes" + kind, best(receive, N, fill))
        report("send_bytes_many" + kind, best(send_batch, N, empty))
        empty()
        report("receive_bytes_many, 256" + kind, best(receive_batch, N, fill))
        report("for rec in consumer" + kind, best(loop, N, fill))

        def send_value() -> None:
            f = p.send
            for i in range(N):
                f(i)

        def receive_value() -> None:
            f = c.receive
            for _ in range(N):
                f()

        def refill() -> None:
            empty()
            send_value()

        report("send(int), msgpack" + kind, best(send_value, N, empty))
        report("receive() of an int, msgpack" + kind, best(receive_value, N, refill))


def arrays() -> None:
    x = np.random.default_rng(1).integers(0, 255, 1 << 20, np.uint8)
    y = np.empty_like(x)
    target = np.zeros(len(x) * 8, np.uint8)

    def copies() -> None:
        for i in range(8):
            np.copyto(target[i << 20 : (i + 1) << 20], x)

    report("numpy.copyto of 1 MiB", best(copies, 8))
    shape = shmq.Shape(slots=16, slot_size=1 << 20)
    with shmq.Producer[Any]("arrays", shape=shape, prefault=True) as p, shmq.Consumer[Any]("arrays", prefault=True) as c:

        def empty() -> None:
            while (rec := c.try_lease()) is not None:
                rec.ack()

        def send() -> None:
            for _ in range(8):
                p.send_bytes(x)

        def write() -> None:
            for _ in range(8):
                with p.reserve(1 << 20) as r:
                    np.copyto(np.frombuffer(r, np.uint8), x)

        def read() -> None:
            for _ in range(8):
                with c.lease() as rec:
                    np.copyto(y, np.frombuffer(rec, np.uint8))

        def look() -> None:
            for _ in range(8):
                with c.lease() as rec:
                    np.frombuffer(rec, np.uint8)

        report("send_bytes of an array of 1 MiB", best(send, 8, empty))
        report("reserve, copy an array of 1 MiB, commit", best(write, 8, empty))
        empty()
        report("lease, copy an array of 1 MiB, acknowledge", best(read, 8, send))
        report("lease of 1 MiB in place, acknowledge", best(look, 8, send))


def drain_shmq(name: str, n: int) -> None:
    with shmq.Consumer[bytes](name) as c:
        for _ in range(n):
            c.receive_bytes()
        with shmq.Producer[int](name + "-done") as p:
            p.send(1)


def drain_queue(q: Any, done: Any, n: int) -> None:
    for _ in range(n):
        q.get()
    done.put(1)


def drain_pipe(r: Any, done: Any, n: int) -> None:
    for _ in range(n):
        r.recv_bytes()
    done.put(1)


def two_processes() -> None:
    n, data = 100_000, b"x" * 32
    context = mp.get_context("fork")

    def run(target: Any, args: Tuple[Any, ...], send: Callable[[bytes], Any], done: Callable[[], Any]) -> float:
        times = []
        for _ in range(min(5, RUNS)):
            child = context.Process(target=target, args=args)
            child.start()
            start = time.perf_counter_ns()
            for _ in range(n):
                send(data)
            done()
            times.append((time.perf_counter_ns() - start) / n)
            child.join()
        return min(times)

    done = context.SimpleQueue()
    q = context.Queue()
    a = run(drain_queue, (q, done, n), q.put, done.get)
    report("two processes: multiprocessing.Queue", a)
    s = context.SimpleQueue()
    report("two processes: multiprocessing.SimpleQueue", run(drain_queue, (s, done, n), s.put, done.get))
    r, w = context.Pipe(False)
    b = run(drain_pipe, (r, done, n), w.send_bytes, done.get)
    report("two processes: multiprocessing.Pipe, bytes", b)
    shmq.create("two", shmq.Shape(slots=SLOTS))
    with shmq.Producer[bytes]("two") as p, shmq.Consumer[int]("two-done") as d:
        ns = run(drain_shmq, ("two", n), p.send_bytes, d.receive)
    report("two processes: shmq, bytes", ns)
    print(f"shmq is {a / ns:.1f} times as fast as multiprocessing.Queue, {b / ns:.1f} times as fast as a pipe")




def with_cffi(folder: Path) -> None:
    """The same call as send_bytes, through cffi in API mode, as a method in Python."""
    import cffi

    c = Path(__file__).resolve().parents[2] / "c"
    ffi = cffi.FFI()
    ffi.cdef(
        "typedef ... shmq; int shmq_send(shmq *q, const void *data, size_t size, int64_t timeout);"
        "int64_t shmq_receive(shmq *q, void *buf, size_t cap, int64_t timeout);"
        "int shmq_open(shmq **q, const char *name, int role, void *opts, void *err); int shmq_close(shmq *q, void *err);"
    )
    ffi.set_source(
        "_shmq_cffi",
        f'#define shmq_open shmq_open_as\n#include "{c}/include/shmq.h"\n#undef shmq_open\n'
        "int shmq_open(shmq **q, const char *name, int role, void *opts, void *err);",
        sources=[str(s) for s in sorted((c / "src").glob("*.c"))],
        extra_compile_args=["-O2", "-D_GNU_SOURCE"],
    )
    sys.path.insert(0, str(folder))
    ffi.compile(tmpdir=str(folder))
    from _shmq_cffi import ffi as f, lib

    def opened(role: int) -> Any:
        q = f.new("shmq **")
        assert lib.shmq_open(q, b"cffi", role, f.NULL, f.NULL) == 0
        return q[0]

    class Producer:
        def __init__(self) -> None:
            self.q = opened(1)

        def send_bytes(self, data: bytes) -> None:
            rc = lib.shmq_send(self.q, data, len(data), -1)
            if rc < 0:
                raise OSError(rc)

    class Consumer:
        def __init__(self) -> None:
            self.q = opened(2)
            self.buf = f.new("char[]", 1024)

        def receive_bytes(self) -> bytes:
            n = lib.shmq_receive(self.q, self.buf, 1024, -1)
            if n < 0:
                raise OSError(n)
            return bytes(f.unpack(self.buf, n))

    shmq.create("cffi", shmq.Shape(slots=SLOTS))
    p, d = Producer(), Consumer()
    data = b"x" * 32

    def send() -> None:
        g = p.send_bytes
        for _ in range(N):
            g(data)

    def receive() -> None:
        g = d.receive_bytes
        for _ in range(N):
            g()

    report("cffi: send_bytes, 32 bytes, many to many", min(pair(send, receive)[0] for _ in range(RUNS)))
    report("cffi: receive_bytes, 32 bytes, many to many", min(pair(send, receive)[1] for _ in range(RUNS)))


def pair(a: Callable[[], None], b: Callable[[], None]) -> List[float]:
    times = []
    for f in (a, b):
        start = time.perf_counter_ns()
        f()
        times.append((time.perf_counter_ns() - start) / N)
    return times


def main() -> None:
    folder = tempfile.mkdtemp(prefix="shmq-bench-", dir="/dev/shm")
    os.environ["SHMQ_DIR"] = folder
    try:
        print(f"Python {sys.version.split()[0]}, shmq {shmq.__version__}, numpy {np.__version__}, best of {RUNS}")
        if "--cffi" in sys.argv:
            with_cffi(Path(folder))
        for producers, consumers in (("one", "one"), ("many", "many")):
            one_process(producers, consumers)
        arrays()
        two_processes()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
