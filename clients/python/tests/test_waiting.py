from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import List

import pytest

import shmq
from conftest import PATIENCE, Crew, until


def in_call(end: "shmq.Consumer[int] | shmq.Producer[int]") -> bool:
    """Whether another thread is in a call of end, without the GIL."""
    try:
        end.counters()
    except shmq.Misuse:
        return True
    return False


def test_timeouts() -> None:
    with shmq.Consumer[int]("q") as c:
        for call in (c.receive, c.receive_bytes, c.receive_many, c.lease, c.lease_many):
            with pytest.raises(shmq.Empty) as e:
                call(timeout=0)
            assert '"q"' in str(e.value)
            start = time.monotonic()
            with pytest.raises(shmq.Timeout) as t:
                call(timeout=0.12)
            assert time.monotonic() - start >= 0.12 and '"q"' in str(t.value) and isinstance(t.value, TimeoutError)
        assert not c.wait(timeout=0.01) and not c.wait(timeout=0)
        for wrong in (-1, float("nan")):
            with pytest.raises(ValueError):
                c.receive(timeout=wrong)
        with pytest.raises(TypeError):
            c.receive(timeout="1")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            c.receive(1, 2)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            c.receive(time=1)  # type: ignore[call-arg]


def test_full() -> None:
    with shmq.Producer[int]("q", shape=shmq.Shape(slots=2)) as p:
        p.send(1)
        p.send(2, timeout=0)
        with pytest.raises(shmq.Full):
            p.send(3, timeout=0)
        with pytest.raises(shmq.Timeout):
            p.send(3, 0.01)
        assert not p.wait(timeout=0.01, size=1)


@pytest.mark.parametrize("call", ["c.receive()", "next(iter(c))", "c.wait()", "shmq.Waiter(c).wait()", "c.lease_many()"])
def test_keyboard_interrupt_at_once(crew: Crew, call: str) -> None:
    program = crew.python(
        "import shmq, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "c = shmq.Consumer('q')\n"
        "print('ready', flush=True)\n"
        f"try: {call}\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
        "input()\n"
    )
    assert program.hear() == "ready"
    until(lambda: Path(f"/proc/{program.pid}/wchan").exists() and asleep(program.pid))
    os.kill(program.pid, signal.SIGINT)
    assert program.hear() == "interrupted"


def asleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_a_signal_handler_runs_and_the_wait_goes_on(crew: Crew) -> None:
    program = crew.python(
        "import shmq, signal\n"
        "c = shmq.Consumer('q')\n"
        "signal.signal(signal.SIGUSR1, lambda *a: print('handled', flush=True))\n"
        "print('ready', flush=True)\n"
        "print(c.receive(), flush=True)\n"
        "input()\n"
    )
    assert program.hear() == "ready"
    for _ in range(3):
        os.kill(program.pid, signal.SIGUSR1)
        assert program.hear() == "handled"
    with shmq.Producer[int]("q") as p:
        p.send(5)
        assert program.hear() == "5"


def test_a_waiting_thread_does_not_hold_the_others_up() -> None:
    c = shmq.Consumer[int]("q")
    got: List[int] = []
    thread = threading.Thread(target=lambda: got.append(c.receive()))
    thread.start()
    until(lambda: in_call(c))
    with pytest.raises(shmq.Misuse) as e:
        c.receive()
    assert "thread" in str(e.value)
    with shmq.Producer[int]("q") as p:
        p.send(1)
    thread.join(PATIENCE)
    assert got == [1] and not in_call(c)
    c.close()


def test_closing_ends_a_wait_of_another_thread() -> None:
    c = shmq.Consumer[int]("q")
    p = shmq.Producer[int]("full", shape=shmq.Shape(slots=2))
    p.send_many([1, 2])
    raised: List[BaseException] = []

    def run(call: "object") -> None:
        try:
            call()  # type: ignore[operator]
        except BaseException as e:
            raised.append(e)

    threads = [threading.Thread(target=run, args=(f,)) for f in (c.receive, lambda: p.send(3))]
    for t in threads:
        t.start()
    until(lambda: in_call(c) and in_call(p))
    c.close()
    p.close()
    for t in threads:
        t.join(PATIENCE)
    assert [type(e) for e in raised] == [shmq.Closed, shmq.Closed]
    assert shmq.stat("q").consumers == 0 and shmq.stat("full").producers == 0


def test_records_settled_by_another_thread_while_one_waits() -> None:
    c = shmq.Consumer[int]("q")
    p = shmq.Producer[int]("q")
    p.send_many([1, 2])
    one, two = c.lease(), c.lease()
    got: List[int] = []
    thread = threading.Thread(target=lambda: got.extend(c.receive() for _ in range(2)))
    thread.start()
    until(lambda: in_call(c))
    assert one.ack() and two.release()
    p.send(3)
    thread.join(PATIENCE)
    assert sorted(got) == [2, 3]
    c.close()
    p.close()
    assert shmq.Consumer[int]("q").try_lease() is None


def test_several_queues() -> None:
    ends = [shmq.Consumer[int](f"q{i}") for i in range(3)]
    waiter = shmq.Waiter(*ends)
    assert waiter.wait(timeout=0) is None and waiter.wait(timeout=0.12) is None
    with shmq.Producer[int]("q1") as p, shmq.Producer[int]("q2") as q:
        p.send_many([1, 1])
        q.send(2)
        seen = []
        for _ in range(3):
            c = waiter.wait(timeout=PATIENCE)
            assert isinstance(c, shmq.Consumer)
            seen.append(c.receive(timeout=0))
        assert sorted(seen) == [1, 1, 2] and seen[0] != seen[1]
    thread = threading.Timer(0.05, ends[2].close)
    thread.start()
    with pytest.raises(shmq.Closed):
        waiter.wait()
    thread.join()
    for c in ends:
        c.close()


EXIT = """
import shmq, sys, threading, time
consumers = [shmq.Consumer(name) for name in "abcd"]
full = [shmq.Producer("full", shape=shmq.Shape(slots=2)) for _ in range(2)]
full[0].send_many([1, 2])
ends = [*consumers, *full]

def again(call, *args):
    while True:
        call(*args)

def endless(*_):
    while True:
        time.sleep(0.001)
    yield

class Slow:
    def encode(self, value):
        next(endless())
    decode = encode

with shmq.Producer("slow") as p:
    p.send_many(range(9))

calls = [
    (shmq.Producer("none", codec=Slow()).send, 1), (shmq.Producer("none", codec=Slow()).send_many, [1]),
    (shmq.Consumer("slow", codec=Slow()).receive,), (shmq.Consumer("slow", codec=Slow()).receive_many, 4),
    (lambda rec: rec.value, shmq.Consumer("slow", codec=Slow()).lease()), (shmq.Consumer("none").ack_many, endless()),
    (consumers[0].receive,), (consumers[1].wait,), (shmq.Waiter(consumers[2]).wait,), (next, iter(consumers[3])),
    (full[0].reserve, 8), (full[1].send, 3),
    (again, shmq.stat, "full"), (again, shmq.Producer("other").check),
]
for call in calls:
    threading.Thread(target=call[0], args=call[1:], daemon=True).start()

def in_call(end):
    try:
        end.counters()
    except shmq.Misuse:
        return True

while not all(map(in_call, ends)):
    time.sleep(0.001)

class Last:
    def __del__(self, ends=ends, sleep=time.sleep):  # when the interpreter has said that it ends
        {}

sys.modules["last"] = Last()
"""


@pytest.mark.parametrize(
    "deed",
    [
        "sleep(0.25)",  # more than twice as long as a call sleeps at once: all come back
        "[end.close() for end in ends]",
        "ends[-1].finish()",
    ],
)
def test_exit_while_daemon_threads_are_in_calls(deed: str) -> None:
    run = subprocess.run([sys.executable, "-c", EXIT.format(deed)], timeout=PATIENCE, stdout=-1, stderr=-2, text=True)
    assert (run.returncode, run.stdout) == (0, "")
