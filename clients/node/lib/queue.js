// What concerns a queue, and no participant.
'use strict'

const { native } = require('./native')
const { job } = require('./core')
const { errorOf } = require('./errors')
const { shapeOf, shapeFrom, nameOf, known, flag } = require('./options')

async function create (name, shape) { await job(native.create, nameOf(name), shapeOf(shape)) }

function createAnonymous (shape) { return job(native.create, undefined, shapeOf(shape)) }

async function remove (name, options = {}) {
  known(options, ['force'])
  await job(native.remove, nameOf(name), flag(options, 'force') ? 1 : 0)
}

async function recover (name) { return job(native.recover, nameOf(name)) }

async function participants (name) { return job(native.participants, nameOf(name)) }

async function stat (name) {
  const s = await job(native.stat, nameOf(name))
  const { slots, slotSize, seats, mode, producers, consumers, flags, activeProducers, activeConsumers, ...rest } = s
  return { shape: shapeFrom(s), ...rest, producers: activeProducers, consumers: activeConsumers }
}

function path (name) {
  const p = native.path(nameOf(name))
  if (typeof p !== 'string') throw errorOf(p.code, p.text, p.errno)
  return p
}

module.exports = { create, createAnonymous, remove, recover, participants, stat, path }
