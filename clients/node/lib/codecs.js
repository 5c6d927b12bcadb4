// How values become bytes. A codec is an object with encode and decode; see index.d.ts.
'use strict'

const { types } = require('node:util')
const { Encoder, Decoder, ExtensionCodec, ExtData } = require('@msgpack/msgpack')

const isSafe = n => n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER
const narrow = n => isSafe(n) ? Number(n) : n

// Whole numbers of 64 bits: those that a number holds exactly are numbers, the others BigInts.
class WideDecoder extends Decoder {
  readU64AsBigInt () { return narrow(super.readU64AsBigInt()) }
  readI64AsBigInt () { return narrow(super.readI64AsBigInt()) }
}

class WideEncoder extends Encoder {
  encodeObject (object, depth) {
    if (typeof object !== 'bigint') return super.encodeObject(object, depth)
    if (object < -(2n ** 63n) || object >= 2n ** 64n) throw new RangeError(`a BigInt of more than 64 bits: ${object}`)
    if (isSafe(object)) return this.encodeNumber(Number(object))
    return this.encodeBigInt64(object)
  }
}

for (const [kind, methods] of [[Decoder, ['readU64AsBigInt', 'readI64AsBigInt']], [Encoder, ['encodeObject', 'encodeNumber', 'encodeBigInt64']]]) {
  for (const m of methods) {
    if (typeof kind.prototype[m] !== 'function') throw new Error(`shmq: this version of @msgpack/msgpack is another one: it has no ${m}`)
  }
}

// An object that Object.prototype, of whatever realm, or nothing stands behind.
function isPlain (object) {
  const proto = Object.getPrototypeOf(object)
  return proto === Object.prototype || proto === null || Object.getPrototypeOf(proto) === null
}

// Whether the memory of a view was taken away, as that of a settled record is.
function isDetached (view) {
  if (view.byteLength > 0) return false
  try {
    return new Uint8Array(view.buffer).length < 0
  } catch {
    return true
  }
}

const gone = () => new TypeError('the bytes are gone: their Buffer was detached, as rec.data is when its record is settled; send them before, or a copy: new Uint8Array(data)')

// What to send instead of an object that the encoder would lose, or undefined.
function insteadOf (object) {
  if (types.isMap(object)) return 'send Object.fromEntries(map)'
  if (types.isSet(object)) return 'send [...set]'
  if (types.isAnyArrayBuffer(object)) return 'send new Uint8Array(buffer)'
  if (types.isPromise(object)) return 'await it'
  if (types.isBoxedPrimitive(object)) return 'send its valueOf()'
  if (types.isNativeError(object)) return 'send its message'
  if (types.isRegExp(object)) return 'send its source'
  if (Object.keys(object).length === 0) return 'it has no fields of its own; send a plain object, or a string'
}

// What the encoder would make an empty map of, or another value, and so lose, is refused.
class Strict extends ExtensionCodec {
  tryToEncode (object, context) {
    if (typeof object !== 'object') throw new TypeError(`a ${typeof object} has no form in msgpack`)
    if (Array.isArray(object)) return null
    if (ArrayBuffer.isView(object)) {
      if (isDetached(object)) throw gone()
      return null
    }
    if (isPlain(object)) return null
    if (types.isDate(object)) {
      const date = object instanceof Date ? object : new Date(object)
      if (Number.isNaN(date.getTime())) throw new TypeError('an invalid Date has no form in msgpack')
      return super.tryToEncode(date, context)
    }
    if (object instanceof ExtData) return object
    const how = insteadOf(object)
    if (how) throw new TypeError(`an object of class ${object.constructor?.name || 'none'} has no form in msgpack: ${how}`)
    return null
  }
}

const extensionCodec = new Strict()
const encoder = new WideEncoder({ extensionCodec, ignoreUndefined: true })
const decoder = new WideDecoder({ useBigInt64: true })

const msgpack = {
  encode: value => encoder.encodeSharedRef(value),
  decode: bytes => decoder.decode(bytes)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const text = {
  encode (value) {
    if (typeof value !== 'string') throw new TypeError('codec text: not a string')
    return Buffer.from(value, 'utf8')
  },
  decode: bytes => utf8.decode(bytes)
}

const json = {
  encode (value) {
    const s = JSON.stringify(value)
    if (s === undefined) throw new TypeError('codec json: the value has no form in JSON')
    return Buffer.from(s, 'utf8')
  },
  decode: bytes => JSON.parse(utf8.decode(bytes))
}

const raw = {
  encode (value) {
    if (types.isAnyArrayBuffer(value)) return Buffer.from(value)
    if (!ArrayBuffer.isView(value)) throw new TypeError('codec raw: not a Buffer, typed array or ArrayBuffer')
    if (isDetached(value)) throw gone()
    return types.isUint8Array(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  },
  decode: bytes => bytes
}

// The bytes of a value, whatever a codec does.
function encode (core, codec, value) {
  const bytes = codec.encode(value)
  if (!types.isUint8Array(bytes)) {
    const what = bytes?.constructor?.name ?? String(bytes)
    throw new TypeError(`shmq: send to queue "${core.name}": encode of the codec has to return a Uint8Array: ${what}`)
  }
  if (isDetached(bytes)) throw gone()
  core.check() // the codec may have closed it
  return bytes
}

function codecOf (codec = msgpack) {
  if (typeof codec?.encode !== 'function' || typeof codec?.decode !== 'function') {
    throw new TypeError('shmq: a codec is an object with the functions encode and decode')
  }
  return codec
}

module.exports = { msgpack, text, json, raw, codecOf, encode }
