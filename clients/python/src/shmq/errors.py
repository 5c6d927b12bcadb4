"""Exceptions. Each has the text of the library, which names the queue, the operation and a remedy."""

from __future__ import annotations

import errno as _e
import queue as _queue
from typing import ClassVar, Dict, Optional, Type

from . import _shmq


class Error(Exception):
    """Any failure of a queue.

    ``code`` is the library's word for it (``"removed"``), ``sent`` how many records of
    ``send_many`` were sent before it.
    """

    code: str
    sent: int = 0
    _errno: ClassVar[Optional[int]] = None  # where no system call has failed

    def __init__(self, text: str, number: int = 0, os_error: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.code = _shmq._code_name(number) if -1000 < number < 0 else type(self).__name__.lower()
        if isinstance(self, OSError):
            setattr(self, "errno", os_error or self._errno)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> "tuple[object, ...]":
        return (_rebuild, (type(self), self.text, self.__dict__.copy()))


def _rebuild(cls: Type[Error], text: str, state: Dict[str, object]) -> Error:
    e = cls(text)
    e.__dict__.update(state)
    return e


class Empty(Error, _queue.Empty):
    """No record is ready, and the call was not to wait."""


class Full(Error, _queue.Full):
    """There is no room for the record, and the call was not to wait."""


class Timeout(Error, TimeoutError):
    """The time is over."""

    _errno = _e.ETIMEDOUT


class Closed(Error, ValueError):
    """The producer or consumer was closed."""


class Settled(Error, ValueError):
    """The record was acknowledged or given back before."""


class EndOfStream(Error, EOFError):
    """All records of the stream were received; with ``until_end`` only."""


class BrokenStream(Error, EOFError):
    """The stream has ended, but a producer died or gave up before it had sent all."""


class TooLarge(Error, ValueError):
    """The record can never fit; see ``max_record``."""


class Reserved(Error):
    """A reservation is open, which has to be committed or aborted first."""


class NotReserved(Error):
    """No reservation is open, or it is smaller."""


class Misuse(Error, RuntimeError):
    """A call that this object does not have, or that another thread is in the way of."""


class Forked(Error, RuntimeError):
    """The object belongs to the parent process; a child opens its own."""


class BadName(Error, ValueError):
    """No queue can have this name."""


class BadOption(Error, ValueError):
    """An option is out of range, or the queue has another shape."""


class Damaged(Error):
    """The queue holds what no participant writes."""


class Removed(Error):
    """The queue was removed, or replaced by another one."""


class Truncated(Error):
    """The file of the queue was cut shorter, or overwritten."""


class NoSpace(Error, OSError):
    """There is no memory, or no room on the filesystem."""

    _errno = _e.ENOSPC


class NotQueue(Error):
    """The file is something else."""


class UnknownLayout(Error):
    """The queue has a layout version or a feature that this library does not know."""


class NeedsRebuild(Error):
    """The machine stopped while the queue was in use; ``shmq recover`` rebuilds it."""


class Absent(Error, FileNotFoundError):
    """There is no queue of this name."""

    _errno = _e.ENOENT


class Exists(Error, FileExistsError):
    """There is a queue of this name already."""

    _errno = _e.EEXIST


class RoleTaken(Error):
    """Another participant has the role to itself."""


class NoSeat(Error):
    """All seats are taken."""


class InUse(Error):
    """Participants are attached, or one is stopped in the middle of something."""


class NotPermitted(Error, PermissionError):
    """The file's mode forbids it."""

    _errno = _e.EACCES


class Refused(Error, OSError):
    """The kernel or the filesystem can't do it."""


class NotSynced(Error, OSError):
    """The queue is not on stable storage."""


class SystemFailure(Error, OSError):
    """Another system call failed."""


class Lagged(Error):
    """Records were overwritten before this consumer received them, as it was a lap behind producers that wait for nobody.

    The next call goes on behind them. The text tells the positions that were lost.
    """


class DecodeError(Error, ValueError):
    """The codec can't make a value of a record, whose bytes are in ``data``. ``__cause__`` is the reason.

    A record that was received is acknowledged; a leased one is still held.
    """

    data: bytes = b""


def _undecodable(queue: str, data: bytes, cause: BaseException) -> DecodeError:
    e = DecodeError(
        f'shmq: receive from queue "{queue}": the codec can\'t decode a record of {len(data)} bytes: {type(cause).__name__}{": " * bool(str(cause))}{cause}; '
        "its bytes are in the attribute data"
    )
    e.data = data
    e.__cause__ = cause
    return e


_BY_CODE: Dict[int, Type[Error]] = {
    -1: Empty, -2: Full, -3: Timeout, -4: Closed, -5: Timeout, -6: EndOfStream, -7: BrokenStream, -8: TooLarge,
    -9: TooLarge, -10: Reserved, -11: NotReserved, -12: Misuse, -13: Forked, -14: BadName, -15: BadOption,
    -16: Damaged, -17: Removed, -18: Truncated, -19: NoSpace, -20: NotQueue, -21: UnknownLayout, -22: NeedsRebuild,
    -23: Absent, -24: Exists, -25: RoleTaken, -26: NoSeat, -27: InUse, -28: NotPermitted, -29: Refused, -30: NotSynced,
    -31: SystemFailure, -32: Lagged, -1000: Closed, -1001: Settled,
}  # fmt: skip

_shmq._set_errors(_BY_CODE, _undecodable)
