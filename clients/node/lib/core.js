// What producers and consumers share: the handle, and the calls that wait on it.
'use strict'

const { native, fields } = require('./native')
const { ShmqError, ClosedError, codes, classes, errorOf } = require('./errors')
const { known } = require('./options')
const { turned } = require('./turn')

const AGAIN = Symbol('again')
const NAMES = { 1: 'producer', 2: 'consumer' }
const MOST_DELAY = 2 ** 31 - 1 // of a timer, milliseconds

// Participants that sleep, by the id of their handle. The map keeps them alive.
const asleep = new Map()

native.setup(id => {
  turned()
  asleep.get(id)?.woken()
}, fields)

// What the addon throws has a code, and no class yet.
function classed (err) {
  const code = err instanceof ShmqError ? undefined : codes[/^SHMQ_E_(.*)/.exec(err?.code)?.[1]]
  return code === undefined ? err : errorOf(code, err.message)
}

// Runs a native job: a function whose last argument is a callback.
function job (f, ...args) {
  return new Promise((resolve, reject) => {
    try {
      f(...args, (code, errno, text, result) => code < 0 ? reject(errorOf(code, text, errno)) : resolve(result))
    } catch (err) {
      reject(classed(err))
    }
  })
}

const WAIT = ['timeout', 'signal']

// Checks the options of a call that waits; returns the time-out in milliseconds, Infinity for none.
function timeoutOf (options) {
  if (options === undefined) return Infinity
  known(options, WAIT)
  const t = options.timeout
  if (t === undefined || t === Infinity) return Infinity
  if (typeof t !== 'number' || !(t >= 0) || t > MOST_DELAY) {
    throw new RangeError(`shmq: a time-out has to be from 0 to ${MOST_DELAY} milliseconds, or Infinity: ${String(t)}`)
  }
  return t
}

function signalOf (options) {
  const signal = options?.signal
  if (signal === undefined) return undefined
  for (const f of ['addEventListener', 'removeEventListener', 'throwIfAborted']) {
    if (typeof signal?.[f] !== 'function') throw new TypeError('shmq: signal has to be an AbortSignal')
  }
  signal.throwIfAborted()
  return signal
}

// What a signal ends. It has one listener for all of that: Node takes more than ten for a leak.
const followers = new WeakMap()

function follow (signal, end) {
  let f = followers.get(signal)
  if (f === undefined) {
    const ends = new Set()
    const listener = () => {
      followers.delete(signal)
      for (const end of ends) end()
    }
    f = { ends, listener }
    followers.set(signal, f)
    signal.addEventListener('abort', listener, { once: true })
  }
  f.ends.add(end)
}

function unfollow (signal, end) {
  const f = followers.get(signal)
  if (!f?.ends.delete(end) || f.ends.size > 0) return
  followers.delete(signal)
  signal.removeEventListener('abort', f.listener)
}

class Core {
  constructor (name, role, opened) {
    this.name = name
    this.role = role
    this.handle = opened.handle
    this.id = opened.id
    this.open = true
    this.left = undefined // the promise of leave
    this.finished = undefined // that of finish, if calls waited when it was called
    this.drained = undefined // told that none waits any more
    this.kept = true // waits keep the process alive
    this.held = false
    this.pumping = false
    // Calls that wait, the oldest first.
    this.first = undefined
    this.last = undefined
  }

  // Whether a call may be tried at once: none waits before it.
  get idle () { return this.first === undefined }

  check () {
    if (this.closed) throw this.shut()
  }

  // Whether it takes no more calls.
  get closed () { return !this.open || this.finished !== undefined }

  shut () { return new ClosedError(NAMES[this.role], this.name) }

  // The error of the native call that failed last.
  error () {
    const { code, text, errno } = native.failure(this.handle)
    return errorOf(code, text, errno)
  }

  // An error of this side, worded as the library does.
  failure (code) {
    const to = this.role === 1 ? 'send to' : 'receive from'
    return errorOf(code, `shmq: ${to} queue "${this.name}": ${native.codeText(code)}`)
  }

  nothing () { return this.failure(this.role === 1 ? codes.FULL : codes.EMPTY) }

  // Waits until attempt returns something else than AGAIN, which then is the result, or
  // throws. want is the size that it needs room for, or a function that returns it. partial, if it is there, returns what
  // was achieved when the wait ends early, or undefined. by, if it is there, is given a function that ends the wait.
  wait (attempt, want, timeout, signal, partial, by) {
    if (timeout === 0) { // it was tried, or others wait before it
      const some = partial?.()
      return some === undefined ? Promise.reject(this.nothing()) : Promise.resolve(some)
    }
    return new Promise((resolve, reject) => {
      const w = { attempt, want, partial, resolve, reject, signal, abort: undefined, timer: undefined, before: this.last, after: undefined }
      if (this.last === undefined) this.first = w
      else this.last.after = w
      this.last = w
      this.holdOrNot()
      if (this.first === w) this.pump()
      if (!this.waits(w)) return
      if (timeout !== Infinity) {
        w.timer = setTimeout(() => this.late(w), timeout)
        if (!this.kept) w.timer.unref()
      }
      if (signal) {
        w.abort = () => this.cut(w, signal.reason)
        follow(signal, w.abort)
      }
      if (by) by.end = err => this.cut(w, err)
    })
  }

  waits (w) { return w === this.first || w.before !== undefined }

  // Takes a call from the list.
  remove (w) {
    if (!this.waits(w)) return
    if (w.before === undefined) this.first = w.after
    else w.before.after = w.after
    if (w.after === undefined) this.last = w.before
    else w.after.before = w.before
    w.before = w.after = undefined
    clearTimeout(w.timer)
    if (w.abort) unfollow(w.signal, w.abort)
    this.holdOrNot()
    if (this.first === undefined) this.drained?.()
  }

  // The time of a call is over. What came while the event loop was busy is in time.
  late (w) {
    if (w === this.first) {
      this.sleepNoMore()
      this.pump()
    }
    if (this.waits(w)) this.cut(w, this.failure(codes.TIMEOUT))
  }

  // Ends a call before it got what it waits for.
  cut (w, err) {
    if (!this.waits(w)) return
    const wasFirst = w === this.first
    this.remove(w)
    const some = w.partial?.()
    if (some === undefined) w.reject(err)
    else w.resolve(some)
    if (wasFirst && this.open) {
      this.sleepNoMore()
      this.pump()
    }
  }

  sleepNoMore () {
    if (asleep.delete(this.id)) native.disarm(this.handle)
  }

  woken () {
    asleep.delete(this.id)
    this.pump()
  }

  // Tries the calls in their order until one has to wait, and arms for that one. It is bounded:
  // the event loop is to turn.
  pump () {
    if (this.pumping || asleep.has(this.id)) return
    this.pumping = true
    try {
      for (let tries = 0; this.open && this.first !== undefined; tries++) {
        if (tries === 256) {
          this.pumping = false
          setImmediate(() => this.pump())
          return
        }
        if (this.step(this.first)) return
      }
    } finally {
      this.pumping = false
    }
  }

  // Tries a call once; returns whether it sleeps now.
  step (w) {
    try {
      const r = w.attempt()
      if (r !== AGAIN) {
        this.remove(w)
        w.resolve(r)
        return false
      }
      const code = native.arm(this.handle, typeof w.want === 'number' ? w.want : w.want())
      if (code === codes.EMPTY || code === codes.FULL) {
        asleep.set(this.id, this)
        return true
      }
      if (code < 0) throw this.error()
    } catch (err) {
      this.remove(w)
      w.reject(classed(err))
    }
    return false
  }

  holdOrNot () {
    const hold = this.kept && this.first !== undefined
    if (hold === this.held) return
    this.held = hold
    native.hold(hold ? 1 : -1)
  }

  keep (kept) {
    this.kept = kept
    for (let w = this.first; w !== undefined; w = w.after) kept ? w.timer?.ref() : w.timer?.unref()
    this.holdOrNot()
  }

  // Leaves the queue: closes (0), finishes (1) or abandons (2). Calls that wait end.
  leave (how) {
    if (this.left === undefined) {
      this.open = false
      asleep.delete(this.id)
      const left = job(native.leave, this.handle, how)
      this.left = left
      while (this.first !== undefined) this.cut(this.first, this.shut())
    }
    return this.left
  }

  // Finishes once the calls that wait have sent: those records belong to the stream. A reservation would not be.
  finish () {
    if (this.finished !== undefined) return this.finished
    for (let w = this.first, next; w !== undefined; w = next) {
      next = w.after
      if (w.attempt.reserves) this.cut(w, this.shut())
    }
    if (this.left !== undefined || this.first === undefined) return this.leave(1)
    this.finished = new Promise(resolve => { this.drained = resolve }).then(() => {
      if (!this.open) throw this.shut()
      return this.leave(1)
    })
    return this.finished
  }
}

module.exports = { Core, AGAIN, job, timeoutOf, signalOf }
