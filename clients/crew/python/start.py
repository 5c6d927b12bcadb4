"""The hop of the ring where parcels are sent off, and come back to."""

from __future__ import annotations

import os
import signal
from typing import List, Optional, Set

import shmq

from journal import ATTACHED, LEAVING, TOOK, TRY, entries, fail, note, open_at
from orders import Orders, leave
from parcel import Parcel, ParcelCodec, original


class Start:
    def __init__(self, hop: str, life: int, death: str, total: int, window: int, hops: List[str]) -> None:
        self.hop, self.life, self.total, self.window, self.hops = hop, life, total, window, hops
        self.point, _, at = death.partition(":")
        self.death_at = int(at or 0)
        self.next = 0  # the number that is sent next
        self.back: Set[int] = set()
        self.sent = 0  # by this life
        self.taken = 0

    def remember(self, journal: str) -> None:
        """Takes note of what an earlier life did. What it tried last may not be sent: it is sent again."""
        for kind, _, _, _, _, number, _ in entries(journal):
            if kind == TRY:
                self.next = number
            elif kind == TOOK:
                self.back.add(number)

    def perhaps_die(self, point: str, at: int) -> None:
        if point == self.point and at == self.death_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def send(self, out: "shmq.Producer[Parcel]") -> None:
        parcel = original(self.next)
        copy = self.life << 32 | self.sent
        parcel.extend(self.hop, self.life, copy)
        note(TRY, 0, 1, copy, self.next)
        out.send(parcel)
        self.perhaps_die("sent", self.sent)
        self.sent += 1
        self.next += 1

    def take(self, rec: "shmq.Record[Parcel]") -> None:
        parcel = rec.value
        if parcel.sum != parcel.right_sum():
            fail(f"parcel {parcel.number}: its sum is wrong")
        if [hop for hop, _ in parcel.trail] != self.hops:
            fail(f"parcel {parcel.number} went past {parcel.trail}")
        want = original(parcel.number)
        want.trail, want.copy, want.sum = parcel.trail, parcel.copy, parcel.sum
        if parcel != want:
            fail(f"parcel {parcel.number} came back as {parcel}, sent as {want}")
        note(TOOK, int(rec.redelivered > 0), 0, parcel.copy, parcel.number)
        self.perhaps_die("taken", self.taken)
        self.back.add(parcel.number)
        rec.ack()
        self.taken += 1


def over(queue: str) -> bool:
    """Whether the stream that was broken off was the last: the break of one that this life was not there for is told
    with the end of the next."""
    info = shmq.stat(queue)
    return info.finished == info.epoch and info.depth == 0


def lease(back: "shmq.Consumer[Parcel]", wait: bool) -> "Optional[shmq.Record[Parcel]]":
    while True:
        try:
            return back.lease() if wait else back.try_lease()
        except shmq.BrokenStream:  # of a hop that was killed: its successor begins another
            if over(back.queue):
                raise
            back.next_stream()


def start(hop: str, life: str, from_: str, to: str, journal: str, death: str, total: str, window: str, hops: str, *earlier: str) -> None:
    orders = Orders()
    open_at(journal)
    s = Start(hop, int(life), death, int(total), int(window), hops.split(","))
    for path in earlier:
        s.remember(path)
    back = orders.attach(lambda: shmq.Consumer(from_, codec=ParcelCodec(), no_create=True, until_end=True))
    out = orders.attach(lambda: shmq.Producer(to, codec=ParcelCodec(), no_create=True))
    note(ATTACHED)
    while len(s.back) < s.total:
        full = s.next == s.total or s.next - len(s.back) >= s.window
        rec = lease(back, full)
        if rec is not None:
            s.take(rec)
        elif not full:
            s.send(out)
    # The end goes round: each hop leaves when it is told, and has passed on all before.
    out.finish()
    try:
        while True:
            rec = lease(back, True)
            if rec is not None:
                s.take(rec)  # sent twice, by one that was killed before it had acknowledged
    except (shmq.EndOfStream, shmq.BrokenStream):
        pass
    note(LEAVING)
    back.close()
    leave()
