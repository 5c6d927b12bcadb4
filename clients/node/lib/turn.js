// Promises that are settled at once never let the event loop turn: a program that awaits one
// after the other would starve its timers and sockets. So now and then one takes a turn.
'use strict'

const { performance } = require('node:perf_hooks')

const SLICE = 2 // milliseconds
const MOST = 32 // calls between looks at the clock, which costs something, too

let each = 1 // calls till the next look
let calls = 0
let looked = 0
let since = 0
const DONE = Promise.resolve()

// Tells that the event loop has turned.
function turned () { since = performance.now() }

// Returns whether it is time for the event loop to turn. The clock is looked at rarely as long as calls follow
// each other fast.
function due () {
  calls = 0
  const now = performance.now()
  each = now - looked > SLICE / 2 ? 1 : Math.min(2 * each, MOST)
  looked = now
  return now - since > SLICE
}

// Returns a promise for the value of a call that did not have to wait.
function settled (value) {
  if (++calls >= each && due()) {
    return new Promise(resolve => setImmediate(() => {
      turned()
      resolve(value)
    }))
  }
  return value === undefined ? DONE : Promise.resolve(value)
}

module.exports = { settled, turned }
