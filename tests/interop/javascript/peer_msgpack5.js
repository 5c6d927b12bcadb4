'use strict'
const { serve } = require('./common')

const msgpack = require('msgpack5')(process.argv[2] === 'default' ? {} : { preferMap: true })
serve('msgpack5', b => msgpack.decode(b), v => msgpack.encode(v).slice())
