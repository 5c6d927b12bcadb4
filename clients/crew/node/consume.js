// A consumer of the storm, until it is killed, told to leave, or told to go on until nothing comes.
'use strict'

const { Consumer, EmptyError, codecs } = require('shmq')
const { note, open, now, fail, ATTACHED, WAIT, TOOK, ACKING, ACKED, RELEASING, LEAVING } = require('./journal')
const { orders, turn, leave, attach } = require('./orders')
const { below, pause } = require('./random')
const { read } = require('./record')

class Receiving {
  constructor (from) {
    this.from = from
    this.open = []
  }

  took (recs, began) {
    for (const rec of recs) {
      const id = read(rec.data)
      if (id === undefined) fail(`torn: ${rec.size} bytes`)
      note(TOOK, rec.redelivered > 0 ? 1 : 0, 0, id, began)
      this.open.push({ rec, id })
    }
  }

  // Runs a call, and returns its records: none if none came before the end of the wait.
  async ended (call) {
    try {
      return await call()
    } catch (err) {
      if (err instanceof EmptyError || err === orders.signal.reason) return []
      fail(`receive: ${err.message}`)
    }
  }

  async lease (n, waits) {
    let began = now()
    let recs
    if (n === 1) {
      const rec = this.from.tryLease()
      recs = rec === undefined ? [] : [rec]
    } else {
      recs = await this.ended(() => this.from.leaseBatch(n, { timeout: 0 }))
    }
    if (waits && recs.length === 0) {
      note(WAIT)
      began = now()
      const options = { signal: orders.signal }
      recs = await this.ended(() => n === 1 ? this.from.lease(options).then(rec => [rec]) : this.from.leaseBatch(n, options))
    }
    this.took(recs, began)
  }

  settle (i) {
    const { rec, id } = this.open[i]
    // No other process may have touched it meanwhile.
    if (read(rec.data) !== id) fail(`record ${id} changed while it was held`)
    const last = this.open.pop()
    if (i < this.open.length) this.open[i] = last
    if (below(12) === 0) {
      note(RELEASING, 0, 0, id)
      rec.release()
      return
    }
    note(ACKING, 0, 0, id)
    if (!rec.ack()) fail(`record ${id} was settled before`)
    note(ACKED, 0, 0, id)
  }

  settleAll () {
    while (this.open.length > 0) this.settle(below(this.open.length))
  }

  async step () {
    // A consumer that waits for a record while it holds others may wait for ever: the ring may have come round
    // to them.
    const waits = this.open.length === 0
    const n = below(12)
    if (n < 2) await this.lease(1 + below(16), waits)
    else if (n < 4) await this.lease(1 + below(16), false)
    else await this.lease(1, waits)
    await pause()
    if (this.open.length > 8 || below(4) > 0) this.settleAll()
    else if (this.open.length > 0) this.settle(below(this.open.length))
  }
}

async function consume (life, queue, journal) {
  open(journal)
  const from = await attach(() => Consumer.open(queue, { create: false, codec: codecs.raw }))
  note(ATTACHED)
  const r = new Receiving(from)
  while (!orders.signal.aborted) {
    await r.step()
    await turn()
  }
  r.settleAll()
  // A call may find nothing because its effort is spent.
  for (let empty = 0; orders.draining && empty < 100; empty++) {
    await r.lease(1, false)
    if (r.open.length > 0) empty = 0
    r.settleAll()
  }
  note(LEAVING)
  await from.close()
  leave()
}

module.exports = { consume }
