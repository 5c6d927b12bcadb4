"""What a for statement does with records: the body's end acknowledges, an exception gives back."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import shmq
from conftest import Crew, until


@pytest.fixture
def c(mode: shmq.Shape) -> "shmq.Consumer[int]":
    """A consumer with the records 0 to 4 before it."""
    c = shmq.Consumer[int]("q", shape=mode)
    with shmq.Producer[int]("q") as p:
        p.send_many(range(5))
    return c


def rest(c: "shmq.Consumer[int]") -> List[int]:
    c.close()  # what was not settled is given back
    with shmq.Consumer[int]("q") as d:
        got: List[int] = []
        while True:
            rec = d.try_lease()
            if rec is None:
                return sorted(got)
            got.append(rec.value)
            rec.ack()


def test_each_record_is_acknowledged_when_the_next_is_asked_for(c: "shmq.Consumer[int]") -> None:
    seen = []
    with pytest.raises(shmq.Empty):
        for rec in c.records(timeout=0):
            seen.append(rec.value)
    assert seen == [0, 1, 2, 3, 4] and rest(c) == []


def test_an_exception_gives_the_record_back(c: "shmq.Consumer[int]") -> None:
    with pytest.raises(ZeroDivisionError):
        for rec in c:
            rec.value / (rec.value - 2)
    again = c.lease(timeout=0)
    assert (again.value, again.redelivered) == (2, 1)
    again.ack()
    assert rest(c) == [3, 4]


def test_break_acknowledges(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        if rec.value == 2:
            break
    assert rec.settled and rest(c) == [3, 4]


def test_return_acknowledges(c: "shmq.Consumer[int]") -> None:
    def first() -> int:
        for rec in c:
            return rec.value
        raise AssertionError

    assert first() == 0 and rest(c) == [1, 2, 3, 4]


def test_an_exception_that_the_body_catches_is_none(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        try:
            raise KeyError
        except KeyError:
            if rec.value == 1:
                break
    assert rest(c) == [2, 3, 4]


def test_the_body_may_settle(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        assert rec.release() if rec.value == 1 and rec.redelivered == 0 else rec.ack()
        if rec.redelivered > 0:
            break
    assert rec.value == 1 and 0 not in rest(c)


def in_enumerate(c: "shmq.Consumer[int]") -> None:
    for _, rec in enumerate(c):
        if rec.value == 1:
            raise KeyError


def in_map(c: "shmq.Consumer[int]") -> None:
    def work(rec: "shmq.Record[int]") -> None:
        if rec.value == 1:
            raise KeyError

    for _ in map(work, c):
        pass


def in_comprehension(c: "shmq.Consumer[int]") -> None:
    [{0: 0}[rec.value] for rec in c]


def in_generator(c: "shmq.Consumer[int]") -> None:
    def values() -> Iterator[int]:
        for rec in c:
            yield rec.value

    for value in values():
        if value == 1:
            raise KeyError


def in_variable(c: "shmq.Consumer[int]") -> None:
    iterator = iter(c)
    try:
        for rec in iterator:
            if rec.value == 1:
                raise KeyError
    except KeyError:
        pass
    raise KeyError  # when the iterator goes the first exception is long over


def by_hand(c: "shmq.Consumer[int]") -> None:
    iterator = iter(c)
    try:
        next(iterator)
        assert next(iterator).value == 1
        raise KeyError
    except KeyError:
        pass
    del iterator
    raise KeyError


@pytest.mark.parametrize("loop", [in_enumerate, in_map, in_comprehension, in_generator, in_variable, by_hand])
def test_exceptions_in_other_kinds_of_loops(c: "shmq.Consumer[int]", loop: Callable[["shmq.Consumer[int]"], None]) -> None:
    with pytest.raises(KeyError):
        loop(c)
    assert rest(c) == [1, 2, 3, 4]


def break_behind_a_loop(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        for _ in [1]:
            pass
        break


def break_behind_a_call(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        str(rec)
        break


def break_out_of_with(c: "shmq.Consumer[int]") -> None:
    for rec in c:
        with nullcontext():
            str(rec)
            break


def break_out_of_zip(c: "shmq.Consumer[int]") -> None:
    for rec, _ in zip(c, [1, 2]):
        break


def return_a_call(c: "shmq.Consumer[int]") -> str:
    for rec in c:
        return str(rec)
    return ""


@pytest.mark.parametrize(
    "loop", [break_behind_a_loop, break_behind_a_call, break_out_of_with, break_out_of_zip, return_a_call]
)
def test_other_breaks_acknowledge(c: "shmq.Consumer[int]", loop: Callable[["shmq.Consumer[int]"], object]) -> None:
    loop(c)
    assert rest(c) == [1, 2, 3, 4]


def from_a_list(c: "shmq.Consumer[int]") -> None:
    iterators = [iter(c)]
    next(iterators[0])
    iterators.pop()


def from_a_list_into_a_tuple(c: "shmq.Consumer[int]") -> None:
    iterators = [iter(c)]
    next(iterators[0])
    (iterators.pop(), iterators)


@pytest.mark.parametrize("way", [from_a_list, from_a_list_into_a_tuple])
def test_an_iterator_that_a_statement_drops(
    c: "shmq.Consumer[int]", way: Callable[["shmq.Consumer[int]"], None]
) -> None:
    way(c)
    assert rest(c) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("traced", [False, True])
def test_the_end_of_a_loop_over_something_shorter(c: "shmq.Consumer[int]", traced: bool) -> None:
    """zip takes a record, finds that there is no partner for it, and drops it: nobody saw it."""

    def trace(*_: Any) -> Any:
        return trace

    before = sys.gettrace()
    if traced:
        sys.settrace(trace)
    try:
        for rec, _ in zip(c, [1]):
            assert rec.value == 0
    finally:
        sys.settrace(before)
    assert rest(c) == [1, 2, 3, 4]


def test_a_signal_handler_that_takes_the_next_record_is_done_with_it(crew: Crew) -> None:
    program = crew.python(
        "import shmq, signal\n"
        "c = shmq.Consumer('q')\n"
        "records = iter(c)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print(next(records).value, flush=True))\n"
        "print('ready', flush=True)\n"
        "print(next(records).value, flush=True)\n"
        "del records\n"
        "c.close()\n"  # which gives back what is not settled
        "print([rec.value for rec in shmq.Consumer('q').lease_many()], flush=True)\n"
        "input()\n"
    )
    assert program.hear() == "ready"
    with shmq.Producer[str]("q") as p:
        until(lambda: in_sleep(program.pid))
        os.kill(program.pid, signal.SIGUSR1)
        until(lambda: handled(program.pid))
        p.send_many(["one", "two"])
        assert [program.hear(), program.hear(), program.hear()] == ["one", "two", "['two']"]


def in_sleep(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def handled(pid: int) -> bool:
    pending = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return all(int(line.split()[1], 16) == 0 for line in pending)


def test_with_blocks_settle(c: "shmq.Consumer[int]") -> None:
    with c.lease():
        pass
    with pytest.raises(KeyError), c.lease():
        raise KeyError
    assert rest(c) == [1, 2, 3, 4]


def test_a_dropped_record_is_given_back(c: "shmq.Consumer[int]") -> None:
    c.lease()
    again = c.lease(timeout=0)
    assert again.value == 0 and again.redelivered == 1


def test_a_settled_record_has_its_value_and_nothing_else(c: "shmq.Consumer[int]") -> None:
    rec, other = c.lease(), c.lease()
    assert rec.value == 0
    assert rec.ack() and not rec.ack() and not rec.release()
    other.ack()
    assert rec.value == 0
    for touch in (lambda: rec.data, lambda: rec.tobytes(), lambda: rec.id, lambda: other.value, lambda: memoryview(rec)):
        with pytest.raises(shmq.Settled):
            touch()


def test_batches_of_leases(c: "shmq.Consumer[int]") -> None:
    batch = c.lease_many()
    assert [r.value for r in batch] == [0, 1, 2, 3, 4]
    assert batch[1].ack()
    assert c.ack_many(batch[:3]) == 2
    assert c.ack_many(batch[:3]) == 0
    del batch
    assert rest(c) == [3, 4]


def test_streams_end() -> None:
    c = shmq.Consumer[int]("q", until_end=True)
    for stream in range(3):
        with shmq.Producer[int]("q") as p:
            p.send_many([stream, stream])
        assert [rec.value for rec in c] == [stream, stream]
        with pytest.raises(shmq.EndOfStream):
            c.receive()
        c.next_stream()
    c.close()


def test_an_exception_breaks_the_stream_off() -> None:
    with shmq.Consumer[int]("q", until_end=True) as c:
        with pytest.raises(KeyError), shmq.Producer[int]("q") as p:
            p.send(1)
            raise KeyError
        seen = []
        with pytest.raises(shmq.BrokenStream) as e:
            for rec in c:
                seen.append(rec.value)
        assert seen == [1] and '"q"' in str(e.value)


def test_only_a_finished_stream_is_complete_for_strict_consumers() -> None:
    with shmq.Consumer[int]("q", strict=True) as c:
        with shmq.Producer[int]("q") as p:
            p.send(1)
        assert [r.value for r in c] == [1]
        c.next_stream()
        p = shmq.Producer[int]("q")
        p.send(2)
        p.close()
        with pytest.raises(shmq.BrokenStream):
            [r.value for r in c]
