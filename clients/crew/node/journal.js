// What a worker has done, in a file of entries of 32 bytes: see c/journal.h.
'use strict'

const fs = require('node:fs')

const ATTACHED = 1
const TRY = 2
const SENT = 3
const WAIT = 4
const TOOK = 5
const ACKING = 6
const ACKED = 7
const RELEASING = 8
const LEAVING = 9
const LEFT = 10
const FAILED = 11

let file
const entry = Buffer.alloc(32)

const now = () => process.hrtime.bigint() // CLOCK_MONOTONIC

function open (path) { file = fs.openSync(path, 'a') }

function note (kind, flag = 0, count = 0, id = 0n, a = 0n) {
  entry[0] = kind
  entry[1] = flag
  entry.writeUInt16LE(count, 2)
  entry.writeBigUInt64LE(BigInt(id), 8)
  entry.writeBigInt64LE(BigInt(a), 16)
  entry.writeBigInt64LE(now(), 24)
  if (fs.writeSync(file, entry) !== entry.length) fail('the journal is full')
}

// Tells the parent why this process can't go on, and ends it.
function fail (why) {
  if (file !== undefined) {
    entry.fill(0)
    entry[0] = FAILED
    fs.writeSync(file, entry)
  }
  fs.writeSync(1, `FAIL ${why}\n`)
  process.exit(1)
}

module.exports = { ATTACHED, TRY, SENT, WAIT, TOOK, ACKING, ACKED, RELEASING, LEAVING, LEFT, open, note, now, fail }
