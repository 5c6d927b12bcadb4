"""Objects that a program makes or ties in ways that were not meant."""

from __future__ import annotations

import asyncio
import copy
import gc
import weakref
from typing import Any, Callable

import numpy as np
import pytest

import shmq
from shmq import _shmq

TYPES = [shmq.Record, shmq.Reservation, shmq.Producer, shmq.Consumer, *(_shmq.__dict__[n] for n in dir(_shmq))]


@pytest.mark.filterwarnings("ignore:nanobind")
@pytest.mark.parametrize("cls", [t for t in TYPES if isinstance(t, type)], ids=repr)
def test_objects_that_new_made_alone(cls: Any) -> None:
    try:
        o = cls.__new__(cls)
    except TypeError:
        return
    uses: "list[Callable[[], Any]]" = [
        lambda: len(o), lambda: memoryview(o), lambda: bytes(o), lambda: np.frombuffer(o, np.uint8), lambda: iter(o), lambda: next(o),
        lambda: o.__init__(), lambda: o.__enter__(), lambda: shmq.Waiter(o).wait(0), lambda: repr(o),
        *(lambda name=name: getattr(o, name)() for name in dir(cls) if not name.startswith("__")),
    ]  # fmt: skip
    for use in uses:
        try:
            result = use()
            if asyncio.iscoroutine(result):
                asyncio.run(result)
        except (TypeError, RuntimeError, AttributeError, BufferError, ValueError):
            pass


@pytest.mark.filterwarnings("ignore:nanobind")
def test_ends_that_are_initialized_twice() -> None:
    with shmq.Producer[int]("q") as p, shmq.Consumer[int]("q") as c:
        rec = iter(c)
        for end in (p, c):
            with pytest.raises(TypeError):
                end.__init__("other")  # type: ignore[misc]
        p.send(1)
        assert next(rec).value == 1


def test_records_are_not_copied() -> None:
    with shmq.Producer[int]("q") as p, shmq.Consumer[int]("q") as c:
        p.send(1)
        rec = c.lease()
        for o in (rec, p.reserve(1), iter(c)):
            with pytest.raises(TypeError):
                copy.copy(o)


class Holder(shmq.Msgpack):
    """The codec of the end that it holds."""

    def __init__(self, end: Any, hold: Callable[[Any], Any]) -> None:
        super().__init__()
        self.end = end("q", codec=self)
        self.held = hold(self.end)


def started(iterator: Any) -> Any:
    next(iterator)
    return iterator


def of_itself(rec: Any) -> Any:
    rec.value.append(rec)


HOLDS = {
    "producer": (shmq.Producer, lambda p: None),
    "reservation": (shmq.Producer, lambda p: p.reserve(8)),
    "consumer": (shmq.Consumer, lambda c: None),
    "record": (shmq.Consumer, lambda c: c.lease()),
    "value": (shmq.Consumer, lambda c: of_itself(c.lease())),
    "batch": (shmq.Consumer, lambda c: c.lease_many()),
    "iterator": (shmq.Consumer, iter),
    "started iterator": (shmq.Consumer, lambda c: started(iter(c))),
    "records": (shmq.Consumer, lambda c: c.records()),
    "async records": (shmq.Consumer, lambda c: c.__aiter__()),
}


@pytest.mark.parametrize("kind", HOLDS)
def test_cycles_are_collected(kind: str) -> None:
    with shmq.Producer[Any]("q") as p:
        p.send_many([[1], [2], [3]])
        holder = Holder(*HOLDS[kind])
        there = weakref.ref(holder)
        del holder
        gc.collect()
        assert there() is None
        info = shmq.stat("q")
        assert (info.producers, info.consumers) == (1, 0)
        with shmq.Consumer[Any]("q") as c:
            assert len(c.lease_many(timeout=0)) > 0  # what was held came back
