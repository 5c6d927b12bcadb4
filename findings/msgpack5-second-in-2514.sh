#!/usr/bin/env bash
# msgpack5 6.1.0 (JavaScript) writes a Date in the second 2514-05-30T01:53:04Z, 2^34 seconds
# after 1970, into a timestamp of 64 bits, which holds the seconds below 2^34: it is read as
# 1970, and by another library as that and some nanoseconds. The seconds before and after are right.
# One would have guessed 96 bits from 2^34 on.
source "$(dirname "$0")/common"
npm msgpack5@6.1.0

node - <<'J' | seen '2514-05-30T01:53:03.000Z is read as 2514-05-30T01:53:03.000Z
2514-05-30T01:53:04.000Z is read as 1970-01-01T00:00:00.000Z
2514-05-30T01:53:04.500Z is read as 1970-01-01T00:00:00.500Z
2514-05-30T01:53:05.000Z is read as 2514-05-30T01:53:05.000Z'
const msgpack = require('msgpack5')()
for (const after of [-1, 0, 0.5, 1]) {
  const t = new Date((2 ** 34 + after) * 1000)
  console.log(t.toISOString(), 'is read as', msgpack.decode(msgpack.encode(t)).toISOString())
}
J
