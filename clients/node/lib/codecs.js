// How values become bytes. A codec is an object with encode and decode; see index.d.ts.
'use strict'

const { Encoder, Decoder, ExtensionCodec } = require('@msgpack/msgpack')

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

// What the encoder would make an empty map of, and so lose, is refused.
class Strict extends ExtensionCodec {
  tryToEncode (object, context) {
    if (object instanceof Map || object instanceof Set) {
      const how = object instanceof Map ? 'Object.fromEntries(map)' : '[...set]'
      throw new TypeError(`a ${object.constructor.name} has no form in msgpack: send ${how}`)
    }
    if (object instanceof ArrayBuffer) throw new TypeError('an ArrayBuffer has no form in msgpack: send new Uint8Array(buffer)')
    return super.tryToEncode(object, context)
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
    if (value instanceof Uint8Array) return value
    if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return Buffer.from(value)
    throw new TypeError('codec raw: not a Buffer, typed array or ArrayBuffer')
  },
  decode: bytes => bytes
}

function codecOf (codec = msgpack) {
  if (typeof codec?.encode !== 'function' || typeof codec?.decode !== 'function') {
    throw new TypeError('shmq: a codec is an object with the functions encode and decode')
  }
  return codec
}

module.exports = { msgpack, text, json, raw, codecOf }
