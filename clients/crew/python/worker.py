"""A worker in Python: the start of the ring, or a producer or consumer of the storm."""

import os
import sys
import traceback
from typing import Callable, Dict

from consume import consume
from journal import fail
from produce import produce
from start import start

if __name__ == "__main__":
    try:
        parts: Dict[str, Callable[..., None]] = {"start": start, "produce": produce, "consume": consume}
        parts[sys.argv[1]](*sys.argv[2:])
        os._exit(0)  # the thread that listens to orders would keep the lock of stdin
    except Exception:
        fail(traceback.format_exc())
