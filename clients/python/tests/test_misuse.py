"""Arguments and objects that are not what they should be: errors that say so, and name a remedy."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest

import shmq


@pytest.mark.parametrize("call", [shmq.Producer, shmq.Consumer, shmq.create, shmq.remove, shmq.stat, shmq.path, shmq.recover, shmq.participants])
def test_names(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="str"):
        call(b"q")
    with pytest.raises(shmq.BadName, match="UTF-8"):
        call("a\udcff")


def test_paths_are_names(directory: Path) -> None:
    path = directory / "shmq.q"
    shmq.create(path, shmq.Shape(slots=8))
    with shmq.Producer[int](path) as p:
        p.send(1)
    assert shmq.stat(path).depth == 1 and shmq.path(path) == str(path) == shmq.path("q")
    shmq.remove(path)
    assert not path.exists()


@pytest.mark.parametrize("field", ["slots", "slot_size", "seats", "mode", "producers", "consumers"])
@pytest.mark.parametrize("value", ["x", 4.0, None, -1, [1], 1 << 40])
def test_shapes(field: str, value: Any) -> None:
    fields: Dict[str, Any] = {field: value}
    with pytest.raises(shmq.BadOption, match=field):
        shmq.Producer("q", shape=shmq.Shape(**fields))
    with pytest.raises(shmq.BadOption, match=field):
        shmq.create("q", shmq.Shape(**fields))


def test_options() -> None:
    wrong: Any
    for wrong in ([], "never", None):
        with pytest.raises(shmq.BadOption, match="wait"):
            shmq.Consumer("q", wait=wrong)
    for wrong in (8, {"slots": 8}):
        with pytest.raises(TypeError, match="shmq.Shape"):
            shmq.Consumer("q", shape=wrong)


@pytest.mark.parametrize("codec", [shmq.Json, "json", re, 5, object()])
def test_codecs_that_are_none(codec: Any) -> None:
    for end in (shmq.Producer, shmq.Consumer):
        with pytest.raises(TypeError, match=r"encode\(value\) and decode\(data\)"):
            end("q", codec=codec)


def test_a_codec_that_is_empty_is_one() -> None:
    class Table(Dict[int, bytes]):
        def encode(self, value: int) -> bytes:
            return b"table"

        def decode(self, data: bytes) -> int:
            return -1

    with shmq.Producer[int]("q", codec=Table()) as p, shmq.Consumer[int]("q", codec=Table()) as c:
        p.send(1)
        assert c.receive() == -1


@pytest.mark.parametrize("result", [None, "text", 5, np.zeros((4, 4))[:, 1], object()])
def test_what_codecs_make_has_to_be_bytes(result: Any) -> None:
    class Bad(shmq.Bytes):
        def encode(self, value: Any) -> Any:
            return result

    with shmq.Producer[Any]("q", codec=Bad()) as p:
        for send in (p.send, p.send_bytes):
            with pytest.raises((TypeError, BufferError, ValueError), match='"q".*bytes|contiguous'):
                send(result)
    assert shmq.stat("q").depth == 0


@pytest.mark.parametrize("value", ["x", 1.5, None, -1])
def test_sizes(value: Any) -> None:
    with shmq.Producer[int]("q") as p, shmq.Consumer[int]("q") as c:
        r = p.reserve(np.int64(8))  # type: ignore[arg-type]
        uses: List[Callable[[], Any]] = [lambda: p.wait(0, value), lambda: p.reserve(value)]
        if value is not None:
            uses += [lambda: r.commit(value), lambda: c.receive_many(value), lambda: c.lease_many(value)]
        for use in uses:
            with pytest.raises((TypeError, ValueError), match="shmq: (size|most) is a whole number from 0 on"):
                use()
        with pytest.raises(shmq.NotReserved, match='"q".* 8 bytes'):
            r.commit(9)
        r.commit(1 << 3)
        with pytest.raises(shmq.TooLarge):
            p.reserve(1 << 90)
        assert len(c.receive_bytes_many(1 << 90)) == 1


def test_others_among_ends_and_records() -> None:
    other: Any = 5
    with shmq.Consumer[int]("q") as c:
        with pytest.raises(TypeError, match="this is a int"):
            shmq.Waiter(c, other).wait(0)
        with pytest.raises(TypeError, match='"q".*this is a int'):
            c.ack_many([other])


def test_exceptions_have_numbers_of_the_system(directory: Path) -> None:
    shmq.create("r")
    calls: Dict[int, Callable[[], Any]] = {
        errno.ENOENT: lambda: shmq.Consumer("q", no_create=True),
        errno.EEXIST: lambda: shmq.create("r"),
        errno.ETIMEDOUT: lambda: shmq.Consumer[int]("r").receive(timeout=0.001),
    }
    for number, call in calls.items():
        with pytest.raises(OSError) as e:
            call()
        assert e.value.errno == number


def test_what_was_looked_at_is_not_to_be_found_through_its_views() -> None:
    """A memoryview names the object whose memory it is."""
    with shmq.Producer[int]("q") as p, shmq.Consumer[int]("q") as c:
        p.send_bytes_many([b"one", b"two", b"three", b"four"])
        settle: "Any"
        for settle in (lambda rec: rec.ack(), lambda rec: rec.release(), lambda rec: c.ack_many([rec]), lambda rec: rec.__exit__(None, None, None)):
            rec = c.lease(timeout=0)
            of = rec.data.obj
            settle(rec)
            with pytest.raises(BufferError):
                memoryview(of)
        for end in ("commit", "abort"):
            r = p.reserve(4)
            of = r.data.obj
            getattr(r, end)()
            with pytest.raises(BufferError):
                memoryview(of)
        rec = c.lease(timeout=0)
        of = rec.data.obj
        del rec
        with pytest.raises(BufferError):
            memoryview(of)


def test_subinterpreters_are_refused_and_harm_nobody() -> None:
    program = r"""
import sys, shmq
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    one = interpreters.create("legacy")
else:
    import _xxsubinterpreters as interpreters
    one = interpreters.create(**({"isolated": False} if sys.version_info >= (3, 12) else {}))
import_it = "try: import shmq\nexcept ImportError as e: assert 'main interpreter' in str(e.__cause__ or e), e\nelse: raise AssertionError"
for _ in range(2):
    assert interpreters.run_string(one, import_it) is None
with shmq.Producer("q") as p, shmq.Consumer("q") as c:
    p.send(1)
    assert c.receive() == 1
try:
    shmq.stat("none")
except shmq.Absent:
    print("well")
"""
    ran = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert ran.stdout == "well\n"
