'use strict'
const { Packr } = require('msgpackr')
const { serve } = require('./common')

const options = {
  default: undefined,
  records: { useRecords: false },
  options: { useRecords: false, mapsAsObjects: false }
}[process.argv[2]]
// A Packr of its own for each value: one that has written a record before writes it
// shorter, for a reader that has kept the definition.
serve('msgpackr', b => new Packr(options).unpack(b), v => new Packr(options).pack(v))
