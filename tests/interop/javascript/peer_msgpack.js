'use strict'
const { encode, decode, ExtData } = require('@msgpack/msgpack')
const { serve, hex } = require('./common')

const extra = v => v instanceof ExtData ? `ext(${v.type},h'${hex(v.data)}')` : undefined
const options = process.argv[2] === 'default' ? {} : { useBigInt64: true }
serve('@msgpack/msgpack', b => decode(b, options), v => encode(v, options), extra)
