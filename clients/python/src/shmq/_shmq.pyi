"""What the extension has, of which package shmq is made."""

from types import TracebackType
from typing import Any, Callable, Dict, Generic, Iterable, Iterator, List, Optional, Sequence, Tuple, Type

from typing_extensions import TypeVar

from .codecs import Buffer

T = TypeVar("T", default=Any)

class Record(Generic[T]):
    """A record in the hands of the program, until it is settled.

    ``memoryview(record)`` and ``numpy.frombuffer(record, dtype)`` look at its bytes in place. It can't be settled
    while such a view is there: ``BufferError``. In a ``with`` block it is acknowledged at the end, or given back
    if there is an exception; views that are left then delay that until they are gone.
    A record that is dropped without being settled is given back.
    """

    @property
    def value(self) -> T:
        """What the codec makes of it: ``DecodeError`` if it can't."""
    @property
    def data(self) -> memoryview:
        """Its bytes in place, read-only, until it is settled: then ``ValueError``."""
    @property
    def redelivered(self) -> int:
        """How often it was delivered before, as far as recorded; 0: nobody was handed it before."""
    @property
    def sent_at(self) -> Optional[int]:
        """When it was sent, Unix time in nanoseconds; None in a queue without time stamps."""
    @property
    def id(self) -> str:
        """No other record, of any queue, ever has the same, and it keeps it for good."""
    @property
    def queue(self) -> str: ...
    @property
    def settled(self) -> bool: ...
    def ack(self) -> bool:
        """Says that it is done with. False if it was settled before."""
    def release(self) -> bool:
        """Gives it back: it is delivered again, flagged. False if it was settled before."""
    def tobytes(self) -> bytes: ...
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __enter__(self) -> Record[T]: ...
    def __exit__(
        self, kind: Optional[Type[BaseException]], e: Optional[BaseException], trace: Optional[TracebackType], /
    ) -> None: ...

class Reservation:
    """Memory in the queue for a record to be written in place.

    ``numpy.frombuffer(reservation, dtype)`` is a writable array over it. It can't be committed while such a view is
    there: ``BufferError``. In a ``with`` block it is committed at the end, and aborted if there is an exception.
    While it is open nothing else can be sent, and records of other producers behind it are not delivered.
    """

    @property
    def data(self) -> memoryview: ...
    def commit(self, size: Optional[int] = None) -> None:
        """Sends its first ``size`` bytes as a record; all by default."""
    def abort(self) -> None:
        """Gives it back: at once, or when the last view is gone."""
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __enter__(self) -> Reservation: ...
    def __exit__(
        self, kind: Optional[Type[BaseException]], e: Optional[BaseException], trace: Optional[TracebackType], /
    ) -> None: ...

class End:
    @property
    def queue(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def max_record(self) -> int:
        """The size of the largest record in bytes."""
    @property
    def slot_size(self) -> int:
        """The size of the largest record that takes one slot."""
    @property
    def seat(self) -> int: ...
    def close(self) -> None:
        """Leaves the queue. Records that were not settled are given back; a reservation is aborted."""
    def check(self) -> None:
        """Asks at once whether the queue is still there: ``Removed``, ``Truncated``, ``NoSpace``."""
    def recover(self) -> int:
        """Recovers dead participants at once, and returns how many."""
    def sync(self) -> None:
        """Brings the queue, as it is now, to stable storage: ``NotSynced``."""
    def counters(self) -> Dict[str, int]:
        """What this participant has counted: records, bytes, waits, wakes, redelivered."""
    def wait(self, timeout: Optional[float] = None, size: int = 0) -> bool:
        """Waits until a record is there, or room for one of ``size`` bytes. False: the time is over."""

class Producer(End, Generic[T]):
    def __init__(self, options: _OpenOptions, /) -> None: ...
    def send(self, value: T, timeout: Optional[float] = None) -> None:
        """Sends a value as one record, and waits for room: ``Timeout``, or ``Full`` with a timeout of 0."""
    def send_bytes(self, data: Buffer, timeout: Optional[float] = None) -> None:
        """Sends bytes, or anything contiguous with the buffer protocol, past the codec."""
    def send_many(self, value: Iterable[T], timeout: Optional[float] = None) -> int:
        """Sends values, in order, in few steps. An exception has ``sent``: how many were sent before it."""
    def send_bytes_many(self, data: Iterable[Buffer], timeout: Optional[float] = None) -> int:
        """``send_many`` for bytes."""
    def reserve(self, size: int, timeout: Optional[float] = None) -> Reservation:
        """Takes room for a record of ``size`` bytes, which is written in place."""
    def finish(self) -> None:
        """Marks the stream as complete, and closes."""
    def abandon(self) -> None:
        """Closes, and tells consumers that not all was sent."""

class Consumer(End, Generic[T]):
    def __init__(self, options: _OpenOptions, /) -> None: ...
    def receive(self, timeout: Optional[float] = None) -> T:
        """Takes the next record, acknowledges it, and returns its value: ``Timeout``, or ``Empty`` with a timeout of 0."""
    def receive_bytes(self, timeout: Optional[float] = None) -> bytes:
        """``receive`` past the codec."""
    def receive_many(self, most: int = 256, timeout: Optional[float] = None) -> List[T]:
        """Takes as many records as are ready, at most ``most``. It waits for the first only."""
    def receive_bytes_many(self, most: int = 256, timeout: Optional[float] = None) -> List[bytes]:
        """``receive_many`` past the codec."""
    def lease(self, timeout: Optional[float] = None) -> Record[T]:
        """Takes the next record, to be settled."""
    def try_lease(self) -> Optional[Record[T]]:
        """``lease`` without waiting: None where there is no record."""
    def lease_many(self, most: int = 256, timeout: Optional[float] = None) -> List[Record[T]]:
        """Takes as many records as are ready, at most 256, waiting for the first only.

        With many consumers their slots become free when the last of them is settled.
        """
    def ack_many(self, records: Iterable[Record[T]]) -> int:
        """Acknowledges records, those of a batch in one step, and returns how many."""
    def records(self, timeout: Optional[float] = None) -> Records[T]:
        """As iteration, but ``Timeout`` if no record comes for so long."""
    def __iter__(self) -> Iterator[Record[T]]: ...
    def next_stream(self) -> None:
        """Forgets the end that was told, and waits for the next stream."""

class Records(Generic[T]):
    def __iter__(self) -> _RecordIterator[T]: ...

class _RecordIterator(Generic[T]):
    def __iter__(self) -> _RecordIterator[T]: ...
    def __next__(self) -> Record[T]: ...
    def _step(self) -> None: ...
    def _try_next(self) -> Optional[Record[T]]: ...

class _OpenOptions:
    def __init__(
        self, name: str, flags: int, wait: int, slots: int, slot_size: int, seats: int, mode: int, producers: int,
        consumers: int, shape_flags: int, codec: Optional[Callable[[Any], Any]], /,
    ) -> None: ...  # fmt: skip

class _Bell:
    def __init__(self, thread: bool = False) -> None: ...
    def fileno(self) -> int: ...
    def arm(self, end: End, size: int, /) -> bool: ...
    def rung(self) -> List[int]: ...
    @staticmethod
    def disarm(end: End, size: int, /) -> None: ...
    @staticmethod
    def forget(end: End, /) -> None: ...
    @staticmethod
    def key(end: End, /) -> int: ...
    @property
    def full(self) -> bool: ...
    @property
    def kind(self) -> str: ...

def _wait_any(ends: List[Any], turn: int, timeout: Optional[float], /) -> int: ...
def _set_pops(opcodes: List[int], not_behind: List[int], /) -> None: ...
def _set_errors(by_code: Dict[int, Any], decode_error: Any, /) -> None: ...
def _code_name(code: int, /) -> str: ...
def _create(
    name: str, slots: int, slot_size: int, seats: int, mode: int, producers: int, consumers: int, flags: int, /
) -> None: ...
def _create_anonymous(
    slots: int, slot_size: int, seats: int, mode: int, producers: int, consumers: int, flags: int, /
) -> int: ...
def _remove(name: str, force: bool, /) -> None: ...
def _path(name: str, /) -> str: ...
def _recover(name: str, /) -> int: ...
def _stat(name: str, /) -> Dict[str, Any]: ...
def _participants(name: str, /) -> List[Dict[str, Any]]: ...
def _version() -> str: ...
def _before_fork() -> None: ...
def _after_fork_in_parent() -> None: ...
def _after_fork_in_child() -> None: ...
