#!/usr/bin/env bash
# msgspec 0.22.0 (Python) rounds a timestamp to the nearest microsecond, where msgpack 1.2.4 cuts:
# the last nanoseconds of a second, and of a year, are read as the next one, and those of the year 9999 are
# an error, though the timestamp lies within a datetime's range.
# One would have guessed that a time is never read as one that has not come yet.
source "$(dirname "$0")/common"
pip msgspec==0.22.0 msgpack==1.2.4

venv/bin/python - <<'P' | seen '2020: msgpack 2020-12-31 23:59:59.999999+00:00, msgspec 2021-01-01 00:00:00+00:00
9999: msgpack 9999-12-31 23:59:59.999999+00:00, msgspec ValueError: year 10000 is out of range'
import calendar, msgpack, msgspec
for year in 2020, 9999:
    record = msgpack.packb(msgpack.Timestamp(calendar.timegm((year, 12, 31, 23, 59, 59)), 999999999))
    try:
        other = msgspec.msgpack.decode(record)
    except Exception as e:
        other = f"{type(e).__name__}: {e}"
    print(f"{year}: msgpack {msgpack.unpackb(record, timestamp=3)}, msgspec {other}")
P
