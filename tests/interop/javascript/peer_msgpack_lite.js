'use strict'
const msgpack = require('msgpack-lite')
const { Uint64BE, Int64BE } = require('int64-buffer')
const { serve, hex } = require('./common')

const extra = v => {
  if (Uint64BE.isUint64BE(v) || Int64BE.isInt64BE(v)) return v.toString(10)
  if (v && v.constructor && v.constructor.name === 'ExtBuffer') return `ext(${v.type},h'${hex(v.buffer)}')`
}
const codec = process.argv[2] === 'default' ? undefined : msgpack.createCodec({ preset: true, int64: true, usemap: true })
serve('msgpack-lite', b => msgpack.decode(b, { codec }), v => msgpack.encode(v, { codec }), extra)
