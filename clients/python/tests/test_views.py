"""Bytes in place: no view outlives its record, and nothing crashes that tries."""

from __future__ import annotations

import gc
import os
from typing import List

import numpy as np
import pytest

import shmq

Producer = shmq.Producer[bytes]
Consumer = shmq.Consumer[bytes]


@pytest.fixture
def ends(mode: shmq.Shape) -> "tuple[Producer, Consumer]":
    p = Producer("q", shape=mode, codec=shmq.Bytes())
    return p, Consumer("q", codec=shmq.Bytes())


def test_memoryviews_end_with_the_record(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send(b"abcdef")
    rec = c.lease()
    view = rec.data
    assert view is rec.data and bytes(view) == b"abcdef" and view.readonly and bytes(view[1:3]) == b"bc"
    assert rec.ack()
    with pytest.raises(ValueError):
        view[0]


def test_zeros_of_a_cut_file_are_no_record(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send(b"x" * 40)
    rec = c.lease()
    view = rec.data
    assert bytes(view) == b"x" * 40
    os.truncate(shmq.path("q"), 4096)
    assert bytes(view) == bytes(40)  # the guard's
    with pytest.raises(shmq.Truncated):
        rec.value
    view.release()


def test_arrays_keep_a_record(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send_bytes(np.arange(20.0))
    rec = c.lease()
    a = np.frombuffer(rec, np.float64)
    part = a[3:5]
    assert not a.flags.writeable and a.sum() == 190
    for settle in (rec.ack, rec.release):
        with pytest.raises(BufferError) as e:
            settle()
        assert '"q"' in str(e.value) and "copy" in str(e.value)
    del a
    with pytest.raises(BufferError):
        c.ack_many([rec])
    assert part[0] == 3
    del part
    assert rec.ack() and c.try_lease() is None


def test_a_slice_of_the_view_keeps_a_record_too(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send(b"abcdef")
    rec = c.lease()
    part = rec.data[2:4]
    with pytest.raises(BufferError):
        rec.ack()
    assert bytes(part) == b"cd"
    part.release()
    assert rec.ack()


def test_the_array_of_a_loop_may_last_a_step_longer(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    for n in range(8):
        p.send_bytes(np.full(4, n))
    total = 0
    with pytest.raises(shmq.Empty):
        for rec in c.records(timeout=0):
            a = np.frombuffer(rec, np.int64)
            total += int(a.sum())
    assert total == 4 * 28
    del a
    c.close()
    assert Consumer("q").try_lease() is None


def test_arrays_that_are_collected_are_an_error(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    for n in range(4):
        p.send_bytes(np.full(4, n))
    kept: List["np.typing.NDArray[np.int64]"] = []
    with pytest.raises(BufferError) as e:
        for rec in c:
            kept.append(np.frombuffer(rec, np.int64))
    assert "copy" in str(e.value)
    assert [int(a[0]) for a in kept] == list(range(len(kept)))  # they are whole, all of them


def test_with_blocks_leave_it_to_the_last_view(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send(b"one")
    p.send(b"two")
    with c.lease() as rec:
        a = np.frombuffer(rec, np.uint8)
    assert rec.settled and bytes(a) == b"one"
    with pytest.raises(KeyError), c.lease() as rec:
        b = np.frombuffer(rec, np.uint8)
        raise KeyError
    assert c.try_lease() is None  # not given back yet
    del a, b
    again = c.lease(timeout=0)
    assert again.tobytes() == b"two" and again.redelivered == 1
    again.ack()
    assert c.try_lease() is None


def test_closing_leaves_the_queue_with_the_last_view(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.send(b"abc")
    rec = c.lease()
    a = np.frombuffer(rec, np.uint8)
    with pytest.warns(ResourceWarning, match='"q"'):
        c.close()
    assert bytes(a) == b"abc" and shmq.stat("q").consumers == 1
    with pytest.raises(shmq.Settled):
        rec.data
    with pytest.raises(shmq.Closed):
        c.lease()
    del a
    assert shmq.stat("q").consumers == 0
    assert Consumer("q", codec=shmq.Bytes()).lease(timeout=0).redelivered == 1


def test_views_outlive_all_objects() -> None:
    p, c = Producer("q", codec=shmq.Bytes()), Consumer("q")
    p.send(b"abc")
    a = np.frombuffer(c.lease(), np.uint8)
    del c
    gc.collect()
    assert bytes(a) == b"abc"
    del a
    assert shmq.stat("q").consumers == 0


def test_reservations_in_place(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    with p.reserve(80) as r:
        np.frombuffer(r, np.float64)[:] = np.arange(10)
        assert len(r) == 80
    assert np.frombuffer(c.receive(), np.float64).sum() == 45
    r = p.reserve(100)
    r.data[:3] = b"abc"
    r.commit(3)
    assert c.receive() == b"abc"
    with pytest.raises(shmq.NotReserved):
        r.commit()
    with pytest.raises(shmq.NotReserved):
        r.data
    with pytest.raises(KeyError), p.reserve(8):
        raise KeyError
    p.send(b"next")
    assert c.receive(timeout=5) == b"next" and c.try_lease() is None


def test_a_reservation_that_is_viewed_is_not_committed(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    r = p.reserve(8)
    a = np.frombuffer(r, np.uint8)
    a[:] = 7
    with pytest.raises(BufferError) as e:
        r.commit()
    assert '"q"' in str(e.value) and c.try_lease() is None
    with pytest.raises(shmq.Reserved):
        p.send(b"x")
    del a
    r.commit()
    assert c.receive() == b"\7" * 8


def test_an_abort_waits_for_the_last_view(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    with pytest.raises(KeyError), p.reserve(8) as r:
        a = np.frombuffer(r, np.uint8)
        raise KeyError
    a[:] = 7
    with pytest.raises(shmq.Reserved):
        p.send(b"x")
    del a
    p.send(b"x")
    assert c.receive(timeout=5) == b"x" and c.try_lease() is None


def test_a_dropped_reservation_is_aborted(ends: "tuple[Producer, Consumer]") -> None:
    p, c = ends
    p.reserve(8)
    p.send(b"x")
    assert c.receive(timeout=5) == b"x"


def test_a_large_array_in_place() -> None:
    shape = shmq.Shape(slots=8, slot_size=1 << 20)
    x = np.random.default_rng(1).random(1 << 18)
    with Producer("q", shape=shape) as p, Consumer("q") as c:
        for _ in range(20):
            p.send_bytes(x)
            with c.lease() as rec:
                y = np.frombuffer(rec, np.float64)
                assert y.ctypes.data % 8 == 0 and np.array_equal(x, y)
                del y
