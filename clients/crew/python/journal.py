"""What a worker has done, in a file of entries of 32 bytes: see c/journal.h."""

from __future__ import annotations

import os
import struct
import sys
import time
from typing import Iterator, NoReturn, Tuple

ATTACHED, TRY, SENT, WAIT, TOOK, ACKING, ACKED, RELEASING, LEAVING, LEFT, FAILED = range(1, 12)

now = time.monotonic_ns  # CLOCK_MONOTONIC

_entry = struct.Struct("<BBHIQqq")
_file = -1


def open_at(path: str) -> None:
    global _file
    _file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def note(kind: int, flag: int = 0, count: int = 0, id: int = 0, a: int = 0) -> None:
    os.write(_file, _entry.pack(kind, flag, count, 0, id, a, now()))


def entries(path: str) -> "Iterator[Tuple[int, ...]]":
    """Those of a life that is over: kind, flag, count, 0, id, a, at."""
    with open(path, "rb") as f:
        data = f.read()
    return _entry.iter_unpack(data[: len(data) // _entry.size * _entry.size])


def fail(why: str) -> NoReturn:
    """Tells the parent why this process can't go on, and ends it."""
    if _file >= 0:
        note(FAILED)
    print("FAIL", why.replace("\n", " | "), flush=True)
    sys.stdout.flush()
    os._exit(1)
