"""Queues in every state that a kill can leave, and files that are refused: images that are read to the same JSON by
the clients of all languages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Dict, Tuple, Type

import pytest

import shmq
from conftest import PATIENCE

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
IMAGES = sorted(GOLDEN.glob("*.gz"))
REFUSED = sorted((GOLDEN / "refused").glob("*.gz"))

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="not in a checkout of the project, so there are no images")


def test_there_are_images() -> None:
    assert len(IMAGES) > 90 and len(REFUSED) > 6


def copy_of(image: Path, directory: Path) -> str:
    path = directory / "queue"
    path.write_bytes(gzip.decompress(image.read_bytes()))
    return str(path)


def description(path: str) -> Dict[str, Any]:
    i = shmq.stat(path)
    found: Dict[str, Any] = {
        "producers": i.shape.producers,
        "consumers": i.shape.consumers,
        "slots": i.shape.slots,
        "slot_size": i.shape.slot_size,
        "seats": i.shape.seats,
        "checksum": i.shape.checksum,
        "timestamps": i.shape.timestamps,
        "creation_id": i.creation.hex(),
        "begun": i.epoch > 0,
        "finished": i.epoch > 0 and i.finished == i.epoch,
    }
    for name in (
        "head", "tail", "sent", "sent_bytes", "received", "received_bytes", "redelivered", "torn", "skipped",
    ):  # fmt: skip
        found[name] = getattr(i, name)
    found["participants"] = [
        {
            "seat": p.seat,
            "role": p.role,
            "pid": p.pid,
            "command": p.command,
            "alive": p.alive,
            "records": p.records,
            "bytes": p.bytes,
        }
        for p in shmq.participants(path)
    ]
    found["delivered"] = []
    with shmq.Consumer[bytes](path, no_create=True, until_end=True, codec=shmq.Bytes()) as c:
        try:
            while True:
                rec = c.lease(PATIENCE)  # all producers are dead, so there is an end
                found["delivered"].append(
                    {"data": rec.value.hex(), "redelivered": rec.redelivered, "sent_at": rec.sent_at or 0, "id": rec.id}
                )
                assert rec.ack()
        except (shmq.EndOfStream, shmq.BrokenStream) as e:
            found["then"] = e.code
    return found


@pytest.mark.parametrize("image", IMAGES, ids=lambda p: p.stem)
def test_golden_queue(image: Path, directory: Path) -> None:
    want = json.loads(image.with_suffix(".json").read_text())
    assert description(copy_of(image, directory)) == want


CLASSES: Dict[str, Tuple[Type[shmq.Error], ...]] = {
    "layout": (shmq.UnknownLayout,),
    "damaged": (shmq.Damaged,),
    "not-queue": (shmq.NotQueue,),
    "rebuild": (shmq.NeedsRebuild,),
}


@pytest.mark.parametrize("image", REFUSED, ids=lambda p: p.stem)
def test_golden_refusal(image: Path, directory: Path) -> None:
    want = json.loads(image.with_suffix(".json").read_text())
    path = copy_of(image, directory)
    for role in (shmq.Consumer, shmq.Producer):
        with pytest.raises(CLASSES[want["code"]]) as e:
            role(path)
        assert e.value.code == want["code"] and want["says"] in str(e.value) and path in str(e.value)
    if want["stat"]:
        assert shmq.stat(path).size == Path(path).stat().st_size
    else:
        with pytest.raises(CLASSES[want["code"]]):
            shmq.stat(path)
