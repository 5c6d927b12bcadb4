#!/usr/bin/env bash
# notepack.io 3.0.1 (JavaScript) writes each number that is whole as an integer, also those
# that no integer of msgpack holds: what 64 bits keep of it. 1e300 is written as 0.
# One would have guessed a float64 from 2^64 on.
source "$(dirname "$0")/common"
npm notepack.io@3.0.1

node - <<'J' | seen '18446744073709552000 cf0000000000000000
100000000000000000000 cf6bc75e2d63100000
1e+300 cf0000000000000000
-1e+300 d30000000000000000
0.1 cb3fb999999999999a'
const notepack = require('notepack.io')
for (const n of [2 ** 64, 1e20, 1e300, -1e300, 0.1]) console.log(String(n), notepack.encode(n).toString('hex'))
J
