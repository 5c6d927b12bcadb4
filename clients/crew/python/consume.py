"""A consumer of the storm, until it is killed, told to leave, or told to go on until nothing comes."""

from __future__ import annotations

import random
from typing import Callable, List, Tuple

import shmq

import record
from journal import ACKED, ACKING, ATTACHED, LEAVING, RELEASING, TOOK, WAIT, fail, note, now, open_at
from orders import Ordered, Orders, leave
from produce import pause

Leases = List["shmq.Record[bytes]"]


class Receiving:
    def __init__(self, from_: "shmq.Consumer[bytes]", orders: Orders) -> None:
        self.from_, self.orders = from_, orders
        self.open: "List[Tuple[shmq.Record[bytes], int]]" = []

    def took(self, recs: Leases, began: int) -> None:
        for rec in recs:
            id = record.read(rec.tobytes())
            if id is None:
                fail(f"torn: {len(rec)} bytes")
            note(TOOK, int(rec.redelivered > 0), 0, id, began)
            self.open.append((rec, id))

    def wait(self, call: "Callable[[], Leases]") -> Leases:
        note(WAIT)
        try:
            with self.orders.waiting():
                return call()
        except Ordered:
            return []

    def attempt(self, n: int) -> Leases:
        if n == 1:
            rec = self.from_.try_lease()
            return [] if rec is None else [rec]
        try:
            return self.from_.lease_many(n, 0)
        except shmq.Empty:
            return []

    def lease(self, n: int, waits: bool) -> None:
        began = now()
        try:
            recs = self.attempt(n)
            if waits and not recs:
                began = now()
                recs = self.wait(lambda: [self.from_.lease()] if n == 1 else self.from_.lease_many(n))
        except shmq.Error as e:
            fail(f"receive: {e}")
        self.took(recs, began)

    def settle(self, i: int) -> None:
        rec, id = self.open[i]
        # No other process may have touched it meanwhile.
        if record.read(rec.tobytes()) != id:
            fail(f"record {id:#x} changed while it was held")
        self.open[i] = self.open[-1]
        self.open.pop()
        if random.randrange(12) == 0:
            note(RELEASING, 0, 0, id)
            rec.release()
            return
        note(ACKING, 0, 0, id)
        if not rec.ack():
            fail(f"record {id:#x} was settled before")
        note(ACKED, 0, 0, id)

    def settle_all(self) -> None:
        while self.open:
            self.settle(random.randrange(len(self.open)))

    def step(self) -> None:
        # A consumer that waits for a record while it holds others may wait for ever: the ring may have come
        # round to them.
        waits = not self.open
        n = random.randrange(12)
        if n < 2:
            self.lease(random.randrange(1, 17), waits)
        elif n < 4:
            self.lease(random.randrange(1, 17), False)
        else:
            self.lease(1, waits)
        pause()
        if len(self.open) > 8 or random.randrange(4) > 0:
            self.settle_all()
        elif self.open:
            self.settle(random.randrange(len(self.open)))


def consume(life: str, queue: str, journal: str, seed: str) -> None:
    orders = Orders()
    open_at(journal)
    random.seed(int(seed) ^ int(life))
    from_ = orders.attach(lambda: shmq.Consumer(queue, codec=shmq.Bytes(), no_create=True))
    note(ATTACHED)
    r = Receiving(from_, orders)
    while not orders.come:
        r.step()
    r.settle_all()
    empty = 0
    while orders.draining and empty < 100:  # a call may find nothing because its effort is spent
        empty += 1
        r.lease(1, False)
        if r.open:
            empty = 0
        r.settle_all()
    note(LEAVING)
    from_.close()
    leave()
