"""Queues from outside: make, remove, describe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Union

from . import _shmq
from .errors import BadName, BadOption

#: What names a queue.
Name = Union[str, "os.PathLike[str]"]


def name_of(name: Name) -> str:
    text = os.fspath(name)
    if not isinstance(text, str):
        raise TypeError(f"shmq: the name of a queue is a str or a path of one, and not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadName(f"shmq: {text!a} is no name of a queue: it is not UTF-8", -14) from None
    return text


_MULTIPLICITY = {"any": 0, "many": 1, "one": 2, "each": 3}
_MULTIPLICITY_NAMES = {number: name for name, number in _MULTIPLICITY.items()}
_ROLES = {1: "producer", 2: "consumer"}


@dataclass(frozen=True)
class Shape:
    """What a queue is like. 0 is the default, and ``"any"`` takes what is there."""

    slots: int = 0  #: rounded up to a power of two; 4096
    slot_size: int = 0  #: bytes; 1024. A larger record takes several slots, half of all at most.
    seats: int = 0  #: participants at a time; 128
    mode: int = 0  #: permission bits; 0o600
    producers: str = "any"  #: "many", or "one": a single participant has the role, and is faster
    consumers: str = "any"  #: the same, or "each": each of them gets every record that is sent while it is there
    checksum: bool = False  #: each record has a CRC-32C
    timestamps: bool = False  #: each record says when it was sent

    def _fields(self) -> "tuple[int, int, int, int, int, int, int]":
        for field, most in (("slots", 1 << 24), ("slot_size", 1 << 30), ("seats", 1024), ("mode", 0o7777)):
            value = getattr(self, field)
            if not isinstance(value, int) or not 0 <= value <= most:
                raise BadOption(f"shmq: {field} is a whole number from 0 to {most}, not {value!r}", -15)
        for field in ("producers", "consumers"):
            if getattr(self, field) not in list(_MULTIPLICITY):
                raise BadOption(f'shmq: {field} is "any", "many" or "one", or "each" of consumers, not {getattr(self, field)!r}', -15)
        return (
            self.slots,
            self.slot_size,
            self.seats,
            self.mode,
            _MULTIPLICITY[self.producers],
            _MULTIPLICITY[self.consumers],
            self.checksum | self.timestamps << 1,
        )


@dataclass(frozen=True)
class Info:
    """A queue at some moment; the numbers are of slightly different ones."""

    shape: Shape
    size: int  #: bytes
    created: int  #: Unix time in nanoseconds
    creation: bytes  #: of 16 bytes; no other queue has it
    head: int
    tail: int
    depth: int  #: slots in use
    epoch: int  #: producers that ever began to send
    left: int  #: those that left in order
    ends: int  #: streams that ended
    finished: int
    skipped: int  #: claims of dead producers that were passed over
    torn: int  #: records dropped for their checksum
    sent: int
    sent_bytes: int
    received: int
    received_bytes: int
    redelivered: int
    producers: int  #: attached and alive
    consumers: int
    dead: int  #: participants to be recovered


@dataclass(frozen=True)
class Participant:
    """A participant, as it says of itself; whether it is alive is the kernel's word."""

    seat: int
    role: str  #: "producer" or "consumer"
    pid: int
    uid: int
    start_time: int  #: of the process, clock ticks since boot
    attached: int  #: Unix time in nanoseconds
    records: int
    bytes: int
    waits: int
    wakes: int
    redelivered: int
    alive: bool
    command: str


def create(name: Name, shape: Shape = Shape()) -> None:
    """Makes a queue: ``Exists`` if there is one."""
    _shmq._create(name_of(name), *shape._fields())


def create_anonymous(shape: Shape = Shape()) -> int:
    """Makes a queue without a name and returns the descriptor that it is: ``f"fd:{n}"`` names it.

    The descriptor is closed on exec; ``subprocess`` passes it on with ``pass_fds``.
    """
    return _shmq._create_anonymous(*shape._fields())


def remove(name: Name, force: bool = False) -> None:
    """Removes a queue: ``InUse`` while a participant is attached. With force, they find out."""
    _shmq._remove(name_of(name), force)


def path(name: Name) -> str:
    """Returns the path of the file that a name means."""
    return _shmq._path(name_of(name))


def recover(name: Name) -> int:
    """Recovers participants that died, which others do as they go on. Returns how many."""
    return _shmq._recover(name_of(name))


def stat(name: Name) -> Info:
    """Describes a queue. It needs no seat and disturbs nobody."""
    fields: Dict[str, Any] = dict(_shmq._stat(name_of(name)))
    s = fields.pop("shape")
    shape = Shape(
        slots=s["slots"],
        slot_size=s["slot_size"],
        seats=s["seats"],
        mode=s["mode"],
        producers=_MULTIPLICITY_NAMES[s["producers"]],
        consumers=_MULTIPLICITY_NAMES[s["consumers"]],
        checksum=bool(s["flags"] & 1),
        timestamps=bool(s["flags"] & 2),
    )
    return Info(shape=shape, **fields)


def participants(name: Name) -> List[Participant]:
    """Lists the participants that are attached, or died and are to be recovered."""
    found = []
    for fields in _shmq._participants(name_of(name)):
        role = _ROLES.get(fields.pop("role"), "unknown")
        found.append(Participant(role=role, **fields))
    return found


def version() -> str:
    """Returns the version of libshmq."""
    return _shmq._version()


