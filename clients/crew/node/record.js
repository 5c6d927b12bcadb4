// The records of the storm: every byte follows from the id, the size and its place. See record_test.go.
'use strict'

const MIN = 8
const M = (1n << 64n) - 1n

function fill (b, id) {
  const first = id + (BigInt(b.length) << 32n)
  const word = Buffer.allocUnsafe(8)
  for (let at = 0; at < b.length; at += 8) {
    word.writeBigUInt64LE(at === 0 ? id : ((first + BigInt(at >>> 3)) * 0x9e3779b97f4a7c15n + 1n) & M)
    word.copy(b, at, 0, Math.min(8, b.length - at))
  }
}

// The id of a record, or undefined if it is no record.
function read (b) {
  if (b.length < MIN) return undefined
  const id = b.readBigUInt64LE(0)
  const right = Buffer.allocUnsafe(b.length)
  fill(right, id)
  return right.equals(b) ? id : undefined
}

module.exports = { MIN, fill, read }
