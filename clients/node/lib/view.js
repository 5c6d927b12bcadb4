// Buffers over memory that is not theirs alone, in the queue or with other records, must not take it elsewhere.
'use strict'

function refuse () {
  throw new TypeError('shmq: the memory of a record can\'t be transferred, other records may lie in it: copy it with new Uint8Array(data)')
}

// Node itself refuses, or copies, where one that is marked is transferred to another thread, as those of the addon
// are. What the language has for that, from node 21 on, is refused here.
const transfers = ['transfer', 'transferToFixedLength'].filter(name => name in ArrayBuffer.prototype)

function fixed (buffer) {
  for (const name of transfers) Object.defineProperty(buffer.buffer, name, { value: refuse })
  return buffer
}

module.exports = { fixed }
