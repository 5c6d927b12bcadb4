// Functions that the JavaScript peers share: the text of a value, the values written
// here, the protocol.
'use strict'

function text (s) {
  let out = '"'
  for (const c of s) {
    const o = c.codePointAt(0)
    if (c === '"' || c === '\\') out += '\\' + c
    else if (o < 0x20 || o === 0x7f) out += '\\u' + o.toString(16).padStart(4, '0')
    else out += c
  }
  return out + '"'
}

const hex = b => Buffer.from(b.buffer ? new Uint8Array(b.buffer, b.byteOffset, b.byteLength) : b).toString('hex')

// show returns the text of v; extra knows the types of one library.
function show (v, extra) {
  const s = extra(v)
  if (s !== undefined) return s
  if (v === null) return 'nil'
  switch (typeof v) {
    case 'undefined': return 'undefined'
    case 'boolean': return String(v)
    case 'bigint': return String(v)
    case 'number':
      // JavaScript has one kind of number: a whole one is an integer.
      if (Object.is(v, -0)) return 'f(-0)'
      if (Number.isInteger(v)) return Math.abs(v) < 2 ** 70 ? String(BigInt(v)) : `f(${v})`
      return `f(${v})`
    case 'string': return text(v)
    case 'symbol': case 'function': return String(v)
  }
  if (v instanceof Uint8Array || v instanceof ArrayBuffer) return `h'${hex(v)}'`
  if (Array.isArray(v)) return '[' + v.map(e => show(e, extra)).join(', ') + ']'
  if (v instanceof Date) {
    const ms = v.getTime()
    if (Number.isNaN(ms)) return 'Invalid Date'
    const sec = Math.floor(ms / 1000)
    return `time(${sec},${Math.round((ms - sec * 1000) * 1e6)})`
  }
  if (v instanceof Map) {
    return '{' + [...v].map(([k, e]) => show(k, extra) + ': ' + show(e, extra)).sort().join(', ') + '}'
  }
  const proto = Object.getPrototypeOf(v)
  if (proto !== Object.prototype && proto !== null) return `${v.constructor.name}: ${v}`
  return '{' + Object.keys(v).map(k => text(k) + ': ' + show(v[k], extra)).sort().join(', ') + '}'
}

// values are those that JavaScript writes, by the names that the Go side knows.
function * values () {
  for (const n of [0, 127, 128, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1,
    -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1]) yield [`int ${n}`, n]
  for (const n of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), 2n ** 70n]) yield [`int ${n}`, n]
  yield ['milliseconds', 1700000000000]
  yield ['float 5', 5.0]
  yield ['float -0', -0.0]
  yield ['float 0.1', 0.1]
  yield ['float 1e+300', 1e300]
  yield ['float 1e+16', 1e16]
  yield ['float inf', Infinity]
  yield ['float nan', NaN]
  yield ['price', 5.0]
  yield ['small float', 0.1]
  yield ['nil', null]
  yield ['undefined', undefined]
  yield ['true', true]
  yield ['text', 'h\u00e9']
  yield ['empty text', '']
  yield ['text of 300', 't'.repeat(300)]
  yield ['bin', Uint8Array.of(0, 255)]
  yield ['bin as a Buffer', Buffer.of(0, 255)]
  yield ['empty bin', new Uint8Array(0)]
  yield ['list', [1, 2]]
  yield ['empty list', []]
  yield ['map', { k: 7 }]
  yield ['empty map', {}]
  yield ['int keys', new Map([[1, 'x']])]
  yield ['int keys of an object', { 1: 'x' }]
  yield ['int to int', new Map([[1, 2]])]
  yield ['mixed keys', new Map([[1, 'i'], ['1', 's']])]
  yield ['time', new Date('2020-01-01T00:00:00.500Z')]
  yield ['time 1969', new Date(-1500)]
  yield ['time 2600', new Date('2600-01-01T00:00:00Z')]
  yield ['record', { Name: 'Ada', Grade: 1, Tags: null }]
  yield ['record with undefined', { Name: 'Ada', Grade: 1, Tags: undefined }]
}

const message = e => ('!' + (e instanceof Error ? `${e.name}: ${e.message}` : e)).split(/\s+/).join(' ')

// serve answers each line of hex with the value's text, a tab, and its bytes when written again.
function serve (library, decode, encode, extra = () => undefined) {
  const fs = require('node:fs')
  const lines = [JSON.parse(fs.readFileSync(`${__dirname}/node_modules/${library}/package.json`)).version]
  const input = fs.readFileSync(0, 'utf8').split('\n').filter(l => l !== '')
  for (const line of input) {
    let v
    try {
      v = decode(Buffer.from(line, 'hex'))
    } catch (e) {
      lines.push(message(e))
      continue
    }
    let back
    try {
      back = hex(encode(v))
    } catch (e) {
      back = message(e)
    }
    lines.push(show(v, extra) + '\t' + back)
  }
  lines.push('written')
  for (const [name, v] of values()) {
    let bytes
    try {
      bytes = hex(encode(v))
    } catch (e) {
      bytes = message(e)
    }
    lines.push(name + '\t' + bytes)
  }
  process.stdout.write(lines.join('\n') + '\n')
}

module.exports = { serve, hex }
