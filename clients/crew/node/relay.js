// A hop of the ring: each parcel is checked, extended, sent on and then acknowledged.
'use strict'

const { Producer, Consumer, BrokenError, stat } = require('shmq')
const { note, open, fail, ATTACHED, TOOK, LEAVING } = require('./journal')
const { attach, leave } = require('./orders')
const { sum, extend } = require('./parcel')

// A death that the parent has asked for: at a point, with the parcel of that number of this life.
function dying (death) {
  const [where, at] = death.split(':')
  return (point, seq) => {
    if (point === where && seq === Number(at)) process.kill(process.pid, 'SIGKILL')
  }
}

// Whether the stream that was broken off was the last: the break of one that this life was not there for is told with
// the end of the next.
async function over (queue) {
  const info = await stat(queue)
  return info.finished === info.epoch && info.depth === 0
}

async function relay (hop, life, from, to, journal, death) {
  const perhapsDie = dying(death)
  open(journal)
  const parcels = await attach(() => Consumer.open(from, { create: false, untilEnd: true }))
  const next = await attach(() => Producer.open(to, { create: false }))
  note(ATTACHED)
  let seq = 0
  for (;;) {
    try {
      for await (const rec of parcels) {
        const parcel = rec.value
        if (BigInt(parcel.sum) !== sum(parcel)) fail(`parcel ${parcel.number}: its sum is wrong`)
        note(TOOK, rec.redelivered > 0 ? 1 : 0, 0, parcel.copy, parcel.number)
        extend(parcel, hop, Number(life), BigInt(life) << 32n | BigInt(seq))
        perhapsDie('taken', seq)
        await next.send(parcel)
        perhapsDie('sent', seq)
        seq++
      }
      break
    } catch (err) {
      // The stream of a hop that was killed: its successor begins another.
      if (!(err instanceof BrokenError)) throw err
      if (await over(from)) break
      parcels.nextStream()
    }
  }
  await parcels.close()
  note(LEAVING)
  await next.finish()
  leave()
}

module.exports = { relay }
