#!/usr/bin/env bash
# ormsgpack 1.13.1 (Python) writes a datetime whose fraction is 0.536871 s or more (2^29
# nanoseconds) as a timestamp of 32 bits: the fraction is lost, of nearly every second
# datetime, and after 2106 also 136 years.
# One would have guessed 64 bits, as it writes them for smaller fractions.
source "$(dirname "$0")/common"
pip ormsgpack==1.13.1

venv/bin/python - <<'P' | seen '2020-01-01 00:00:00.536870+00:00 is read as 2020-01-01 00:00:00.536870+00:00
2020-01-01 00:00:00.536871+00:00 is read as 2020-01-01 00:00:00+00:00
2020-01-01 00:00:00.999999+00:00 is read as 2020-01-01 00:00:00+00:00
2200-01-01 00:00:00.500000+00:00 is read as 2200-01-01 00:00:00.500000+00:00
2200-01-01 00:00:00.600000+00:00 is read as 2063-11-24 17:31:44+00:00'
import datetime, ormsgpack
option = ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
for year, us in (2020, 536870), (2020, 536871), (2020, 999999), (2200, 500000), (2200, 600000):
    t = datetime.datetime(year, 1, 1, 0, 0, 0, us, datetime.timezone.utc)
    print(t, "is read as", ormsgpack.unpackb(ormsgpack.packb(t, option=option), option=option))
P
