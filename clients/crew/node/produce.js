// A producer of the storm, until it is killed or told to leave.
'use strict'

const { Producer, FullError, codecs } = require('shmq')
const { note, open, fail, ATTACHED, TRY, SENT, WAIT, LEAVING } = require('./journal')
const { orders, turn, leave, attach } = require('./orders')
const { below, pause } = require('./random')
const { MIN, fill } = require('./record')

const MOST = 20

class Sending {
  constructor (to, life) {
    this.to = to
    this.life = BigInt(life)
    this.seq = 0n // of the record that comes next
  }

  get nextID () { return this.life << 32n | this.seq }

  // Many records are small, some take several slots, a few are the largest.
  nextSize () {
    const slot = this.to.shape.slotSize
    const most = this.to.maxRecord
    const n = below(16)
    if (n < 3) return Math.min(most, slot + below(most >> 2))
    if (n === 3) return MIN + below(most - MIN + 1)
    if (n === 4 && below(10) === 0) return most
    return MIN + below(slot - MIN + 1)
  }

  sent (n) {
    note(SENT, 0, n, this.nextID)
    this.seq += BigInt(n)
  }

  // Runs a call, and returns its result, or else if there was no room or an order came.
  async ended (call, otherwise) {
    try {
      return await call()
    } catch (err) {
      if (err instanceof FullError || err === orders.signal.reason) return otherwise
      fail(`send: ${err.message}`)
    }
  }

  async send (n, waits) {
    const records = Array.from({ length: n }, (_, i) => {
      const b = Buffer.allocUnsafe(this.nextSize())
      fill(b, this.nextID + BigInt(i))
      return b
    })
    note(TRY, 0, n, this.nextID)
    let sent = n === 1
      ? Number(this.to.trySend(records[0]))
      : await this.ended(() => this.to.sendBatch(records, { timeout: 0 }), 0)
    if (waits && sent === 0) {
      note(WAIT)
      const options = { signal: orders.signal }
      sent = n === 1
        ? await this.ended(() => this.to.send(records[0], options).then(() => 1), 0)
        : await this.ended(() => this.to.sendBatch(records, options), 0)
    }
    this.sent(sent)
  }

  // Writes a record in place, sometimes slowly, and sends it or gives it back.
  async reserve (commit) {
    note(WAIT)
    const room = await this.ended(() => this.to.reserve(this.nextSize(), { signal: orders.signal }))
    note(SENT, 0, 0, this.nextID) // the wait is over
    if (room === undefined) return
    fill(room.data, commit ? this.nextID : this.nextID | 1n << 63n)
    await pause()
    if (!commit) return room.abort()
    note(TRY, 0, 1, this.nextID)
    room.commit()
    this.sent(1)
  }

  step () {
    const n = below(16)
    if (n < 4) return this.send(1, false)
    if (n < 6) return this.send(1 + below(MOST), false)
    if (n < 8) return this.send(1 + below(MOST), true)
    if (n < 10) return this.reserve(true)
    if (n < 11) return this.reserve(false)
    return this.send(1, true)
  }
}

async function produce (life, queue, journal) {
  open(journal)
  const to = await attach(() => Producer.open(queue, { create: false, codec: codecs.raw }))
  note(ATTACHED)
  const s = new Sending(to, life)
  while (!orders.signal.aborted) {
    await s.step()
    await turn()
  }
  note(LEAVING)
  await to.close()
  leave()
}

module.exports = { produce }
