from __future__ import annotations

import asyncio
import gc
import os
import select
import threading
import weakref
from pathlib import Path
from typing import Any, Iterator, List, Set

import pytest

import shmq
from shmq import _aio, _shmq
from conftest import PATIENCE, Crew, until


@pytest.fixture(autouse=True, params=["best", "thread"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(_aio, "threads", request.param == "thread")
    yield _shmq._Bell(request.param == "thread").kind


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_records_and_other_tasks() -> None:
    async def main() -> List[int]:
        c = shmq.Consumer[int]("q", until_end=True)

        async def send() -> None:
            with shmq.Producer[int]("q", shape=None) as p:
                for i in range(20):
                    await asyncio.sleep(0)
                    await p.asend(i)

        sender = asyncio.create_task(send())
        seen = [rec.value async for rec in c]
        await sender
        c.close()
        return seen

    assert asyncio.run(main()) == list(range(20))


def test_a_record_wakes_at_once_and_not_at_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aio, "HEARTBEAT", 3600.0)  # a wait that is not woken hangs

    async def main() -> None:
        a, b = shmq.Consumer[int]("a"), shmq.Consumer[int]("b")
        p, q = shmq.Producer[int]("a"), shmq.Producer[int]("b")

        async def pong() -> None:
            async for rec in a:
                q.send(rec.value + 1)

        task = asyncio.create_task(pong())
        n = 0
        for _ in range(200):
            p.send(n)
            n = await b.areceive()
        assert n == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for end in (a, b, p, q):
            end.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def task_asleep(task: str) -> bool:
    return Path(f"/proc/self/task/{task}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_forgetting_one_does_not_wait_for_the_sleep_for_another() -> None:
    """Each sleep of the thread is over within 100 ms; one that begins after the word was dropped is not waited for."""
    before = set(os.listdir("/proc/self/task"))
    bell = _shmq._Bell(True)
    (thread,) = set(os.listdir("/proc/self/task")) - before
    a, b = shmq.Consumer[int]("a"), shmq.Consumer[int]("b")
    waits_on = 0
    for _ in range(20):  # of which a busy machine may delay some
        assert bell.arm(a, 0) and bell.arm(b, 0)
        until(lambda: task_asleep(thread))
        bell.forget(a)
        waits_on += bell.key(b) not in bell.rung()
    assert waits_on > 0
    bell.forget(b)
    a.close()
    b.close()


@pytest.mark.parametrize("turn", ["forget", "arm", "disarm", "close", "close in a thread"])
def test_turning_to_one_end_swallows_no_wake_of_another(kind: str, turn: str) -> None:
    bell = _shmq._Bell(kind == "thread")
    a, b = shmq.Consumer[int]("a"), shmq.Consumer[int]("b")
    p = shmq.Producer[int]("b")
    assert bell.arm(a, 0) and bell.arm(b, 0)
    p.send(1)
    if turn == "close":
        a.close()
    elif turn == "close in a thread":
        thread = threading.Thread(target=a.close)
        thread.start()
        thread.join()
    elif turn == "forget":
        bell.forget(a)
    else:
        getattr(bell, turn)(a, 0)
    assert select.select([bell.fileno()], [], [], PATIENCE)[0]
    assert bell.key(b) in bell.rung()
    for end in (a, b, p):
        end.close()


def test_all_that_rang_is_told(kind: str) -> None:
    """Ends that ring while others are being told are told, too, or keep the descriptor readable."""
    bell = _shmq._Bell(kind == "thread")
    cs = [shmq.Consumer[int](f"q{i}", shape=shmq.Shape(slots=4, seats=4)) for i in range(50)]
    ps = [shmq.Producer[int](c.queue) for c in cs]
    assert all(bell.arm(c, 0) for c in cs)

    def send() -> None:
        for p in ps:
            p.send(1)

    thread = threading.Thread(target=send)
    thread.start()
    told: Set[int] = set()
    while len(told) < len(cs):
        assert select.select([bell.fileno()], [], [], PATIENCE)[0]
        told.update(bell.rung())
    thread.join()
    assert told == {bell.key(c) for c in cs}
    for end in [*cs, *ps]:
        end.close()


def small(n: int) -> "List[shmq.Consumer[int]]":
    return [shmq.Consumer[int](f"q{i}", shape=shmq.Shape(slots=4, seats=4), guard=False) for i in range(n)]


def test_the_thread_rings_for_those_that_were_woken_alone() -> None:
    bell = _shmq._Bell(True)
    cs = sorted(small(5), key=bell.key)
    assert all(bell.arm(c, 0) for c in cs)
    with shmq.Producer[int](cs[0].queue) as p:
        p.send(1)
    assert select.select([bell.fileno()], [], [], PATIENCE)[0]
    assert bell.rung() == [bell.key(cs[0])]
    for c in cs:
        c.close()


def test_a_full_bell_takes_no_more(kind: str) -> None:
    bell, other = _shmq._Bell(kind == "thread"), _shmq._Bell(kind == "thread")
    cs = small(129)
    n = 0
    while not bell.full:
        assert bell.arm(cs[n], 0)
        n += 1
    assert n == (128 if kind == "io_uring" else 126)
    with pytest.raises(shmq.Misuse):
        bell.arm(cs[n], 0)
    assert other.arm(cs[n], 0)
    for c in cs:
        c.close()


def test_an_end_that_waits_again_goes_to_a_bell_with_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has taken its place, between the ring and the moment when it finds that it came too late."""
    monkeypatch.setattr(_aio, "HEARTBEAT", 3600.0)
    rings = _aio._Bells.ring

    def ring(bells: _aio._Bells, bell: _shmq._Bell) -> None:
        rings(bells, bell)
        if bell is bells.bells[0]:
            assert bell.arm(late, 0) and bell.full

    monkeypatch.setattr(_aio._Bells, "ring", ring)
    *cs, late = small(129)
    thief = shmq.Consumer[int]("q0")
    p = shmq.Producer[int]("q0")

    async def main() -> None:
        tasks: List["asyncio.Task[int]"] = []
        while not tasks or not _aio._bells_of(asyncio.get_running_loop()).bells[0].full:
            tasks.append(asyncio.create_task(cs[len(tasks)].areceive()))
            await asyncio.sleep(0)
        bells = _aio._bells_of(asyncio.get_running_loop()).bells
        assert len(bells) == 1
        p.send(1)
        assert thief.receive() == 1
        while len(bells) == 1:
            await asyncio.sleep(0.001)
        p.send(2)
        assert await tasks[0] == 2
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    for end in [*cs, late, thief, p]:
        end.close()


def test_a_bell_that_is_just_full_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that look at the heartbeat go back to their place."""
    monkeypatch.setattr(_aio, "HEARTBEAT", 0.001)
    arms = 0
    arm = _aio._Bells.arm

    def counted(*args: Any) -> bool:
        nonlocal arms
        arms += 1
        return arm(*args)

    monkeypatch.setattr(_aio._Bells, "arm", counted)

    async def main() -> None:
        tasks: List["asyncio.Task[int]"] = []
        while not tasks or not _aio._bells_of(asyncio.get_running_loop()).bells[0].full:
            tasks.append(asyncio.create_task(cs[len(tasks)].areceive()))
            await asyncio.sleep(0)
        before = arms
        while arms < before + 3 * len(tasks):
            await asyncio.sleep(0.001)
        assert len(_aio._bells_of(asyncio.get_running_loop()).bells) == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    cs = small(128)
    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    for c in cs:
        c.close()


def test_tasks_that_share_an_end_wait_in_line() -> None:
    """Those that are cancelled, or whose time is over, leave the line, wherever they stand."""

    async def main() -> None:
        p, c = shmq.Producer[int]("q", shape=shmq.Shape(slots=2)), shmq.Consumer[int]("q")
        p.send_many([0, 1])
        sends = [asyncio.create_task(p.asend(i)) for i in range(2, 12)]
        receives = [asyncio.create_task(c.areceive()) for _ in range(12)]
        assert await asyncio.gather(*receives) == list(range(12))
        await asyncio.gather(*sends)

        receives = [asyncio.create_task(c.areceive()) for _ in range(6)]
        await asyncio.sleep(0)
        for i in (0, 3):
            receives[i].cancel()
        with pytest.raises(shmq.Timeout, match="q"):
            await c.areceive(timeout=0.01)
        with pytest.raises(shmq.Empty):
            await c.areceive(timeout=0)
        for i in range(4):
            await p.asend(i)
        done = await asyncio.gather(*receives, return_exceptions=True)
        assert [i for i in done if isinstance(i, int)] == [0, 1, 2, 3]
        assert [i for i, task in enumerate(receives) if task.cancelled()] == [0, 3]

        receives = [asyncio.create_task(c.areceive()) for _ in range(2)]
        await asyncio.sleep(0)
        c.close()
        assert [type(e) for e in await asyncio.gather(*receives, return_exceptions=True)] == [shmq.Closed] * 2
        p.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_a_loop_that_is_dropped_while_tasks_wait_keeps_nothing() -> None:
    c = shmq.Consumer[int]("q")
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # is told of tasks that were destroyed
    tasks = [loop.create_task(c.areceive()) for _ in range(3)]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    there = weakref.ref(loop)
    del c, loop, tasks
    gc.collect()
    assert there() is None and shmq.stat("q").consumers == 0


def test_calls_that_need_not_wait_let_other_tasks_run() -> None:
    async def main() -> None:
        p, c = shmq.Producer[int]("q"), shmq.Consumer[int]("q")
        p.send_many(range(1000))
        ran: List[int] = []
        other = asyncio.create_task(asyncio.sleep(0))
        other.add_done_callback(lambda _: ran.append(1))
        async for rec in c:
            if ran or rec.value == 999:
                break
        assert ran
        endless = asyncio.create_task(send_for_ever(p, c))
        await asyncio.sleep(0)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        p.close()
        c.close()

    async def send_for_ever(p: "shmq.Producer[int]", c: "shmq.Consumer[int]") -> None:
        for i in range(100_000):
            await p.asend(i)
            await c.areceive()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_many_consumers_of_one_loop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aio, "HEARTBEAT", 3600.0)
    gc.collect()  # loops of other tests, with their threads
    before = threads()

    async def main() -> None:
        cs = small(130)
        tasks = [asyncio.create_task(c.areceive()) for c in cs]
        await asyncio.sleep(0)
        assert threads() - before == (0 if kind == "io_uring" else 2)
        for i, c in enumerate(cs):
            with shmq.Producer[int](c.queue) as p:
                p.send(i)
        assert await asyncio.gather(*tasks) == list(range(130))
        for c in cs:
            c.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_sending_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aio, "HEARTBEAT", 3600.0)

    async def main() -> None:
        p = shmq.Producer[int]("q", shape=shmq.Shape(slots=4))
        c = shmq.Consumer[int]("q")
        task = asyncio.create_task(asend_all(p, 50))
        got: List[int] = []
        while len(got) < 50:
            got.append(await c.areceive())
        await task
        assert got == list(range(50))
        p.send_many(range(4))
        with pytest.raises(shmq.Full):
            await p.asend(1, timeout=0)
        with pytest.raises(shmq.Timeout) as e:
            await p.asend_bytes(b"\1", timeout=0.02)
        assert '"q"' in str(e.value)
        p.close()
        c.close()

    async def asend_all(p: "shmq.Producer[int]", n: int) -> None:
        for i in range(n):
            await p.asend(i)

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_loops_settle_as_those_of_for() -> None:
    async def main() -> None:
        c = shmq.Consumer[int]("q")
        with shmq.Producer[int]("q") as p:
            p.send_many(range(6))
        async for rec in c:
            if rec.value == 1:
                break
        assert rec.settled
        with pytest.raises(ZeroDivisionError):
            async for rec in c:
                rec.value / (rec.value - 3)
        assert (await c.alease()).redelivered == 1

        async def hang() -> None:
            async for rec in c:
                await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = c.lease(timeout=0)
        assert again.value == 3 and again.redelivered == 3  # the loop, alease, and hang
        iterator = c.__aiter__()
        try:
            await iterator.__anext__()
            raise KeyError
        except KeyError:
            pass
        del iterator
        left = [c.lease(timeout=0), c.lease(timeout=0)]
        assert sorted((r.value, r.redelivered) for r in left) == [(4, 1), (5, 0)]
        del left, again
        c.close()

    asyncio.run(main())


def test_timeouts_and_cancellation() -> None:
    async def main() -> None:
        c = shmq.Consumer[int]("q")
        p = shmq.Producer[int]("q")
        with pytest.raises(shmq.Empty):
            await c.areceive(timeout=0)
        with pytest.raises(shmq.Timeout):
            await c.areceive_bytes(timeout=0.15)
        task = asyncio.create_task(c.areceive())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        p.send(1)
        assert await c.areceive() == 1
        task = asyncio.create_task(c.areceive())
        await asyncio.sleep(0)
        c.close()
        with pytest.raises(shmq.Closed):
            await task
        p.close()

    asyncio.run(main())


def test_the_dead_are_found_at_the_heartbeat(crew: Crew) -> None:
    async def main() -> None:
        a = crew.agent("consumer")
        with shmq.Producer[bytes]("q", codec=shmq.Bytes()) as p:
            p.send(b"x")
        assert a.lease() == [(0, "x")]
        task = asyncio.create_task(c.alease())
        await asyncio.sleep(0)
        a.kill()
        rec = await asyncio.wait_for(task, PATIENCE)
        assert rec.redelivered == 1 and rec.ack()

    with shmq.Consumer[bytes]("q", codec=shmq.Bytes()) as c:
        asyncio.run(main())


def test_a_wait_that_is_cancelled_passes_its_wake_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two consumers wait; the one that is woken turns to something else."""
    monkeypatch.setattr(_aio, "HEARTBEAT", 3600.0)  # which would make up for it

    async def main() -> None:
        a, b = shmq.Consumer[int]("q"), shmq.Consumer[int]("q")
        p = shmq.Producer[int]("q")
        for _ in range(50):
            tasks: List["asyncio.Task[Any]"] = [asyncio.create_task(c.areceive()) for c in (a, b)]
            await asyncio.sleep(0)
            p.send(1)
            tasks[0].cancel()
            await asyncio.wait(tasks[:1], timeout=PATIENCE)
            got = [t.result() for t in tasks[:1] if not t.cancelled()]
            if not got:
                got = [await asyncio.wait_for(tasks[1], PATIENCE)]
            assert got == [1]
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for end in (a, b, p):
            end.close()

    asyncio.run(main())
