"""What the parent tells a worker by lines: "leave" and "drain"."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import Callable, Iterator, TypeVar

import shmq

from journal import LEFT, fail, note

E = TypeVar("E")


class Ordered(Exception):
    """An order came during a call that waits."""


class Orders:
    def __init__(self) -> None:
        self.come = False
        self.draining = False
        self._waiting = False
        signal.signal(signal.SIGUSR1, self._interrupt)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self.draining = line == "drain\n"
            self.come = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        os._exit(0)  # the parent is gone, or wants this one to end

    def _interrupt(self, *_: object) -> None:
        if self._waiting:
            self._waiting = False
            raise Ordered

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a call that waits: an order ends it."""
        self._waiting = True
        try:
            if self.come:
                raise Ordered
            yield
        finally:
            self._waiting = False

    def attach(self, open: Callable[[], E]) -> E:
        """Waits for a role and a seat that a dead one has until the kernel has taken it away."""
        while True:
            try:
                return open()
            except (shmq.RoleTaken, shmq.NoSeat):
                if self.come:  # another one has what this one waits for
                    leave()
                    os._exit(0)
                time.sleep(0.001)
            except shmq.Error as e:
                fail(str(e))


def leave() -> None:
    note(LEFT)
    print("left", flush=True)
