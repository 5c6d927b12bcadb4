"""A producer of the storm, until it is killed or told to leave."""

from __future__ import annotations

import random
import time
from typing import Callable, List, Optional

import shmq

import record
from journal import ATTACHED, LEAVING, SENT, TRY, WAIT, fail, note, open_at
from orders import Ordered, Orders, leave

MOST = 20


def pause() -> None:
    """The time that a program spends between two calls, mostly none."""
    if random.randrange(200) == 0:
        time.sleep(random.random() * 0.002)


class Sending:
    def __init__(self, to: "shmq.Producer[bytes]", orders: Orders, life: int) -> None:
        self.to, self.orders, self.life = to, orders, life
        self.seq = 0  # of the record that comes next

    @property
    def next_id(self) -> int:
        return self.life << 32 | self.seq

    def next_size(self) -> int:
        """Many records are small, some take several slots, a few are the largest."""
        slot, most = self.to.slot_size, self.to.max_record
        n = random.randrange(16)
        if n < 3:
            return min(most, slot + random.randrange(most // 4))
        if n == 3:
            return random.randrange(record.MIN, most + 1)
        if n == 4 and random.randrange(10) == 0:
            return most
        return random.randrange(record.MIN, slot + 1)

    def sent(self, n: int) -> None:
        note(SENT, 0, n, self.next_id)
        self.seq += n

    def attempt(self, call: "Callable[[], int]") -> int:
        """Runs a call that does not wait."""
        try:
            return call()
        except shmq.Full as e:
            return getattr(e, "sent", 0)
        except shmq.Error as e:
            fail(f"send: {e}")

    def wait(self, call: "Callable[[], int]") -> Optional[int]:
        """Runs a call that waits. None: an order came, right behind the call perhaps."""
        note(WAIT)
        try:
            with self.orders.waiting():
                return call()
        except Ordered:
            return None
        except shmq.Error as e:
            fail(f"send: {e}")

    def send(self, n: int, waits: bool) -> None:
        records = [record.make(self.next_id + i, self.next_size()) for i in range(n)]
        note(TRY, 0, n, self.next_id)
        if n == 1:
            sent: Optional[int] = self.attempt(lambda: self.one(records[0], 0))
        else:
            sent = self.attempt(lambda: self.to.send_bytes_many(records, timeout=0))
        if waits and sent == 0:
            if n == 1:
                sent = self.wait(lambda: self.one(records[0], None))
            else:
                sent = self.wait(lambda: self.to.send_bytes_many(records))
        if sent is not None:
            self.sent(sent)

    def one(self, data: bytes, timeout: "float | None") -> int:
        self.to.send_bytes(data, timeout)
        return 1

    def reserve(self, commit: bool) -> None:
        """Writes a record in place, sometimes slowly, and sends it or gives it back."""
        size = self.next_size()
        rooms: "List[shmq.Reservation]" = []

        def reserve() -> int:
            rooms.append(self.to.reserve(size))
            return 1

        self.wait(reserve)
        note(SENT, 0, 0, self.next_id)  # the wait is over
        if not rooms:
            return
        room = rooms.pop()
        room.data[:] = record.make(self.next_id if commit else self.next_id | 1 << 63, size)
        pause()
        if not commit:
            room.abort()
            return
        note(TRY, 0, 1, self.next_id)
        room.commit()
        self.sent(1)

    def step(self) -> None:
        n = random.randrange(16)
        if n < 4:
            self.send(1, False)
        elif n < 6:
            self.send(random.randrange(1, MOST + 1), False)
        elif n < 8:
            self.send(random.randrange(1, MOST + 1), True)
        elif n < 10:
            self.reserve(True)
        elif n < 11:
            self.reserve(False)
        else:
            self.send(1, True)


def produce(life: str, queue: str, journal: str, seed: str) -> None:
    orders = Orders()
    open_at(journal)
    random.seed(int(seed) ^ int(life))
    to = orders.attach(lambda: shmq.Producer(queue, codec=shmq.Bytes(), no_create=True))
    note(ATTACHED)
    s = Sending(to, orders, int(life))
    while not orders.come:
        s.step()
    note(LEAVING)
    to.close()
    leave()
