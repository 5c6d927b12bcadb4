"""Queues of which each consumer gets every record."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import shmq

IMAGE = Path(__file__).resolve().parents[2] / "golden" / "each" / "one-lapped.gz"


def test_each_consumer_gets_every_record(directory: Path) -> None:
    q = str(directory / "prices")
    shmq.create(q, shmq.Shape(consumers="each", slots=8, slot_size=64))
    assert shmq.stat(q).shape.consumers == "each"
    with shmq.Producer(q, codec=shmq.Bytes()) as p, shmq.Consumer(q, codec=shmq.Bytes()) as a, shmq.Consumer(
        q, codec=shmq.Bytes()
    ) as b:
        for i in range(3):
            p.send(bytes([i]))
        for c in (a, b):
            assert [c.receive(1) for _ in range(3)] == [b"\0", b"\1", b"\2"]
            with pytest.raises(shmq.Empty):
                c.receive(0)
        for _ in range(8):
            p.send(b"", 0)
        with pytest.raises(shmq.Full):  # they are waited for
            p.send(b"", 0)
    with pytest.raises(shmq.BadOption, match="multiplicity"):
        shmq.create(q + "2", shmq.Shape(producers="each"))


@pytest.mark.skipif(not IMAGE.exists(), reason="not in a checkout of the project, so there are no images")
def test_one_that_is_not_waited_for_is_told_what_it_lost(directory: Path) -> None:
    q = directory / "prices"
    q.write_bytes(gzip.decompress(IMAGE.read_bytes()))
    with shmq.Producer(str(q), codec=shmq.Bytes()) as p, shmq.Consumer(str(q), codec=shmq.Bytes()) as c:
        for i in range(30):
            p.send(bytes([i]))
        with pytest.raises(shmq.Lagged, match="positions 31 to"):
            c.receive(0)
        assert c.receive(0) > bytes([20])
        with pytest.raises(shmq.BadOption, match="no lease"):
            c.lease(0)
