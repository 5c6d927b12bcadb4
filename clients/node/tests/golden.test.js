// Queues in every state that a kill can leave, and files that are refused: images that the clients of
// all languages read to the same JSON.
'use strict'

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')
const { dir, shmq } = require('./helpers')

const PATIENCE = 20_000 // milliseconds
const golden = process.env.SHMQ_GOLDEN_IMAGES ?? path.join(__dirname, '..', '..', 'golden')
const none = fs.existsSync(golden) ? false : `no images: ${golden} is in checkouts of the project`

function images (folder, least) {
  if (none) return []
  const found = fs.readdirSync(path.join(golden, folder)).filter(f => f.endsWith('.gz')).sort()
  assert.ok(found.length >= least, `${found.length} images`)
  return found.map(f => path.join(golden, folder, f))
}

const wanted = image => JSON.parse(fs.readFileSync(image.replace(/gz$/, 'json'), 'utf8')
  .replace(/"sent_at": (\d+)/g, '"sent_at": "$1"')) // it is beyond the numbers of JavaScript

// The path of a copy, in a folder of its own that is gone with the test.
let copies = 0
function copyOf (t, image) {
  const folder = path.join(dir, `golden${++copies}`)
  fs.mkdirSync(folder)
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const name = path.join(folder, 'queue')
  fs.writeFileSync(name, zlib.gunzipSync(fs.readFileSync(image)))
  return name
}

async function description (name) {
  const i = await shmq.stat(name)
  const d = {
    producers: i.shape.producers,
    consumers: i.shape.consumers,
    slots: i.shape.slots,
    slot_size: i.shape.slotSize,
    seats: i.shape.seats,
    checksum: i.shape.checksum,
    timestamps: i.shape.timestamps,
    creation_id: i.creation,
    head: Number(i.head),
    tail: Number(i.tail),
    sent: i.sent,
    sent_bytes: i.sentBytes,
    received: i.received,
    received_bytes: i.receivedBytes,
    redelivered: i.redelivered,
    torn: i.torn,
    skipped: i.skipped,
    begun: i.epoch > 0,
    finished: i.epoch > 0 && i.finished === i.epoch,
    participants: (await shmq.participants(name)).map(({ seat, role, pid, command, alive, records, bytes }) =>
      ({ seat, role, pid, command, alive, records, bytes })),
    delivered: []
  }
  const c = await shmq.Consumer.open(name, { create: false, untilEnd: true, codec: shmq.codecs.raw })
  try {
    for (;;) {
      const rec = await c.lease({ timeout: PATIENCE }) // all producers are dead, so there is an end
      d.delivered.push({ data: rec.value.toString('hex'), redelivered: rec.redelivered, sent_at: String(rec.sentAt), id: rec.id })
      assert.ok(rec.ack())
    }
  } catch (err) {
    if (!(err instanceof shmq.EndError || err instanceof shmq.BrokenError)) throw err
    d.then = err.code.replace('SHMQ_E_', '').toLowerCase()
  }
  await c.close()
  return d
}

test('golden queues are read as in all languages', { skip: none }, async t => {
  for (const image of images('', 90)) {
    await t.test(path.basename(image, '.gz'), async t => {
      assert.deepStrictEqual(await description(copyOf(t, image)), wanted(image))
    })
  }
})

const classes = { layout: shmq.LayoutError, damaged: shmq.DamagedError, 'not-queue': shmq.NotQueueError, rebuild: shmq.RebuildError }

test('golden files are refused as in all languages', { skip: none }, async t => {
  for (const image of images('refused', 7)) {
    await t.test(path.basename(image, '.gz'), async t => {
      const { code, says, stat } = wanted(image)
      const name = copyOf(t, image)
      const refused = err => {
        assert.ok(err instanceof classes[code], String(err))
        assert.strictEqual(err.code, 'SHMQ_E_' + code.replace('-', '_').toUpperCase())
        for (const word of [says, name]) assert.ok(err.message.includes(word), `no "${word}" in ${err.message}`)
        return true
      }
      await assert.rejects(shmq.Consumer.open(name), refused)
      await assert.rejects(shmq.Producer.open(name), refused)
      if (stat) assert.strictEqual((await shmq.stat(name)).size, fs.statSync(name).size)
      else await assert.rejects(shmq.stat(name), err => err instanceof classes[code])
    })
  }
})
