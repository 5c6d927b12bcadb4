#!/usr/bin/env bash
# u-msgpack-python 2.3.0, the version of Debian 12, reads no map with Python 3.10 or later, Debian
# 12's 3.11 among them: it asks for collections.Hashable, which went in 3.10. It imports, and
# writes maps.
# One would have guessed that a distribution's module reads what it writes with its own Python.
source "$(dirname "$0")/common"
pip u-msgpack-python==2.3.0

venv/bin/python - <<'P' | seen "written: 81a16b07
read: AttributeError: module 'collections' has no attribute 'Hashable'"
import sys, umsgpack
assert sys.version_info >= (3, 10), "needs Python 3.10"
written = umsgpack.packb({"k": 7})
print("written:", written.hex())
try:
    print("read:", umsgpack.unpackb(written))
except Exception as e:
    print(f"read: {type(e).__name__}: {e}")
P
