"""Forks: a child has none of its parent's handles, and harms none of them."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing as mp
import os
import pickle
import sys
import threading
import traceback
import warnings
from typing import Any, Callable, List

import numpy as np
import pytest

import shmq
from shmq import _aio, _shmq
from conftest import until
from test_waiting import in_call


def fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        return os.fork()


def child(f: Callable[[], None]) -> int:
    """Runs f in a child of a fork that never executes a program, and returns its exit status."""
    pid = fork()
    if pid == 0:
        try:
            f()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_has_none_of_its_parents_handles(mode: shmq.Shape) -> None:
    p, c = shmq.Producer[int]("q", shape=mode), shmq.Consumer[int]("q")
    p.send_many([1, 2])
    rec = c.lease()

    def use() -> None:
        for call in (lambda: p.send(3), c.receive, c.lease, p.check, lambda: p.reserve(3), lambda: next(iter(c)), p.finish):
            with pytest.raises(shmq.Forked) as e:
                call()
            assert '"q"' in str(e.value)
        assert not rec.ack() and not rec.release()
        with pytest.raises(shmq.Forked):
            rec.data
        c.close()

    assert child(use) == 0
    assert rec.ack() and c.receive() == 2
    p.send(4)
    assert c.receive() == 4
    p.close()
    c.close()


def test_a_child_that_drops_everything_settles_nothing() -> None:
    p, c = shmq.Producer[int]("q"), shmq.Consumer[int]("q")
    p.send_many([1, 2, 3])
    things: Any = [c.lease(), p.reserve(8), iter(c), p, c]
    next(things[2])
    del p
    assert child(lambda: things.clear()) == 0
    assert things[0].ack() and c.receive() == 3
    assert len(things[1].data) == 8


def test_views_of_the_parent_are_copies_in_the_child() -> None:
    p, c = shmq.Producer[bytes]("q", shape=shmq.Shape(slot_size=1 << 14)), shmq.Consumer[bytes]("q")
    p.send_bytes(np.arange(1000))
    p.send_bytes(b"second")
    one, two, r = c.lease(), c.lease(), p.reserve(8)
    a, b, w = np.frombuffer(one, np.int64), two.data, np.frombuffer(r, np.uint8)
    w[:] = 1

    def use() -> None:
        assert a.sum() == 499500 and bytes(b) == b"second"
        w[:] = 9
        with pytest.raises(shmq.Forked):
            one.data

    assert child(use) == 0
    assert child(lambda: sys.exit(child(use))) != 0  # SystemExit in a child is told by its traceback
    assert w.tolist() == [1] * 8
    del a, b, w
    assert one.ack() and two.ack()
    r.commit()
    assert c.receive_bytes() == b"\1" * 8


def test_a_fork_while_a_batch_is_decoded() -> None:
    p = shmq.Producer[str]("q")
    p.send_many(["x" * 500] * 3)
    children: List[int] = []

    class Forking(shmq.Msgpack):
        def decode(self, data: bytes) -> Any:
            if not children:
                children.append(fork())
            return super().decode(data)

    c = shmq.Consumer[str]("q", codec=Forking())
    try:
        got = c.receive_many(timeout=0)
    except shmq.Forked:
        os._exit(7)
    if children == [0]:
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7
    assert got == ["x" * 500] * 3 and c.try_lease() is None
    c.close()
    p.close()


def test_a_fork_while_another_thread_waits() -> None:
    c = shmq.Consumer[int]("q")
    got = []
    thread = threading.Thread(target=lambda: got.append(c.receive()))
    thread.start()
    until(lambda: in_call(c))

    def use() -> None:
        with pytest.raises(shmq.Forked):
            c.receive()
        c.close()
        with shmq.Producer[int]("q") as p:
            p.send(1)

    assert child(use) == 0
    thread.join()
    assert got == [1]


@pytest.mark.parametrize("thread", [False, True])
def test_a_task_that_forks_while_others_wait(thread: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child leaves the loop of its parent, by SystemExit where CPython can, and its bells, which are not its own."""
    monkeypatch.setattr(_aio, "threads", thread)
    cs = [shmq.Consumer[int](f"q{i}") for i in range(2)]
    pids: List[int] = []

    async def main() -> None:
        waiting = [asyncio.create_task(c.areceive()) for c in cs]
        await asyncio.sleep(0)
        loop: Any = asyncio.get_running_loop()
        pids.append(fork())
        if pids[0] == 0:
            if sys.version_info >= (3, 14):  # whose loops end in no child
                del loop._shmq_bells
                waiting.clear()
                gc.collect()
                os._exit(7)
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 7
        for i, c in enumerate(cs):
            with shmq.Producer[int](c.queue) as p:
                p.send(i)
        assert await asyncio.gather(*waiting) == [0, 1]

    try:
        asyncio.run(main())
    except SystemExit as e:
        os._exit(int(str(e.code)))
    except BaseException:
        traceback.print_exc()
        if pids == [0]:
            os._exit(1)
        raise
    for c in cs:
        c.close()


def test_a_child_makes_no_use_of_its_parents_bell() -> None:
    for thread in (False, True):
        bell = _shmq._Bell(thread)
        c = shmq.Consumer[int]("q")
        assert bell.arm(c, 0)

        def use() -> None:
            assert bell.rung() == [] and not bell.full
            with pytest.raises(shmq.Forked):
                bell.arm(c, 0)
            bell.forget(c)
            bell.disarm(c, 0)
            with shmq.Consumer[int]("q") as own:
                with pytest.raises(shmq.Forked):
                    bell.arm(own, 0)
                other = _shmq._Bell(thread)
                assert other.arm(own, 0)

        assert child(use) == 0
        with shmq.Producer[int]("q") as p:
            p.send(1)
        until(lambda: bell.rung() == [bell.key(c)])
        assert c.receive() == 1
        c.close()


def work(jobs: str, results: str) -> None:
    with shmq.Producer[int](results) as out, shmq.Consumer[int](jobs, until_end=True) as c:
        for rec in c:
            out.send(rec.value * rec.value)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str) -> None:
    context: Any = mp.get_context(method)
    shmq.create("jobs", shmq.Shape(slots=16))
    jobs = shmq.Producer[int]("jobs")
    results = shmq.Consumer[int]("results")
    workers = [context.Process(target=work, args=("jobs", "results")) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for w in workers:
            w.start()
    until(lambda: shmq.stat("jobs").consumers == 2)
    jobs.send_many(range(100))
    jobs.finish()
    assert sorted(results.receive() for _ in range(100)) == [i * i for i in range(100)]
    for w in workers:
        w.join()
        assert w.exitcode == 0
    results.close()


def test_ends_are_not_pickled() -> None:
    with shmq.Producer[int]("q") as p, shmq.Consumer[int]("q") as c:
        for end in (p, c):
            with pytest.raises(TypeError, match="open one there"):
                pickle.dumps(end)
    e = pickle.loads(pickle.dumps(shmq.Full("text", -2)))
    assert isinstance(e, shmq.Full) and str(e) == "text" and e.code == "full"
