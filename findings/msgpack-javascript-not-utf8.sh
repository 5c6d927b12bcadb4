#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3 (JavaScript) has two decoders of text, and takes one by the length. In a
# short text a byte that is no UTF-8 becomes the character of that number or swallows those behind
# it, in a text of more than 200 bytes it becomes U+FFFD. So the same bytes, a path in Latin-1 say,
# read differently in a longer text.
# One would have guessed U+FFFD in both, or an error.
source "$(dirname "$0")/common"
npm @msgpack/msgpack@3.1.3

node - <<'J' | seen 'ff in 1 byte: U+00FF
ff in 201 bytes: U+FFFD
c3 28 in 2 bytes: U+00E8
c3 28 in 202 bytes: U+FFFD U+0028'
const { decode } = require('@msgpack/msgpack')
const points = s => [...s].filter(c => c !== 't').map(c => 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')).join(' ')
for (const tail of [[0xff], [0xc3, 0x28]]) {
  for (const fill of [0, 200]) {
    const n = fill + tail.length
    const record = Buffer.concat([Buffer.of(0xd9, n), Buffer.alloc(fill, 't'), Buffer.from(tail)])
    console.log(`${Buffer.from(tail).toString('hex').replace(/..(?=.)/g, '$& ')} in ${n} byte${n > 1 ? 's' : ''}: ${points(decode(record))}`)
  }
}
J
