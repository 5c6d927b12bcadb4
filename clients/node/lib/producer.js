'use strict'

const { native } = require('./native')
const { Core, AGAIN, job, timeoutOf, signalOf } = require('./core')
const { codes } = require('./errors')
const { codecOf, encode } = require('./codecs')
const { openOptionsOf, shapeFrom, nameOf } = require('./options')
const { settled } = require('./turn')
const { fixed } = require('./view')

const PRODUCER = 1
const MOST_BATCH = 256 // records of a native call
const INSIDE = Symbol('inside')

// A record to be written in place. See index.d.ts.
class Reservation {
  #core
  #data
  #size // that of data, unless its memory was transferred elsewhere

  constructor (inside, core, data) {
    if (inside !== INSIDE) throw new TypeError('shmq: use producer.reserve(size)')
    this.#core = core
    this.#data = data
    this.#size = data.length
  }

  get #ours () { return this.#data !== undefined && this.#core.open }

  get data () {
    if (!this.#ours) throw this.#gone()
    return this.#data
  }

  #gone () { return this.#core.failure(codes.NOT_RESERVED) }

  commit (size = this.#size) {
    if (!this.#ours) throw this.#gone()
    if (!Number.isInteger(size) || size < 0 || size > this.#size) {
      throw new RangeError(`shmq: a reservation of ${this.#size} bytes can't be committed with ${String(size)}`)
    }
    this.#data = undefined
    if (native.commit(this.#core.handle, size) < 0) throw this.#core.error()
  }

  abort () {
    if (!this.#ours) return
    this.#data = undefined
    if (native.abort(this.#core.handle) < 0) throw this.#core.error()
  }
}
if (Symbol.dispose) {
  Object.defineProperty(Reservation.prototype, Symbol.dispose, { value () { this.abort() }, writable: true, configurable: true })
}

class Producer {
  #core
  #codec
  #facts

  static async open (name, options) {
    const opened = openOptionsOf(options)
    const codec = codecOf(options?.codec)
    const facts = await job(native.open, nameOf(name), PRODUCER, opened)
    return new this(INSIDE, name, facts, codec)
  }

  constructor (inside, name, facts, codec) {
    if (inside !== INSIDE) throw new TypeError('shmq: use await Producer.open(name)')
    this.#core = new Core(name, PRODUCER, facts)
    this.#codec = codec
    this.#facts = { shape: shapeFrom(facts), maxRecord: facts.maxRecord, seat: facts.seat }
  }

  get name () { return this.#core.name }
  get closed () { return this.#core.closed }
  get shape () { return this.#facts.shape }
  get maxRecord () { return this.#facts.maxRecord }
  get seat () { return this.#facts.seat }

  send (value, options) {
    const core = this.#core
    try {
      core.check()
      const timeout = timeoutOf(options)
      const signal = signalOf(options)
      const bytes = encode(core, this.#codec, value)
      if (core.idle) {
        const code = native.send(core.handle, bytes)
        if (code === 0) return settled()
        if (code !== codes.FULL) return Promise.reject(core.error())
      }
      const kept = Uint8Array.prototype.slice.call(bytes)
      return core.wait(() => sendNow(core, kept), kept.length, timeout, signal)
    } catch (err) {
      return Promise.reject(err)
    }
  }

  trySend (value) {
    const core = this.#core
    core.check()
    const bytes = encode(core, this.#codec, value)
    return core.idle && sendNow(core, bytes) !== AGAIN
  }

  sendBatch (values, options) {
    const core = this.#core
    try {
      core.check()
      const timeout = timeoutOf(options)
      const signal = signalOf(options)
      const records = []
      for (const v of values) records.push(Uint8Array.prototype.slice.call(encode(core, this.#codec, v)))
      let sent = 0
      const attempt = () => {
        while (sent < records.length) {
          const n = native.sendBatch(core.handle, records, sent)
          if (n < 0 && n !== codes.FULL) {
            if (sent === 0) throw core.error()
            return sent // the next call says why
          }
          if (n > 0) sent += n
          if (n < 0 || (sent < records.length && n < MOST_BATCH)) {
            wait.want = records[sent].length
            return AGAIN
          }
        }
        return sent
      }
      const wait = { want: 0 }
      if (core.idle) {
        const r = attempt()
        if (r !== AGAIN) return settled(r)
      }
      return core.wait(attempt, () => wait.want, timeout, signal, () => sent || undefined)
    } catch (err) {
      return Promise.reject(err)
    }
  }

  reserve (size, options) {
    const core = this.#core
    try {
      core.check()
      if (!Number.isInteger(size) || size < 0) throw new RangeError(`shmq: the size of a reservation has to be a whole number: ${String(size)}`)
      const timeout = timeoutOf(options)
      const signal = signalOf(options)
      const attempt = () => {
        const r = native.reserve(core.handle, size)
        if (typeof r !== 'number') return new Reservation(INSIDE, core, fixed(r))
        if (r !== codes.FULL) throw core.error()
        return AGAIN
      }
      attempt.reserves = true
      if (core.idle) {
        const r = attempt()
        if (r !== AGAIN) return settled(r)
      }
      return core.wait(attempt, size, timeout, signal)
    } catch (err) {
      return Promise.reject(err)
    }
  }

  counters () {
    this.#core.check()
    return native.counters(this.#core.handle)
  }

  check () {
    this.#core.check()
    if (native.check(this.#core.handle) < 0) throw this.#core.error()
  }

  ref () {
    this.#core.keep(true)
    return this
  }

  unref () {
    this.#core.keep(false)
    return this
  }

  close () { return this.#core.leave(0) }
  finish () { return this.#core.finish() }
  abandon () { return this.#core.leave(2) }
}
if (Symbol.asyncDispose) {
  Object.defineProperty(Producer.prototype, Symbol.asyncDispose, { value () { return this.close() }, writable: true, configurable: true })
}

function sendNow (core, bytes) {
  const code = native.send(core.handle, bytes)
  if (code === 0) return undefined
  if (code !== codes.FULL) throw core.error()
  return AGAIN
}

module.exports = { Producer, Reservation }
