"""A parcel goes round the ring: see parcel_test.go for its fields and its sum."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, fields
from typing import Any, Dict, List, Optional

import shmq

_MASK = (1 << 64) - 1


@dataclass
class Parcel:
    number: int
    copy: int
    big: int
    small: int
    ratio: float
    nothing: None
    maybe: Optional[str]
    name: str
    blob: bytes
    yes: bool
    tree: Dict[str, Any]
    list: List[Any]
    trail: List[List[Any]] = field(default_factory=lambda: [])
    sum: int = 0

    def right_sum(self) -> int:
        """The sum that its other fields have."""
        out: List[bytes] = []
        for v in (self.number, self.big, self.small, float(self.ratio), self.nothing, self.maybe):
            _canonical(out, v)
        for w in (self.name, self.blob, self.yes, self.tree, self.list):
            _canonical(out, w)
        h = _mix(0, out)
        for hop, life in self.trail:
            out = []
            _canonical(out, hop)
            _canonical(out, life)
            h = _mix(h, out)
        out = []
        _canonical(out, self.copy)
        return _mix(h, out)

    def extend(self, hop: str, life: int, copy: int) -> None:
        """Adds a stop, and sums up again."""
        self.trail.append([hop, life])
        self.copy = copy
        self.sum = self.right_sum()


_NAMES = [f.name for f in fields(Parcel)]


class ParcelCodec:
    """Parcels as msgpack maps."""

    def __init__(self) -> None:
        self._msgpack = shmq.Msgpack()

    def encode(self, value: Parcel) -> bytes:
        return self._msgpack.encode({name: getattr(value, name) for name in _NAMES})

    def decode(self, data: bytes) -> Parcel:
        return Parcel(**self._msgpack.decode(data))


def _mix(h: int, out: List[bytes]) -> int:
    h = (h ^ zlib.crc32(b"".join(out))) * 0x9E3779B97F4A7C15 & _MASK
    return h ^ h >> 32


_uint, _int, _float, _bytes, _list = (struct.Struct(f).pack for f in ("<cQ", "<cq", "<cd", "<cI", "<cI"))


def _canonical(out: List[bytes], v: Any) -> None:
    if v is None:
        out.append(b"n")
    elif v is True or v is False:
        out.append(b"t" if v else b"f")
    elif isinstance(v, int):
        out.append(_uint(b"u", v) if v >= 0 else _int(b"i", v))
    elif isinstance(v, float):
        out.append(_float(b"d", v))
    elif isinstance(v, (str, bytes)):
        tag = b"b"
        if isinstance(v, str):
            tag, v = b"s", v.encode()
        out.append(_bytes(tag, len(v)))
        out.append(v)
    elif isinstance(v, list):
        out.append(_list(b"a", len(v)))
        for item in v:
            _canonical(out, item)
    elif isinstance(v, dict):
        out.append(_list(b"m", len(v)))
        for key in sorted(v):  # by code point, which is the order of UTF-8
            _canonical(out, key)
            _canonical(out, v[key])
    else:
        raise TypeError(f"a parcel holds a {type(v).__name__}")


_NAMES_OF_PEOPLE = ["Ada", "Łukasz Żółć", "张伟", "🐦‍⬛ crow", "", "e\u0301\u00e9", "\u0000nul", "ß" * 40, "नमस्ते", "x" * 300]
_BIGS = [0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
_SMALLS = [0, -1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**53), -(2**53) - 1, -(2**63), 2**63 - 1, 5]
_RATIOS = [0.1, -1.5, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 2.0, -3.0, 2.0**60, 1 / 3, 0.0, 16777216.5]
_BLOBS = [bytes(range(n)) for n in (0, 1, 31, 32, 255)] + [bytes(300)]


def _tree(k: int) -> Dict[str, Any]:
    tree: Dict[str, Any] = {"k": k, "empty": {}, "none": None, "ü": [k - 20, [], [[k % 3 == 0, "ß"]], -(2**40) - k]}
    tree["deep"] = {"a": {"b": {"c": {"": [k + 0.5, b"\x00\xff", "深い", 2**63 + k]}}}, "\ue000": 1, "😀": 2}
    if k % 4 == 0:
        tree.update((f"key {i}", i * k) for i in range(20))  # more than 15: another form of a map
    return tree


_TREES = [_tree(k) for k in range(64)]
_LISTS: List[List[Any]] = [[], [None, True, False], [1, [2, [3, [4]]]], list(range(-20, 20)), ["a", b"b", 0.25, {"c": -1}]]


def original(number: int) -> Parcel:
    """The parcel of that number, as it is sent off."""
    return Parcel(
        number=number,
        copy=0,
        big=_BIGS[number % len(_BIGS)] if number % 3 else number * 0x9E3779B97F4A7C15 & _MASK,
        small=_SMALLS[number % len(_SMALLS)],
        ratio=_RATIOS[number % len(_RATIOS)],
        nothing=None,
        maybe=None if number % 2 else f"maybe {number}",
        name=_NAMES_OF_PEOPLE[number % len(_NAMES_OF_PEOPLE)],
        blob=_BLOBS[number % len(_BLOBS)],
        yes=number % 7 == 0,
        tree=_TREES[number % len(_TREES)],
        list=_LISTS[number % len(_LISTS)],
    )
