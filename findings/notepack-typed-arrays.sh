#!/usr/bin/env bash
# notepack.io 3.0.1 (JavaScript) writes a typed array as bin with a byte for each element,
# whatever their width: [1, 256] of 16 bits as 1 and 0, the float 1.5 as 1.
# One would have guessed the bytes of the array, as @msgpack/msgpack writes them, or an error.
source "$(dirname "$0")/common"
npm notepack.io@3.0.1 @msgpack/msgpack@3.1.3

node - <<'J' | seen 'Uint16Array(2) [ 1, 256 ] c4020100 c40401000001
Float32Array(1) [ 1.5 ] c40101 c4040000c03f
Uint8Array(2) [ 1, 255 ] c40201ff c40201ff'
const notepack = require('notepack.io')
const { encode } = require('@msgpack/msgpack')
for (const a of [Uint16Array.of(1, 256), Float32Array.of(1.5), Uint8Array.of(1, 255)]) {
  console.log(require('node:util').inspect(a), notepack.encode(a).toString('hex'), Buffer.from(encode(a)).toString('hex'))
}
J
