"""Waiting in asyncio: a loop has bells, which its selector watches."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Deque, Dict, List, Optional, TypeVar

from . import _shmq
from .errors import Empty, EndOfStream, Full, Timeout

if TYPE_CHECKING:
    from .ends import Consumer

T = TypeVar("T")

#: A wait looks for participants that have died at least as often, in seconds.
HEARTBEAT = 0.09

#: Calls of an end in a row that need not wait, before other tasks get a turn.
IN_A_ROW = 64

#: Whether bells are made of threads even where the kernel has better ones.
threads = False


class _Bells:
    """The bells of a loop, of which each has place for so many ends, and the futures of the ends that wait."""

    def __init__(self) -> None:
        self.bells: List[_shmq._Bell] = []
        self.futures: Dict[int, "asyncio.Future[None]"] = {}
        self.lines: Dict[int, "_Line"] = {}  # of the tasks that share an end, if one waits

    def arm(self, loop: asyncio.AbstractEventLoop, end: Any, size: int) -> bool:
        """Whether to wait for the end's future. If not, a try is worth while."""
        _shmq._Bell.forget(end)  # it may have the last place
        for bell in self.bells:
            if not bell.full:
                break
        else:
            bell = _shmq._Bell(threads)
            loop.add_reader(bell.fileno(), self.ring, bell)
            self.bells.append(bell)
        return bell.arm(end, size)

    def ring(self, bell: _shmq._Bell) -> None:
        for key in bell.rung():
            if key in self.futures:
                _wake(self.futures[key])


def _bells_of(loop: Any) -> _Bells:
    # An attribute: the bells refer to the loop, too, and so a dictionary would keep both, and what waits, for ever.
    bells: Optional[_Bells] = getattr(loop, "_shmq_bells", None)
    if bells is None:
        loop._shmq_bells = bells = _Bells()
    return bells


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done() and not future.get_loop().is_closed():
        future.set_result(None)


class _Line:
    """The tasks that wait with one end. The first has it; the others sleep until they are."""

    def __init__(self) -> None:
        self.futures: "Deque[asyncio.Future[None]]" = deque()

    async def stand(self, future: "asyncio.Future[None]", limit: Optional[float]) -> bool:
        """False: the time is over. Whatever comes of it, ``leave`` has to follow."""
        self.futures.append(future)
        if self.futures[0] is future:
            return True
        timer = None if limit is None else future.get_loop().call_at(limit, _wake, future)
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()
        return self.futures[0] is future

    def leave(self, future: "asyncio.Future[None]") -> None:
        self.futures.remove(future)
        if self.futures:
            _wake(self.futures[0])


async def _attempt(end: Any, size: int, attempt: Callable[[], T], timeout: Optional[float]) -> T:
    """Repeats what raises Empty or Full until it succeeds or the time is over."""
    end._in_a_row += 1
    if end._in_a_row >= IN_A_ROW:
        end._in_a_row = 0
        await asyncio.sleep(0)  # before anything is taken: a task may be cancelled here
    reason = f'shmq: queue "{end.queue}": other tasks wait with this object'
    if end._waiting == 0 or (timeout is not None and timeout <= 0):
        try:
            return attempt()
        except (Empty, Full) as e:
            if timeout is not None and timeout <= 0:
                raise
            reason = str(e)
    loop = asyncio.get_running_loop()
    limit = None if timeout is None else loop.time() + timeout
    bells = _bells_of(loop)
    key = _shmq._Bell.key(end)
    line = bells.lines.setdefault(key, _Line())
    place = loop.create_future()
    end._waiting += 1
    try:
        if not await line.stand(place, limit):
            raise Timeout(f"{reason}; nothing changed within {timeout} s", -3)
        return await _turn(loop, bells, key, end, size, attempt, timeout, limit)
    finally:
        end._waiting -= 1
        line.leave(place)
        if not line.futures:
            bells.lines.pop(key, None)


async def _turn(
    loop: asyncio.AbstractEventLoop,
    bells: _Bells,
    key: int,
    end: Any,
    size: int,
    attempt: Callable[[], T],
    timeout: Optional[float],
    limit: Optional[float],
) -> T:
    tried = False
    try:
        while True:
            bells.futures[key] = future = loop.create_future()
            if bells.arm(loop, end, size):
                tried = False
                left = HEARTBEAT if limit is None else max(0.0, min(HEARTBEAT, limit - loop.time()))
                timer = loop.call_later(left, _wake, future)
                try:
                    await future
                finally:
                    timer.cancel()
            tried = True
            try:
                return attempt()
            except (Empty, Full) as e:
                if limit is not None and loop.time() >= limit:
                    raise Timeout(f"{e}; nothing changed within {timeout} s", -3) from None
    finally:
        del bells.futures[key]
        if tried:
            _shmq._Bell.forget(end)
        else:
            _shmq._Bell.disarm(end, size)


async def receive(end: Any, call: Callable[[float], T], timeout: Optional[float]) -> T:
    return await _attempt(end, 0, lambda: call(0), timeout)


async def send(end: Any, data: Any, timeout: Optional[float]) -> None:
    size = len(data) if isinstance(data, (bytes, bytearray)) else memoryview(data).nbytes
    await _attempt(end, size, lambda: end.send_bytes(data, 0), timeout)


class Records(AsyncIterator["_shmq.Record[Any]"]):
    """The iterator of an ``async for`` statement."""

    def __init__(self, consumer: "Consumer[Any]") -> None:
        self._consumer = consumer
        self._records = iter(consumer.records())

    def _next(self) -> "_shmq.Record[Any]":
        record = self._records._try_next()
        if record is None:
            raise Empty(f'shmq: receive from queue "{self._consumer.queue}": no record is ready', -1)
        return record

    async def __anext__(self) -> "_shmq.Record[Any]":
        self._records._step()
        try:
            return await _attempt(self._consumer, 0, self._next, None)
        except EndOfStream:
            raise StopAsyncIteration from None
