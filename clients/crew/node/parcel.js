// A parcel goes round the ring: see parcel_test.go for its fields and its sum.
'use strict'

const { crc32 } = require('./crc')

const out = Buffer.alloc(1 << 16)
let used = 0

const put = (tag, bytes) => {
  used = out.writeUInt8(tag, used)
  used = out.writeUInt32LE(bytes.length, used)
  used += bytes.copy(out, used)
}
const tag = s => { used = out.writeUInt8(s.charCodeAt(0), used) }

const U = 0x75
const I = 0x69
const D = 0x64
const S = 0x73
const B = 0x62

function integer (n) {
  const big = BigInt(n)
  used = out.writeUInt8(big < 0n ? I : U, used)
  used = big < 0n ? out.writeBigInt64LE(big, used) : out.writeBigUInt64LE(big, used)
}

function float (f) {
  used = out.writeUInt8(D, used)
  used = out.writeDoubleLE(f, used)
}

const text = s => put(S, Buffer.from(s, 'utf8'))

function canonical (v) {
  if (v === null) return tag('n')
  switch (typeof v) {
    case 'boolean': return tag(v ? 't' : 'f')
    case 'bigint': return integer(v)
    case 'number': return Number.isInteger(v) ? integer(v) : float(v)
    case 'string': return text(v)
  }
  if (v instanceof Uint8Array) return put(B, Buffer.from(v.buffer, v.byteOffset, v.length))
  if (Array.isArray(v)) {
    tag('a')
    used = out.writeUInt32LE(v.length, used)
    return v.forEach(canonical)
  }
  const keys = Object.keys(v).map(k => [Buffer.from(k, 'utf8'), k]).sort((a, b) => Buffer.compare(a[0], b[0]))
  tag('m')
  used = out.writeUInt32LE(keys.length, used)
  for (const [bytes, k] of keys) {
    put(S, bytes)
    canonical(v[k])
  }
}

const M = (1n << 64n) - 1n

function mixed (h) {
  h = ((h ^ BigInt(crc32(out.subarray(0, used)))) * 0x9e3779b97f4a7c15n) & M
  used = 0
  return h ^ (h >> 32n)
}

// The sum that its other fields have.
function sum (p) {
  integer(p.number)
  integer(p.big)
  integer(p.small)
  float(p.ratio)
  canonical(p.nothing)
  canonical(p.maybe)
  text(p.name)
  canonical(p.blob)
  canonical(p.yes)
  canonical(p.tree)
  canonical(p.list)
  let h = mixed(0n)
  for (const [hop, life] of p.trail) {
    text(hop)
    integer(life)
    h = mixed(h)
  }
  integer(p.copy)
  return mixed(h)
}

// Adds a stop, and sums up again.
function extend (p, hop, life, copy) {
  p.trail.push([hop, life])
  p.copy = copy
  p.sum = sum(p)
}

module.exports = { sum, extend }
