// A worker in JavaScript: a hop of the ring, or a producer or consumer of the storm.
'use strict'

const { fail } = require('./journal')
const parts = { ...require('./relay'), ...require('./produce'), ...require('./consume') }

const [part, ...args] = process.argv.slice(2)
if (!Object.hasOwn(parts, part)) fail(`no such part of a worker: ${part}`)
parts[part](...args).catch(err => fail(err.stack))
