#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3 (JavaScript) with useBigInt64 writes a BigInt that does not fit 64 bits
# as what 64 bits keep of it, without an error: 2^64 as 0, -2^63 - 1 as 2^63 - 1.
# One would have guessed an error, as for other values that it cannot write.
source "$(dirname "$0")/common"
npm @msgpack/msgpack@3.1.3

node - <<'J' | seen '18446744073709551615 18446744073709551615
18446744073709551616 0
-9223372036854775808 -9223372036854775808
-9223372036854775809 9223372036854775807'
const { encode, decode } = require('@msgpack/msgpack')
const options = { useBigInt64: true }
for (const n of [2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n]) {
  console.log(String(n), String(decode(encode(n, options), options)))
}
J
