#!/usr/bin/env bash
# msgpackr 2.1.4 (JavaScript) reads the key "__proto__" of a map as "__proto_", one underscore
# less, so an object that is read and written again has another key.
# One would have guessed an error, as from @msgpack/msgpack and msgpack5, or the key left out.
source "$(dirname "$0")/common"
npm msgpackr@2.1.4

node - <<'J' | seen 'keys: __proto_'
const { Packr } = require('msgpackr')
const object = new Packr({ useRecords: false }).unpack(Buffer.from('81a95f5f70726f746f5f5f01', 'hex'))
console.log('keys:', ...Object.keys(object))
J
