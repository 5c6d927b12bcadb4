"""The records of the storm: every byte follows from the id, the size and its place. See record_test.go."""

from __future__ import annotations

import struct
from typing import Optional

MIN = 8
_MASK = (1 << 64) - 1


def make(id: int, size: int) -> bytes:
    first = id + (size << 32)
    words = [id] + [((first + i) * 0x9E3779B97F4A7C15 + 1) & _MASK for i in range(1, (size + 7) // 8)]
    return struct.pack(f"<{len(words)}Q", *words)[:size]


def read(b: bytes) -> Optional[int]:
    """The id of a record, or None if it is no record."""
    if len(b) < MIN:
        return None
    id = int.from_bytes(b[:8], "little")
    return id if make(id, len(b)) == b else None
