"""Values to records and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Protocol, Union

import msgpack

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)  # of the codec; any value where none is named
else:
    from typing import TypeVar

    T = TypeVar("T")

#: What a record can be made of: anything with the buffer protocol that is contiguous.
Buffer = Union[bytes, bytearray, memoryview, Any]


class Codec(Protocol[T]):
    """Turns values into the bytes of a record and back.

    ``decode`` gets a copy of the record, which other processes can't change. Records come from
    other processes and are not to be trusted: ``pickle`` would run what they say.
    """

    def encode(self, value: T) -> Buffer: ...

    def decode(self, data: bytes) -> T: ...


class Msgpack:
    """One msgpack value a record, as Go's ``codec.Msgpack`` and ``shmq-send --format msgpack`` have it.

    An aware ``datetime`` is a timestamp, and comes back in UTC. ``default`` makes something else
    of a value that msgpack does not know; ``object_hook`` makes something of a dict.
    """

    def __init__(
        self,
        default: Optional[Callable[[Any], Any]] = None,
        object_hook: Optional[Callable[[Any], Any]] = None,
    ) -> None:
        self._default = default
        self._hook = object_hook
        self._packers: List[Any] = []  # those that are not in use; a value's methods may come here again

    def encode(self, value: Any) -> bytes:
        try:
            packer = self._packers.pop()
        except IndexError:
            packer = msgpack.Packer(default=self._default, datetime=True)
        data: bytes = packer.pack(value)
        self._packers.append(packer)  # one that raised is dropped
        return data

    def decode(self, data: bytes) -> Any:
        return msgpack.unpackb(data, object_hook=self._hook, timestamp=3, strict_map_key=False)


class Json:
    """One JSON value a record, in UTF-8. A Go program decodes it behind ``codec.Bytes``."""

    def encode(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, data: bytes) -> Any:
        return json.loads(data)


class Bytes:
    """A record is bytes: what is sent has the buffer protocol, what is received is ``bytes``."""

    def encode(self, value: Buffer) -> Buffer:
        return value

    def decode(self, data: bytes) -> bytes:
        return data
