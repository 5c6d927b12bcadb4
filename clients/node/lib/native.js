// The addon, and what it tells.
'use strict'

const path = require('node:path')

function load () {
  if (process.platform !== 'linux') throw new Error('shmq: queues over shared memory need Linux')
  const file = path.join(__dirname, '..', 'build', 'Release', 'shmq.node')
  try {
    return require(file)
  } catch (err) {
    if (err.code === 'MODULE_NOT_FOUND') {
      throw new Error(`shmq: the addon was not built (no ${file}): run npm rebuild shmq, which says what is missing; ` +
        'it needs a C compiler, make and python3. If npm was told not to run install scripts, allow that of shmq.', { cause: err })
    }
    throw new Error(`shmq: the addon can't be loaded: ${err.message}; run npm rebuild shmq`, { cause: err })
  }
}

const native = load()

// Calls write here what they return besides their result.
const fields = new Float64Array(4)
const times = new BigUint64Array(fields.buffer)

module.exports = { native, fields, times, SIZE: 0, REDELIVERED: 1, COPIED: 2, SENT_AT: 3 }
