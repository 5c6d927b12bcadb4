'use strict'

const { markAsUntransferable } = require('node:worker_threads')
const { native, fields, times, SIZE, REDELIVERED, COPIED, SENT_AT } = require('./native')
const { DecodeError, SettledError } = require('./errors')
const { fixed } = require('./view')

const INSIDE = Symbol('inside')

// Small records are copied when they are taken, one behind the other: this costs less than to
// cross over to the addon once more. EAGER is known to the addon.
const EAGER = 4096
const ARENA = 16384
let arena = Buffer.alloc(0)
let used = 0

// Makes room in the arena. One whose memory was taken away has none.
function makeRoom () {
  if (used + EAGER <= arena.length) return
  arena = fixed(Buffer.allocUnsafeSlow(ARENA))
  markAsUntransferable(arena.buffer)
  used = 0
}

// Takes a record; returns its index, or the code of what the addon says instead.
function take (handle) {
  makeRoom()
  return native.lease(handle, arena, used)
}

// A record in the hands of this process. See index.d.ts.
class Record {
  #core
  #codec
  #index
  #bytes // its copy, or undefined; empty if the memory of the arena was taken away
  #value
  #decoded = false
  #view
  #size
  #redelivered
  #sentAt
  #id

  // Made right after the addon has described the lease.
  constructor (inside, core, codec, index) {
    if (inside !== INSIDE) throw new TypeError('shmq: a consumer makes records')
    this.#core = core
    this.#codec = codec
    this.#index = index
    const size = this.#size = fields[SIZE]
    this.#redelivered = fields[REDELIVERED]
    this.#sentAt = times[SENT_AT]
    if (fields[COPIED] === 1) {
      this.#bytes = arena.subarray(used, used + size)
      used += size
    }
  }

  get size () { return this.#size }
  get redelivered () { return this.#redelivered }
  get sentAt () { return this.#sentAt }
  get settled () { return this.#index < 0 || !this.#core.open }

  #check () {
    if (this.settled) throw new SettledError(this.#core.name)
  }

  #copy () {
    if (this.#bytes?.length !== this.#size) {
      const bytes = Buffer.allocUnsafe(this.#size)
      if (native.copy(this.#core.handle, this.#index, bytes, 0) !== 0) throw this.#core.error()
      this.#bytes = bytes
    }
    return this.#bytes
  }

  get value () {
    if (this.#decoded) return this.#value
    this.#check()
    const bytes = this.#copy()
    try {
      this.#value = this.#codec.decode(bytes)
    } catch (err) {
      throw new DecodeError(this.#core.name, bytes, err)
    }
    this.#decoded = true
    this.#bytes = undefined
    return this.#value
  }

  get data () {
    this.#check()
    return (this.#view ??= fixed(native.view(this.#core.handle, this.#index)))
  }

  get id () {
    if (this.#id === undefined) {
      this.#check()
      this.#id = native.id(this.#core.handle, this.#index)
    }
    return this.#id
  }

  ack () { return this.#settle(native.ack) }
  release () { return this.#settle(native.release) }

  #settle (how) {
    if (this.settled) return false
    const n = how(this.#core.handle, this.#index)
    this.#forget()
    if (n < 0) throw this.#core.error()
    return n === 1
  }

  #forget () {
    this.#index = -1
    this.#view = undefined
    this.#bytes = undefined
  }

  // Acknowledges records of a consumer together; returns how many were not settled before.
  static ackAll (core, records) {
    if (!core.open) return 0
    let n = 0
    for (let from = 0; from < records.length; from += 256) {
      const open = records.slice(from, from + 256).filter(r => !r.settled)
      const code = native.ackBatch(core.handle, open.map(r => r.#index))
      for (const r of open) r.#forget()
      if (code < 0) throw core.error()
      n += code
    }
    return n
  }
}
if (Symbol.dispose) {
  Object.defineProperty(Record.prototype, Symbol.dispose, { value () { this.release() }, writable: true, configurable: true })
}

function recordOf (core, codec, index) { return new Record(INSIDE, core, codec, index) }

// The record of a lease that the addon took with others.
function describe (core, codec, index) {
  makeRoom()
  if (native.copy(core.handle, index, arena, used) < 0) throw core.error()
  return recordOf(core, codec, index)
}

module.exports = { Record, take, recordOf, describe, ackAll: Record.ackAll }
