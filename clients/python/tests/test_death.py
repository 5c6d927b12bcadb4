"""Processes that are killed, stopped, or whose queue goes."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from typing import Any, Dict, List, Set

import pytest

import shmq
from conftest import PATIENCE, Crew, Process, until


def test_a_killed_consumer_loses_nothing(crew: Crew, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    with shmq.Producer[bytes]("q", codec=shmq.Bytes()) as p:
        a = crew.agent("consumer")
        for text in "abc":
            p.send(text.encode())
        assert a.lease() == [(0, "a")] and a.lease() == [(0, "b")]
        a.do("ack 0")
        a.kill()
        with shmq.Consumer[bytes]("q", codec=shmq.Bytes()) as c:
            got = [c.lease(PATIENCE) for _ in range(2)]
            assert sorted((r.tobytes(), r.redelivered > 0) for r in got) == [(b"b", True), (b"c", False)]
            assert c.ack_many(got) == 2


def test_a_killed_producer_blocks_nobody(crew: Crew) -> None:
    shmq.create("q", shmq.Shape(slots=16, slot_size=64))
    a = crew.agent("producer")
    a.do("reserve 40")
    a.do("fill")
    c = shmq.Consumer[bytes]("q", codec=shmq.Bytes())
    with shmq.Producer[bytes]("q", codec=shmq.Bytes()) as p:
        p.send(b"behind")
        assert c.try_lease() is None  # the reservation is alive, and before it
        a.kill()
        assert c.receive(PATIENCE) == b"behind"
    c.close()


def test_a_killed_producer_breaks_the_stream_off(crew: Crew, mode: shmq.Shape) -> None:
    shmq.create("q", mode)
    with shmq.Consumer[bytes]("q", codec=shmq.Bytes(), until_end=True) as c:
        a = crew.agent("producer")
        a.do("send x")
        a.kill()
        assert c.receive(PATIENCE) == b"x"
        with pytest.raises(shmq.BrokenStream):
            c.receive(PATIENCE)


def test_a_stopped_consumer_is_not_robbed(crew: Crew) -> None:
    shmq.create("q")
    a = crew.agent("consumer")
    with shmq.Producer[bytes]("q", codec=shmq.Bytes()) as p, shmq.Consumer[bytes]("q", codec=shmq.Bytes()) as c:
        p.send(b"x")
        assert a.lease() == [(0, "x")]
        a.stop()
        assert c.recover() == 0 and shmq.recover("q") == 0 and c.try_lease() is None
        assert [x.alive for x in shmq.participants("q") if x.pid == a.pid] == [True]
        a.kill()
        rec = c.lease(PATIENCE)
        assert rec.redelivered == 1 and rec.ack()


@pytest.mark.parametrize("shape", [shmq.Shape(consumers="one"), shmq.Shape(seats=2)])
def test_refusals_name_the_queue_and_a_remedy(crew: Crew, shape: shmq.Shape) -> None:
    c = shmq.Consumer[bytes]("q", shape=shape)
    p = shmq.Producer[bytes]("q")
    kind = shmq.RoleTaken if shape.consumers == "one" else shmq.NoSeat
    with pytest.raises(kind) as e:
        shmq.Consumer("q")
    assert '"q"' in str(e.value) and e.value.code in ("role", "seat")
    a = crew.agent()
    assert a.fails("consumer q").startswith("role" if kind is shmq.RoleTaken else "seat")
    p.close()
    c.close()
    assert a.do("consumer q") == ""


def test_a_removed_queue(crew: Crew) -> None:
    shmq.create("q")
    a = crew.agent("consumer")
    p = shmq.Producer[bytes]("q", codec=shmq.Bytes())
    p.send(b"x")
    with pytest.raises(shmq.InUse):
        shmq.remove("q")
    shmq.remove("q", force=True)
    with pytest.raises(shmq.Removed):
        p.check()
    with pytest.raises(shmq.Removed) as e:
        while True:
            p.send(b"x", timeout=PATIENCE)
    assert '"q"' in str(e.value)
    with pytest.raises(shmq.Removed):
        p.finish()
    a.say("sink")
    assert a.hear().startswith("err removed")


def test_a_cut_file_is_an_exception(crew: Crew) -> None:
    shmq.create("q", shmq.Shape(slots=64, slot_size=4096))
    a, b = crew.agent("producer"), crew.agent("consumer")
    a.do("send " + "x" * 3000)
    assert len(b.lease()) == 1
    a.do("reserve 4000")
    c = shmq.Consumer[bytes]("q")
    os.truncate(shmq.path("q"), 8192)
    assert a.fails("fill").startswith("truncated")
    assert b.fails("touch").startswith("truncated")
    with pytest.raises(shmq.Truncated) as e:
        c.receive(PATIENCE)
    assert '"q"' in str(e.value)
    for agent in (a, b):
        agent.do("close")


CUT = """
import os, shmq
p, c = shmq.Producer("q", shape=shmq.Shape(slots=64, slot_size=4096)), shmq.Consumer("q")
p.send_many(["x" * 3000] * 3)
cut = lambda: os.truncate(shmq.path("q"), 8192)
try:
    {}
except shmq.Truncated as e:
    assert '"q"' in str(e)
    print("truncated", type(e.__context__).__name__, flush=True)
input()
"""


@pytest.mark.parametrize(
    "body",
    [
        "with c.lease() as rec: cut(); rec.value",
        "with c.lease() as rec: cut(); rec.data[0]",  # zeros of the guard: the end of the block tells
        "with c.lease() as rec: cut()",
        "rec = c.lease(); cut(); rec.ack()",
        "rec = c.lease(); cut(); rec.release()",
        "recs = c.lease_many(); cut(); c.ack_many(recs)",
        "for rec in c: cut(); rec.value",
        "for rec in c: cut()",
    ],
)
def test_a_file_that_is_cut_in_the_body(crew: Crew, body: str) -> None:
    assert crew.python(CUT.format(body)).hear() == "truncated NoneType"  # one exception, without another in its context


def test_names(crew: Crew, directory: Any) -> None:
    with pytest.raises(shmq.BadName):
        shmq.create("a\nb")
    shmq.create("a")
    for use in (shmq.Producer, shmq.Consumer, shmq.create, shmq.remove, shmq.stat, shmq.recover, shmq.path, shmq.participants):
        with pytest.raises(shmq.BadName):
            use("a\0b")
    assert shmq.stat("a").producers == 0
    with pytest.raises(FileNotFoundError) as e:
        shmq.Consumer("none", no_create=True)
    assert isinstance(e.value, shmq.Absent) and e.value.errno is not None
    shmq.create(str(directory / "path"))
    with pytest.raises(FileExistsError):
        shmq.create(str(directory / "path"))
    with pytest.raises(shmq.BadOption):
        shmq.Producer(directory / "path", shape=shmq.Shape(slots=8))
    for wrong in (shmq.Shape(slots=-1), shmq.Shape(producers="two")):
        with pytest.raises(ValueError):
            shmq.create("q", wrong)
    with pytest.raises(ValueError):
        shmq.Producer("q", wait="nap")
    (directory / "shmq.text").write_text("no queue" * 4096)
    with pytest.raises(shmq.NotQueue):
        shmq.stat("text")


def test_queues_without_a_name(crew: Crew) -> None:
    fd = shmq.create_anonymous(shmq.Shape(slots=16))
    p = shmq.Producer[bytes](f"fd:{fd}", codec=shmq.Bytes())
    os.set_inheritable(fd, True)
    program = (
        f"import shmq; c = shmq.Consumer('fd:{fd}', codec=shmq.Bytes()); print('ready', flush=True); "
        "print(c.receive().decode(), flush=True); input()"
    )
    import subprocess

    child = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, pass_fds=[fd])
    os.close(fd)
    try:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        p.send(b"hello")
        assert child.stdout.readline() == "hello\n"
    finally:
        child.kill()
        child.communicate()


WORKER = """
import shmq, sys
c = shmq.Consumer("in", no_create=True)
p = shmq.Producer("out", no_create=True)
for rec in c:
    p.send([rec.value, rec.redelivered])
"""

SENDER = """
import shmq, sys
me, n = int(sys.argv[1]), int(sys.argv[2])
p = shmq.Producer("in", no_create=True)
for i in range(n, 1 << 30):
    p.send([me, i])
    print(i, flush=True)
"""


def test_storm_of_kills(crew: Crew) -> None:
    """Workers and senders that are killed again and again: what was sent arrives, and nothing unflagged twice."""
    rnd = random.Random(16)
    shmq.create("in", shmq.Shape(slots=32, slot_size=64))
    shmq.create("out", shmq.Shape(slots=1024, slot_size=64))
    into = shmq.Consumer[Any]("out")
    sent: Dict[int, int] = {}
    got: Dict[Any, List[int]] = {}

    def start(sender: bool) -> Process:
        if not sender:
            return crew.python(WORKER)
        me = len(sent)
        sent[me] = -1
        p = crew.run(sys.executable, "-c", SENDER, str(me), "0")
        p.number = me  # type: ignore[attr-defined]
        return p

    def drain() -> None:
        try:
            for rec in into:
                value, redelivered = rec.value
                got.setdefault(tuple(value), []).append(redelivered)
        except shmq.Closed:
            pass

    def note_rest(p: Process) -> None:
        assert p.popen.stdout is not None
        for line in p.popen.stdout.read().split():
            sent[p.number] = int(line)  # type: ignore[attr-defined]

    drainer = threading.Thread(target=drain)
    drainer.start()
    workers = [start(False) for _ in range(2)]
    senders = [start(True) for _ in range(2)]
    for _ in range(12):
        for p in senders:
            for _ in range(rnd.randrange(40)):
                sent[p.number] = int(p.hear())  # type: ignore[attr-defined]
        victims = rnd.choice([workers, senders])
        i = rnd.randrange(len(victims))
        victims[i].kill()
        if victims is senders:
            note_rest(victims[i])
        victims[i] = start(victims is senders)
    for p in senders:
        p.kill()
        note_rest(p)

    want: Set[Any] = {(me, i) for me, last in sent.items() for i in range(last + 1)}

    until(lambda: want <= set(list(got)))
    for p in workers:
        p.kill()
    into.close()
    drainer.join()
    for record, times in got.items():
        assert sum(1 for n in times if n == 0) <= 1, f"{record} came twice without a flag: {times}"
    extra = [r for r in got if r not in want]
    assert all(i == sent[me] + 1 for me, i in extra), "only a send that was under way may add a record"
