"""Message queues over shared memory, for processes of one Linux machine.

::

    with shmq.Producer("jobs") as p:
        p.send({"name": "Ada", "grade": 1})

    for rec in shmq.Consumer("jobs"):
        work(rec.value)  # acknowledged when the body is done

A record is delivered to one consumer, and again, flagged, if that one is killed before it has
acknowledged it. Programs in Go, C and other languages work on the same queues.
"""

import opcode as _opcode
import os as _os
import sys as _sys

from . import _shmq
from ._shmq import Record, Reservation
from .codecs import Bytes, Codec, Json, Msgpack
from .ends import Consumer, Producer, Waiter
from .errors import (
    Absent,
    BadName,
    BadOption,
    BrokenStream,
    Closed,
    Damaged,
    DecodeError,
    Empty,
    EndOfStream,
    Error,
    Exists,
    Forked,
    Full,
    InUse,
    Lagged,
    Misuse,
    NeedsRebuild,
    NoSeat,
    NoSpace,
    NotPermitted,
    NotQueue,
    NotReserved,
    NotSynced,
    Refused,
    Removed,
    Reserved,
    RoleTaken,
    Settled,
    SystemFailure,
    Timeout,
    TooLarge,
    Truncated,
    UnknownLayout,
)
from .queues import Info, Participant, Shape, create, create_anonymous, participants, path, recover, remove, stat, version

_os.register_at_fork(
    before=_shmq._before_fork,
    after_in_parent=_shmq._after_fork_in_parent,
    after_in_child=_shmq._after_fork_in_child,
)

# Which instructions take the iterator of a for statement from the stack at a break or a return, and behind which ones they take
# something else: the value of an expression, or, from 3.13 on, the iterator of a loop that has come to its end. See native/records.cpp.
_shmq._set_pops(
    [code for name, code in _opcode.opmap.items() if name in ("POP_TOP", "POP_ITER")],
    [
        code
        for name, code in _opcode.opmap.items()
        if name.startswith(("CALL", "BUILD", "END_SEND")) or (name == "END_FOR" and _sys.version_info >= (3, 13))
    ],
)

__version__ = "0.1.0"
__all__ = [
    "Absent", "BadName", "BadOption", "BrokenStream", "Bytes", "Closed", "Codec", "Consumer", "Damaged", "DecodeError", "Empty",
    "EndOfStream", "Error", "Exists", "Forked", "Full", "InUse", "Info", "Json", "Lagged", "Misuse", "Msgpack", "NeedsRebuild", "NoSeat",
    "NoSpace", "NotPermitted", "NotQueue", "NotReserved", "NotSynced", "Participant", "Producer", "Record", "Refused", "Removed",
    "Reservation", "Reserved", "RoleTaken", "Settled", "Shape", "SystemFailure", "Timeout", "TooLarge", "Truncated",
    "UnknownLayout", "Waiter", "create", "create_anonymous", "participants", "path", "recover", "remove", "stat", "version",
]  # fmt: skip
