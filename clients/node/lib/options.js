// Options, as the addon takes them.
'use strict'

const { codes, errorOf } = require('./errors')

const MULTIPLICITY = { any: 0, many: 1, one: 2, each: 3 }
const CHECKSUM = 1
const TIMESTAMPS = 2
const FLAGS = { anyShape: 1 << 1, untilEnd: 1 << 2, strict: 1 << 3, guard: 1 << 4, prefault: 1 << 6, lockMemory: 1 << 7 }
const NO_CREATE = 1 << 0

const bad = text => errorOf(codes.OPTION, `shmq: bad option: ${text}`)

// Options that are not known are mistyped ones. An object of another kind, such as an AbortSignal, has none.
function known (options, names) {
  const isObject = options !== null && typeof options === 'object'
  const kind = isObject ? Object.prototype.toString.call(options) : String(options)
  const keys = isObject && !Array.isArray(options) ? Object.keys(options) : []
  if (keys.length === 0 && kind !== '[object Object]') throw bad(`options have to be an object, with ${names.join(', ')}: ${kind}`)
  for (const key of keys) {
    if (!names.includes(key)) throw bad(`there is no option ${key}; there are ${names.join(', ')}`)
  }
}

function whole (shape, key, most) {
  const n = shape[key] ?? 0
  if (!Number.isInteger(n) || n < 0 || n > most) throw bad(`${key} has to be a whole number from 0 to ${most}: ${String(n)}`)
  return n
}

function multiplicity (shape, key) {
  const v = shape[key] ?? 'any'
  if (!Object.hasOwn(MULTIPLICITY, v)) throw bad(`${key} has to be "one", "many" or "any", or "each" of consumers: ${String(v)}`)
  return MULTIPLICITY[v]
}

function flag (options, key) {
  const v = options[key] ?? false
  if (typeof v !== 'boolean') throw bad(`${key} has to be true or false: ${String(v)}`)
  return v
}

const SHAPE = ['slots', 'slotSize', 'seats', 'mode', 'producers', 'consumers', 'checksum', 'timestamps']

function shapeOf (shape = {}) {
  known(shape, SHAPE)
  return {
    slots: whole(shape, 'slots', 2 ** 24),
    slotSize: whole(shape, 'slotSize', 2 ** 30),
    seats: whole(shape, 'seats', 1024),
    mode: whole(shape, 'mode', 0o777),
    producers: multiplicity(shape, 'producers'),
    consumers: multiplicity(shape, 'consumers'),
    flags: (flag(shape, 'checksum') ? CHECKSUM : 0) | (flag(shape, 'timestamps') ? TIMESTAMPS : 0)
  }
}

// A shape that the addon has told of.
function shapeFrom (s) {
  const word = v => Object.keys(MULTIPLICITY).find(k => MULTIPLICITY[k] === v)
  return {
    slots: s.slots,
    slotSize: s.slotSize,
    seats: s.seats,
    producers: word(s.producers),
    consumers: word(s.consumers),
    checksum: (s.flags & CHECKSUM) !== 0,
    timestamps: (s.flags & TIMESTAMPS) !== 0
  }
}

function openOptionsOf (options = {}, more = []) {
  known(options, ['create', 'anyShape', 'guard', 'prefault', 'lockMemory', 'command', 'codec', ...more])
  const { create = {}, command } = options
  if (create === true || (create !== false && (create === null || typeof create !== 'object'))) throw bad('create has to be false, or the shape of the queue if it is made')
  if (command !== undefined && typeof command !== 'string') throw bad('command has to be a string')
  let openFlags = create === false ? NO_CREATE : 0
  for (const key of Object.keys(FLAGS)) {
    if (flag(options, key) || (key === 'guard' && options.guard === undefined)) openFlags |= FLAGS[key]
  }
  return { ...shapeOf(create || {}), openFlags, command }
}

function nameOf (name) {
  if (typeof name !== 'string') throw errorOf(codes.NAME, 'shmq: bad queue name: it has to be a string')
  if (/\p{Surrogate}/u.test(name)) throw errorOf(codes.NAME, `shmq: bad queue name: it has no form in UTF-8: ${JSON.stringify(name)}`)
  if (name.includes('\0')) throw errorOf(codes.NAME, `shmq: bad queue name: control characters in ${JSON.stringify(name)}`)
  return name
}

module.exports = { shapeOf, shapeFrom, openOptionsOf, nameOf, known, flag }
