from __future__ import annotations

import datetime as dt
import threading
from typing import Any, Callable, List

import pytest

import shmq
from conftest import until
from test_waiting import in_call

VALUES: List[Any] = [
    None, True, 0, -1, 2**63, 1.5, "Grüße", b"\x00\xff", [1, [2, "x"]], {"name": "Ada", "grade": 1}, {1: 2},
    dt.datetime(2026, 11, 29, 9, 0, 0, 123456, tzinfo=dt.timezone.utc),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_msgpack_values_come_back(value: Any) -> None:
    with shmq.Consumer[Any]("q") as c, shmq.Producer[Any]("q") as p:
        p.send(value)
        assert c.receive(timeout=0) == value
        p.send(value)
        assert c.lease(timeout=0).value == value
        assert c.lease(timeout=0).value == value  # it was dropped, and so given back


def test_records_of_all_sizes(mode: shmq.Shape) -> None:
    with shmq.Producer[bytes]("q", shape=mode, codec=shmq.Bytes()) as p:
        c = shmq.Consumer[bytes]("q", codec=shmq.Bytes())
        for n in [*range(0, 200, 7), p.max_record]:
            data = bytes(i % 251 for i in range(n))
            p.send(data)
            assert c.receive(timeout=0) == data
            p.send_bytes(bytearray(data))
            assert c.lease(timeout=0).tobytes() == data
            c.receive()
            with pytest.raises(shmq.Empty):
                c.receive(timeout=0)
        with pytest.raises(shmq.TooLarge) as e:
            p.send(bytes(p.max_record + 1))
        assert '"q"' in str(e.value)
        c.close()


def test_larger_than_any_scratch_buffer() -> None:
    data = bytes(range(256)) * 40_000
    shape = shmq.Shape(slots=64, slot_size=1 << 20)
    with shmq.Producer[bytes]("q", shape=shape, codec=shmq.Bytes()) as p, shmq.Consumer[bytes]("q", codec=shmq.Bytes()) as c:
        p.send(data)
        assert c.receive() == data
        p.send(data)
        assert c.receive_many() == [data]


def test_batches_of_more_than_the_ring_holds(mode: shmq.Shape) -> None:
    with shmq.Producer[int]("q", shape=mode) as p, shmq.Consumer[int]("q") as c:
        with pytest.raises(shmq.Timeout) as e:
            p.send_many(range(100), timeout=0.01)
        assert e.value.sent == 16
        with pytest.raises(shmq.Full) as f:
            p.send_many([1], timeout=0)
        assert f.value.sent == 0
        got: List[int] = []
        while len(got) < 16:
            got += c.receive_many(most=5, timeout=0)
        assert got == list(range(16))
        with pytest.raises(shmq.Empty):
            c.receive_many(timeout=0)


def test_a_batch_with_an_item_that_is_not_bytes_sends_those_before_it() -> None:
    with shmq.Producer[bytes]("q") as p, shmq.Consumer[bytes]("q") as c:
        items: List[Any] = [b"a", b"b", "c", b"d"]
        with pytest.raises(TypeError) as e:
            p.send_bytes_many(items)
        assert getattr(e.value, "sent") == 2
        assert c.receive_bytes_many(timeout=0) == [b"a", b"b"]


def test_json_and_own_codecs() -> None:
    class Upper:
        def encode(self, value: str) -> bytes:
            return value.upper().encode()

        def decode(self, data: bytes) -> str:
            return data.decode()

    with shmq.Producer[Any]("j", codec=shmq.Json()) as p, shmq.Consumer[Any]("j", codec=shmq.Json()) as c:
        p.send({"a": [1, None, "ü"]})
        assert c.lease().tobytes() == '{"a":[1,null,"ü"]}'.encode()
        assert c.receive() == {"a": [1, None, "ü"]}
    with shmq.Producer[str]("u", codec=Upper()) as q, shmq.Consumer[str]("u", codec=Upper()) as d:
        q.send("x")
        assert d.receive() == "X"


def test_a_record_that_cannot_be_decoded() -> None:
    with shmq.Producer[Any]("q") as p, shmq.Consumer[Any]("q") as c:
        p.send_bytes(b"\xc1")
        p.send(1)
        with pytest.raises(shmq.DecodeError) as e:
            c.receive()
        assert e.value.data == b"\xc1" and '"q"' in str(e.value) and e.value.__cause__ is not None
        assert c.receive() == 1  # it was acknowledged
        p.send_bytes(b"\xc1")
        rec = c.lease()
        with pytest.raises(shmq.DecodeError):
            rec.value
        assert rec.data[0] == 0xC1 and rec.ack()  # it was held


def test_a_bad_record_in_a_batch_loses_no_other() -> None:
    with shmq.Producer[Any]("q") as p, shmq.Consumer[Any]("q") as c:
        p.send_many([1, 2])
        p.send_bytes(b"\xc1")
        p.send_many([3, 4])
        got: List[Any] = []
        bad = 0
        while len(got) < 4:
            try:
                got += c.receive_many(timeout=5)
            except shmq.DecodeError:
                bad += 1
        assert sorted(got) == [1, 2, 3, 4] and bad == 1
        assert c.try_lease() is None


class Meddler(shmq.Msgpack):
    """Does something else when it has decoded so many records."""

    def __init__(self, after: int, deed: Callable[[], Any]) -> None:
        super().__init__()
        self.left, self.deed = after, deed

    def decode(self, data: bytes) -> Any:
        value = super().decode(data)
        self.left -= 1
        if self.left == 0:
            self.deed()
        return value


def test_an_interrupt_while_a_batch_is_decoded_is_told() -> None:
    class Interrupted(shmq.Msgpack):
        def decode(self, data: bytes) -> Any:
            value = super().decode(data)
            if value == at:
                raise KeyboardInterrupt
            return value

    for at in (2, 300):  # in the first and the second step of a call
        with shmq.Producer[int](f"q{at}") as p, shmq.Consumer[int](f"q{at}", codec=Interrupted()) as c:
            p.send_many(range(400))
            with pytest.raises(KeyboardInterrupt):
                c.receive_many(400, timeout=0)
            first = c.lease(timeout=0)
            assert (first.tobytes(), first.redelivered) == (shmq.Msgpack().encode(at // 256 * 256), 1)


def in_a_thread(f: Callable[[], Any]) -> None:
    thread = threading.Thread(target=f)
    thread.start()
    thread.join()


@pytest.mark.parametrize("close", [lambda c: c.close(), lambda c: in_a_thread(c.close)], ids=["codec", "thread"])
def test_a_batch_whose_consumer_is_closed_meanwhile(close: Callable[[Any], None]) -> None:
    with shmq.Producer[str]("q") as p:
        p.send_many([f"{i}" * 500 for i in range(10)])
        c = shmq.Consumer[str]("q", codec=Meddler(3, lambda: close(c)))
        with pytest.raises(shmq.Closed):
            c.receive_many(timeout=0)
        with shmq.Consumer[str]("q") as d:
            assert sorted(d.receive(timeout=0) for _ in range(10)) == [f"{i}" * 500 for i in range(10)]


def test_a_later_batch_whose_consumer_is_closed_meanwhile() -> None:
    with shmq.Producer[int]("q") as p:
        p.send_many(range(300))
        c = shmq.Consumer[int]("q", codec=Meddler(280, lambda: c.close()))
        assert c.receive_many(most=1000, timeout=0) == list(range(256))
        with shmq.Consumer[int]("q") as d:
            assert d.lease_many(timeout=0)[0].value == 256


def test_a_batch_while_another_thread_waits() -> None:
    """What a thread took is acknowledged, though another one was in a call of the consumer when it was decoded."""
    got: List[int] = []
    thread = threading.Thread(target=lambda: got.append(c.receive()))

    def deed() -> None:
        thread.start()
        until(lambda: in_call(c))

    with shmq.Producer[int]("q") as p:
        p.send_many([1, 2, 3])
        c = shmq.Consumer[int]("q", codec=Meddler(2, deed))
        assert c.receive_many(timeout=0) == [1, 2, 3]
        p.send(4)
        thread.join()
        assert got == [4] and c.counters()["records"] == 4 and shmq.stat("q").depth == 0
        c.close()


def test_a_codec_that_closes_and_fails() -> None:
    def deed() -> None:
        c.close()
        raise ZeroDivisionError

    with shmq.Producer[int]("q") as p:
        p.send_many([1, 2])
        c = shmq.Consumer[int]("q", codec=Meddler(1, deed))
        with pytest.raises(shmq.DecodeError) as e:
            c.receive_many(timeout=0)
        assert isinstance(e.value.__cause__, ZeroDivisionError)


def test_a_codec_that_fails_sends_nothing() -> None:
    with shmq.Producer[Any]("q") as p, shmq.Consumer[Any]("q") as c:
        with pytest.raises(TypeError):
            p.send(object())
        with pytest.raises(TypeError):
            p.send_many([1, object()])
        assert c.try_lease() is None


def test_a_value_that_sends_while_it_is_encoded() -> None:
    class Odd:
        pass

    def default(value: Any) -> Any:
        p.send(["inner"] * 10)
        return "outer"

    with shmq.Producer[Any]("q", codec=shmq.Msgpack(default=default)) as p, shmq.Consumer[Any]("q") as c:
        p.send([1, Odd(), 2])
        assert c.receive_many(timeout=0) == [["inner"] * 10, [1, "outer", 2]]
    codec = shmq.Msgpack()
    for value in (object, 2**64):
        with pytest.raises((TypeError, OverflowError)):
            codec.encode([1, value])
        assert codec.encode(3) == b"\3"


def test_meta() -> None:
    shape = shmq.Shape(timestamps=True, checksum=True)
    with shmq.Producer[int]("q", shape=shape) as p, shmq.Consumer[int]("q") as c:
        before = dt.datetime.now().timestamp()
        p.send(1)
        rec = c.lease()
        assert rec.sent_at is not None and before - 1 < rec.sent_at / 1e9 < before + 60
        assert rec.redelivered == 0 and rec.queue == "q" and len(rec) == 1
        name = rec.id
        assert rec.release()
        again = c.lease()
        assert again.id == name and again.redelivered == 1
        assert c.counters()["redelivered"] == 1 and p.counters()["records"] == 1
        info = shmq.stat("q")
        assert info.shape.timestamps and info.shape.checksum and info.sent == 1 and info.producers == 1
        assert {x.role for x in shmq.participants("q")} == {"producer", "consumer"}
