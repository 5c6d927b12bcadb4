// What the parent tells a worker by lines: "leave" and "drain".
'use strict'

const fs = require('node:fs')
const readline = require('node:readline')
const { setTimeout: sleep } = require('node:timers/promises')
const { RoleTakenError, NoSeatError } = require('shmq')
const { note, fail, LEFT } = require('./journal')

const ordered = new AbortController()
const orders = { signal: ordered.signal, draining: false }

readline.createInterface({ input: process.stdin })
  .on('line', line => {
    orders.draining = line === 'drain'
    ordered.abort()
  })
  .on('close', () => process.exit(0)) // the parent is gone, or wants this one to end

// Lets an order be heard.
const turn = () => new Promise(resolve => setImmediate(resolve))

function leave () {
  note(LEFT)
  fs.writeSync(1, 'left\n')
  process.exit(0) // the input is still open
}

// Attaches; waits for a role and a seat that a dead one has until the kernel has taken it away.
async function attach (open) {
  for (;;) {
    try {
      return await open()
    } catch (err) {
      if (orders.signal.aborted) leave() // another one has what this one waits for
      if (!(err instanceof RoleTakenError) && !(err instanceof NoSeatError)) fail(err.message)
      await sleep(1)
    }
  }
}

module.exports = { orders, turn, leave, attach }
