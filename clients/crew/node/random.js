'use strict'

const { setTimeout: sleep } = require('node:timers/promises')

const below = n => Math.floor(Math.random() * n)

// Sleeps for the time that a program spends between two calls, mostly none.
async function pause () {
  if (below(200) === 0) await sleep(below(3))
}

module.exports = { below, pause }
