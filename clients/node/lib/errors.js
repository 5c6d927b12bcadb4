// What can go wrong. Codes are those of libshmq, texts are the library's.
'use strict'

class ShmqError extends Error {
  constructor (code, text, errno = 0) {
    super(text)
    this.code = code
    if (errno !== 0) this.errno = errno
  }

  get name () { return this.constructor.name }
}

const named = name => ({ [name]: class extends ShmqError {} })[name]

// By the library's number, from -1 on: the code, and the class where there is one of its own.
const kinds = [
  ['EMPTY', named('EmptyError')],
  ['FULL', named('FullError')],
  ['TIMEOUT', named('TimeoutError')],
  ['CANCELLED'],
  ['INTERRUPTED'],
  ['END', named('EndError')],
  ['BROKEN', named('BrokenError')],
  ['SMALL'],
  ['TOO_LARGE', named('TooLargeError')],
  ['RESERVED', named('ReservedError')],
  ['NOT_RESERVED'],
  ['MISUSE'],
  ['FORKED'],
  ['NAME', named('NameError')],
  ['OPTION', named('OptionError')],
  ['DAMAGED', named('DamagedError')],
  ['REMOVED', named('RemovedError')],
  ['TRUNCATED', named('TruncatedError')],
  ['NO_SPACE', named('NoSpaceError')],
  ['NOT_QUEUE', named('NotQueueError')],
  ['LAYOUT', named('LayoutError')],
  ['REBUILD', named('RebuildError')],
  ['ABSENT', named('AbsentError')],
  ['EXISTS', named('ExistsError')],
  ['ROLE_TAKEN', named('RoleTakenError')],
  ['NO_SEAT', named('NoSeatError')],
  ['IN_USE', named('InUseError')],
  ['PERMISSION', named('PermissionError')],
  ['REFUSED', named('RefusedError')],
  ['SYNC'],
  ['SYSTEM', named('SystemError')],
  ['LAGGED'] // of what is received without a lease
]

const codes = {}
kinds.forEach(([code], i) => { codes[code] = -1 - i })

const classes = {}
for (const [, kind] of kinds) if (kind) classes[kind.name] = kind

// Errors that the library does not know.
class ClosedError extends ShmqError {
  constructor (what, name) {
    super('SHMQ_E_CLOSED', `shmq: the ${what} of queue "${name}" is closed; open another one`)
  }
}

class SettledError extends ShmqError {
  constructor (name) {
    super('SHMQ_E_SETTLED', `shmq: the record of queue "${name}" was acknowledged or given back; read what you need of it before`)
  }
}

class DecodeError extends ShmqError {
  constructor (name, record, cause) {
    super('SHMQ_E_DECODE', `shmq: receive from queue "${name}": record of ${record.length} bytes: ${cause?.message ?? cause}`)
    this.record = record
    this.cause = cause
  }
}

function errorOf (number, text, errno) {
  const [code, Kind = ShmqError] = kinds[-1 - number] ?? ['UNKNOWN']
  return new Kind(`SHMQ_E_${code}`, text, errno)
}

module.exports = { ShmqError, ClosedError, SettledError, DecodeError, classes, codes, errorOf }
