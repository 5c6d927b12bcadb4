#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3, notepack.io 3.0.1 and msgpackr 2.1.4 (JavaScript) make a Date of
# a sum of floats, which Date cuts towards 1970. So a time with nanoseconds is read as a later
# millisecond before 1970 and as an earlier one after it. msgpack5 6.1.0 gives the earlier one in both.
# One would have guessed the millisecond that the time lies in.
source "$(dirname "$0")/common"
npm @msgpack/msgpack@3.1.3 notepack.io@3.0.1 msgpackr@2.1.4 msgpack5@6.1.0

node - <<'J' | seen '@msgpack/msgpack 1969-12-31T23:59:58.124Z 1970-01-01T00:00:01.123Z
notepack.io 1969-12-31T23:59:58.124Z 1970-01-01T00:00:01.123Z
msgpackr 1969-12-31T23:59:58.124Z 1970-01-01T00:00:01.123Z
msgpack5 1969-12-31T23:59:58.123Z 1970-01-01T00:00:01.123Z'
const libraries = {
  '@msgpack/msgpack': require('@msgpack/msgpack').decode,
  'notepack.io': require('notepack.io').decode,
  msgpackr: require('msgpackr').unpack,
  msgpack5: b => require('msgpack5')().decode(b)
}
// Timestamps of 96 bits, which spell out nanoseconds and seconds.
const times = [[123456789, -2], [123456789, 1]].map(([nanoseconds, seconds]) => {
  const b = Buffer.alloc(15)
  b.write('c70cff', 'hex')
  b.writeUInt32BE(nanoseconds, 3)
  b.writeBigInt64BE(BigInt(seconds), 7)
  return b
})
for (const [name, decode] of Object.entries(libraries)) console.log(name, ...times.map(t => decode(t).toISOString()))
J
