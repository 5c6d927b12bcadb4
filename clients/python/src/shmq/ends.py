"""Producers and consumers."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, List, Optional, Type, Union

from . import _aio, _shmq
from ._shmq import Record
from .codecs import Buffer, Codec, Msgpack
from .errors import BadOption
from .queues import Name, Shape, name_of

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)  # of the codec; any value where none is named
else:
    from typing import TypeVar

    T = TypeVar("T")

_NO_CREATE, _ANY_SHAPE, _UNTIL_END, _STRICT, _GUARD = 1, 2, 4, 8, 16
_PREFAULT, _LOCK_MEMORY = 64, 128
_WAIT = {"spin-then-park": 0, "spin": 1, "park": 2}


def _method(codec: Any, name: str) -> Any:
    method = getattr(codec, name, None)
    if isinstance(codec, (type, str)) or not callable(method):
        raise TypeError(
            "shmq: codec is an object with the methods encode(value) and decode(data), such as shmq.Json(), "
            f"and not {codec!r}"
        )
    return method


def _options(
    name: Name,
    shape: Optional[Shape],
    flags: int,
    wait: str,
    no_create: bool,
    any_shape: bool,
    guard: bool,
    prefault: bool,
    lock_memory: bool,
    codec: Any,
) -> "_shmq._OpenOptions":
    if shape is not None and not isinstance(shape, Shape):
        raise TypeError(f"shmq: shape is a shmq.Shape, and not {shape!r}")
    if wait not in list(_WAIT):
        raise BadOption(f'shmq: wait is "spin-then-park", "spin" or "park", not {wait!r}', -15)
    flags |= no_create and _NO_CREATE
    flags |= any_shape and _ANY_SHAPE
    flags |= guard and _GUARD
    flags |= prefault and _PREFAULT
    flags |= lock_memory and _LOCK_MEMORY
    return _shmq._OpenOptions(name_of(name), flags, _WAIT[wait], *(shape or Shape())._fields(), codec)


class Producer(_shmq.Producer[T]):
    """Sends records to a queue, which is made if it is absent.

    A ``with`` block marks the stream as complete when it is done, and breaks it off if
    an exception ends it; ``close`` does neither.

    A producer is for one thread at a time; ``close`` may come from another one, and ends
    a call that waits. A child of a fork opens its own.

    name: ``"jobs"`` is in ``$SHMQ_DIR`` or ``/dev/shm``; a path is a file; also ``"fd:3"`` and ``"sysv:0x12"``.
    codec: what turns values into bytes; msgpack by default.
    shape: of the queue if it is made. One that exists and differs is refused.
    no_create: ``Absent`` where there is no queue.
    any_shape: take a queue that exists as it is.
    wait: ``"spin-then-park"``, ``"spin"`` (a whole core) or ``"park"``.
    guard: a file that is cut shorter is an exception, not a SIGBUS; for 256 producers and consumers at most.
    prefault: touch all pages now. lock_memory: keep them out of the swap space.
    """

    _waiting = 0  # tasks of asyncio in line
    _in_a_row = 0  # calls of theirs that did not wait

    def __init__(
        self,
        name: Name,
        *,
        codec: Optional[Codec[T]] = None,
        shape: Optional[Shape] = None,
        no_create: bool = False,
        any_shape: bool = False,
        wait: str = "spin-then-park",
        guard: bool = True,
        prefault: bool = False,
        lock_memory: bool = False,
    ) -> None:
        self._encode = _method(Msgpack() if codec is None else codec, "encode")
        super().__init__(
            _options(name, shape, 0, wait, no_create, any_shape, guard, prefault, lock_memory, self._encode)
        )

    def __enter__(self) -> "Producer[T]":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], e: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.closed:
            self.close()
        elif kind is None:
            self.finish()
        else:
            self.abandon()

    async def asend(self, value: T, timeout: Optional[float] = None) -> None:
        """``send`` for asyncio: other tasks run while it waits for room."""
        await _aio.send(self, self._encode(value), timeout)

    async def asend_bytes(self, data: Buffer, timeout: Optional[float] = None) -> None:
        """``send_bytes`` for asyncio."""
        await _aio.send(self, data, timeout)

    def __repr__(self) -> str:
        return f"<shmq.Producer of {self.queue!r}{', closed' if self.closed else ''}>"

    def __reduce__(self) -> "tuple[object, ...]":
        raise TypeError("shmq: a producer can't be passed to another process; open one there, by the name of the queue")


class Consumer(_shmq.Consumer[T]):
    """Receives records from a queue, which is made if it is absent.

    Iteration yields each record leased: it is acknowledged when the body is done with it,
    ``break`` and ``return`` included, and given back if an exception leaves the loop.

    until_end: iteration stops at the end of the stream, when the last producer has left; other
    calls raise ``EndOfStream``, or ``BrokenStream`` if a producer died or gave up. strict: a stream that no
    producer has finished is broken, too.

    Everything else is as it is for a ``Producer``.
    """

    _waiting = 0  # tasks of asyncio in line
    _in_a_row = 0  # calls of theirs that did not wait

    def __init__(
        self,
        name: Name,
        *,
        codec: Optional[Codec[T]] = None,
        shape: Optional[Shape] = None,
        no_create: bool = False,
        any_shape: bool = False,
        until_end: bool = False,
        strict: bool = False,
        wait: str = "spin-then-park",
        guard: bool = True,
        prefault: bool = False,
        lock_memory: bool = False,
    ) -> None:
        decode = _method(Msgpack() if codec is None else codec, "decode")
        flags = (_UNTIL_END if until_end or strict else 0) | (_STRICT if strict else 0)
        super().__init__(
            _options(name, shape, flags, wait, no_create, any_shape, guard, prefault, lock_memory, decode)
        )

    def __enter__(self) -> "Consumer[T]":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], e: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __aiter__(self) -> "AsyncIterator[Record[T]]":
        return _aio.Records(self)

    async def areceive(self, timeout: Optional[float] = None) -> T:
        """``receive`` for asyncio: other tasks run while it waits for a record."""
        value: T = await _aio.receive(self, self.receive, timeout)
        return value

    async def areceive_bytes(self, timeout: Optional[float] = None) -> bytes:
        """``receive_bytes`` for asyncio."""
        data: bytes = await _aio.receive(self, self.receive_bytes, timeout)
        return data

    async def alease(self, timeout: Optional[float] = None) -> "Record[T]":
        """``lease`` for asyncio."""
        record: Record[T] = await _aio.receive(self, self.lease, timeout)
        return record

    def __repr__(self) -> str:
        return f"<shmq.Consumer of {self.queue!r}{', closed' if self.closed else ''}>"

    def __reduce__(self) -> "tuple[object, ...]":
        raise TypeError("shmq: a consumer can't be passed to another process; open one there, by the name of the queue")


class Waiter:
    """Waits for the first of several consumers and producers, of whatever queues.

    It looks first behind the one that it returned last, so that a busy queue keeps no
    other one waiting.
    """

    def __init__(self, *ends: Union[Producer[Any], Consumer[Any]]) -> None:
        self._ends: List[Union[Producer[Any], Consumer[Any]]] = list(ends)
        self._turn = 0

    def wait(self, timeout: Optional[float] = None) -> Union[Producer[Any], Consumer[Any], None]:
        """Returns one of which a try is worth while, or that has an end to tell; None when the time is over."""
        at = _shmq._wait_any(self._ends, self._turn, timeout)
        if at < 0:
            return None
        self._turn = at
        return self._ends[at]
