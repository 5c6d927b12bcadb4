'use strict'

const { native } = require('./native')
const { Core, AGAIN, job, timeoutOf, signalOf } = require('./core')
const { ClosedError, DecodeError, codes, classes } = require('./errors')
const { codecOf } = require('./codecs')
const { openOptionsOf, shapeFrom, nameOf } = require('./options')
const { settled } = require('./turn')
const { take, recordOf, describe, ackAll } = require('./record')

const CONSUMER = 2
const MOST_BATCH = 256
const INSIDE = Symbol('inside')
const OVER = Symbol('over') // what ends the wait of a loop that is left

// A loop over records, or over batches of them: what it handed out last is acknowledged when
// the loop asks for more, and given back when it is left.
class Loop {
  #consumer
  #next
  #ack
  #release
  #last
  #pending // the promise of the call of next before
  #wait = { end: undefined } // its wait, which can be ended
  #over = false

  constructor (consumer, next, ack, release) {
    this.#consumer = consumer
    this.#next = next
    this.#ack = ack
    this.#release = release
  }

  next () {
    const before = this.#pending
    const mine = before === undefined ? this.#step() : before.then(() => this.#step(), () => this.#step())
    this.#pending = mine
    const clear = () => { if (this.#pending === mine) this.#pending = undefined }
    mine.then(clear, clear)
    return mine
  }

  async #step () {
    if (this.#over) return { value: undefined, done: true }
    try {
      const last = this.#last
      this.#last = undefined
      if (last !== undefined) this.#ack(last)
      const value = await this.#next(this.#wait)
      if (this.#over) { // left meanwhile
        this.#release(value)
        return { value: undefined, done: true }
      }
      this.#last = value
      return { value, done: false }
    } catch (err) {
      this.#over = true
      if (err === OVER) return { value: undefined, done: true }
      if (err instanceof classes.EndError || (err instanceof ClosedError && this.#consumer.closed)) return { value: undefined, done: true }
      throw err
    }
  }

  // A call of next that waits ends, and takes no record.
  async return (value) {
    this.#over = true
    this.#wait.end?.(OVER)
    await this.#pending?.catch(() => {})
    const last = this.#last
    this.#last = undefined
    if (last !== undefined) this.#release(last)
    return { value, done: true }
  }

  async throw (err) {
    await this.return()
    throw err
  }

  [Symbol.asyncIterator] () { return this }
}

class Consumer {
  #core
  #codec
  #facts

  static async open (name, options) {
    const opened = openOptionsOf(options, ['untilEnd', 'strict'])
    const codec = codecOf(options?.codec)
    const facts = await job(native.open, nameOf(name), CONSUMER, opened)
    return new this(INSIDE, name, facts, codec)
  }

  constructor (inside, name, facts, codec) {
    if (inside !== INSIDE) throw new TypeError('shmq: use await Consumer.open(name)')
    this.#core = new Core(name, CONSUMER, facts)
    this.#codec = codec
    this.#facts = { shape: shapeFrom(facts), maxRecord: facts.maxRecord, seat: facts.seat }
  }

  get name () { return this.#core.name }
  get closed () { return this.#core.closed }
  get shape () { return this.#facts.shape }
  get maxRecord () { return this.#facts.maxRecord }
  get seat () { return this.#facts.seat }

  // Tries at once, or waits: what all receiving calls do.
  #get (attempt, options, by) {
    const core = this.#core
    try {
      core.check()
      const timeout = timeoutOf(options)
      const signal = signalOf(options)
      if (core.idle) {
        const r = attempt()
        if (r !== AGAIN) return settled(r)
      }
      return core.wait(attempt, 0, timeout, signal, undefined, by)
    } catch (err) {
      return Promise.reject(err)
    }
  }

  #leaseNow () {
    const index = take(this.#core.handle)
    if (index >= 0) return recordOf(this.#core, this.#codec, index)
    if (index !== codes.EMPTY) throw this.#core.error()
    return AGAIN
  }

  #leasesNow (max) {
    const list = native.leaseBatch(this.#core.handle, max)
    if (typeof list !== 'number') return list.map(index => describe(this.#core, this.#codec, index))
    if (list !== codes.EMPTY) throw this.#core.error()
    return AGAIN
  }

  // A record that can't be decoded is taken from the queue: the error has it.
  #receiveNow () {
    const rec = this.#leaseNow()
    if (rec === AGAIN) return AGAIN
    try {
      return rec.value
    } finally {
      rec.ack()
    }
  }

  #receiveManyNow (max) {
    const recs = this.#leasesNow(max)
    if (recs === AGAIN) return AGAIN
    const values = []
    try {
      for (const rec of recs) values.push(rec.value)
    } catch (err) {
      const bad = values.length
      ackAll(this.#core, recs.slice(0, err instanceof DecodeError && bad === 0 ? 1 : bad))
      for (const rec of recs) rec.release()
      if (bad === 0) throw err // otherwise it comes again, as the first one
      return values
    }
    ackAll(this.#core, recs)
    return values
  }

  lease (options) { return this.#get(() => this.#leaseNow(), options) }
  receive (options) { return this.#get(() => this.#receiveNow(), options) }

  leaseBatch (max, options) { return this.#batch(max, n => this.#leasesNow(n), options) }

  receiveBatch (max, options) { return this.#batch(max, n => this.#receiveManyNow(n), options) }

  #batch (max, attempt, options, by) {
    if (!Number.isInteger(max) || max < 1) {
      return Promise.reject(new RangeError(`shmq: a batch has at least one record: ${String(max)}`))
    }
    return this.#get(() => attempt(Math.min(max, MOST_BATCH)), options, by)
  }

  tryLease () {
    this.#core.check()
    const r = this.#core.idle ? this.#leaseNow() : AGAIN
    return r === AGAIN ? undefined : r
  }

  tryReceive () {
    this.#core.check()
    const r = this.#core.idle ? this.#receiveNow() : AGAIN
    return r === AGAIN ? undefined : r
  }

  records (options) {
    timeoutOf(options)
    return new Loop(this, by => this.#get(() => this.#leaseNow(), options, by), rec => rec.ack(), rec => rec.release())
  }

  batches (max, options) {
    timeoutOf(options)
    return new Loop(this, by => this.#batch(max, n => this.#leasesNow(n), options, by), recs => ackAll(this.#core, recs), recs => {
      for (const rec of recs) rec.release()
    })
  }

  [Symbol.asyncIterator] () { return this.records() }

  nextStream () {
    this.#core.check()
    if (native.nextStream(this.#core.handle) < 0) throw this.#core.error()
  }

  get producerAttached () {
    this.#core.check()
    const n = native.producerAttached(this.#core.handle)
    if (n < 0) throw this.#core.error()
    return n === 1
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
}
if (Symbol.asyncDispose) {
  Object.defineProperty(Consumer.prototype, Symbol.asyncDispose, { value () { return this.close() }, writable: true, configurable: true })
}

module.exports = { Consumer }
