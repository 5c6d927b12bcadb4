'use strict'

const test = require('node:test')
const assert = require('node:assert')
const vm = require('node:vm')
const v8 = require('node:v8')
const { MessageChannel } = require('node:worker_threads')
const { queue, producer, consumer, shmq } = require('./helpers')

const { raw } = shmq.codecs

async function pair (t, shape = { slots: 16, slotSize: 256 }) {
  const q = queue(t)
  await shmq.create(q, shape)
  return [await producer(t, q, { codec: raw }), await consumer(t, q, { codec: raw }), q]
}

// What a Buffer is like whose memory is gone.
function isDetached (buffer) {
  assert.strictEqual(buffer.length, 0)
  assert.strictEqual(buffer[0], undefined)
  buffer[0] = 1 // goes nowhere
  assert.strictEqual(buffer[0], undefined)
  assert.throws(() => buffer.readUInt8(0), RangeError)
  assert.throws(() => new Uint8Array(buffer.buffer), TypeError)
}

test('data is the record in place: what is written there is in the queue', async t => {
  const [p, c, q] = await pair(t)
  await p.send(Buffer.from('hello'))
  const rec = await c.lease()
  assert.strictEqual(rec.data.toString(), 'hello')
  assert.strictEqual(rec.data, rec.data)
  rec.data.write('J')
  rec.release()
  const again = await c.lease()
  assert.strictEqual(again.redelivered, 1)
  assert.strictEqual(again.value.toString(), 'Jello')
  assert.strictEqual(again.ack(), true)
  assert.strictEqual((await shmq.stat(q)).depth, 0)
})

test('a Buffer that outlives its lease is detached', async t => {
  const [p, c] = await pair(t)
  for (const end of ['ack', 'release']) {
    await p.send(Buffer.from('hello'))
    const rec = await c.lease()
    const { data } = rec
    const part = data.subarray(1, 3)
    const words = new Uint8Array(data.buffer, data.byteOffset, 4)
    assert.strictEqual(rec[end](), true)
    for (const b of [data, part, words]) {
      assert.strictEqual(b.length, 0)
      assert.strictEqual(b[0], undefined)
    }
    isDetached(data)
    assert.throws(() => rec.data, shmq.SettledError)
    assert.throws(() => rec.value, { code: 'SHMQ_E_SETTLED' })
    assert.throws(() => rec.id, shmq.SettledError)
    assert.strictEqual(rec.settled, true)
    assert.strictEqual(rec.ack(), false)
    assert.strictEqual(rec.release(), false)
  }
})

test('leases that are open when the consumer closes are delivered again, flagged', async t => {
  const [p, c, q] = await pair(t)
  for (const s of ['a', 'b', 'c']) await p.send(Buffer.from(s))
  const recs = [await c.lease(), ...await c.leaseBatch(5)]
  assert.strictEqual(recs.length, 3)
  recs[0].ack()
  const { data } = recs[1]
  await c.close()
  isDetached(data)
  assert.strictEqual(recs[2].ack(), false)
  const d = await consumer(t, q, { codec: raw })
  const again = [await d.lease(), await d.lease()]
  assert.deepStrictEqual(again.map(r => [r.value.toString(), r.redelivered]), [['b', 1], ['c', 1]])
})

test('what was decoded stays; small and large records are alike', async t => {
  const [p, c] = await pair(t, { slots: 64, slotSize: 1024 })
  for (const size of [0, 1, 100, 4096, 4097, 20000]) {
    await p.send(Buffer.alloc(size, 7))
    const rec = await c.lease()
    assert.strictEqual(rec.size, size)
    const value = rec.value
    rec.ack()
    assert.strictEqual(rec.value, value)
    assert.deepStrictEqual(Buffer.from(value), Buffer.alloc(size, 7))

    await p.send(Buffer.alloc(size, 7))
    const unread = await c.lease()
    unread.ack()
    assert.throws(() => unread.value, shmq.SettledError)
  }
})

test('values are copies: the queue goes on and they stay', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const got = []
  for (let i = 0; i < 2000; i++) {
    await p.send({ bytes: Buffer.alloc(10, i) })
    got.push((await c.receive()).bytes)
  }
  got.forEach((b, i) => assert.deepStrictEqual(Buffer.from(b), Buffer.alloc(10, i)))
})

test('the same slots are leased again and again, while old Buffers live', async t => {
  const [p, c] = await pair(t, { slots: 2, slotSize: 64 })
  const old = []
  for (let i = 0; i < 5000; i++) {
    await p.send(Buffer.alloc(32, i))
    const rec = await c.lease()
    assert.strictEqual(rec.data[31], i & 0xff)
    old.push(rec.data)
    rec.ack()
  }
  assert.ok(old.every(b => b.length === 0))
})

test('no Buffer takes the memory to another thread', async t => {
  const [p, c] = await pair(t)
  await p.send(Buffer.from('hello'))
  const rec = await c.lease()
  const { data } = rec
  const { port1, port2 } = new MessageChannel()
  for (const take of [() => structuredClone(data.buffer, { transfer: [data.buffer] }), () => port1.postMessage(data, [data.buffer])]) {
    try {
      take() // node 20 copies instead
    } catch (err) {
      assert.strictEqual(err.name, 'DataCloneError')
    }
    assert.strictEqual(data.toString(), 'hello')
  }
  port1.close()
  port2.close()
  if (data.buffer.transfer) { // node 22
    assert.throws(() => data.buffer.transfer(), TypeError)
    assert.throws(() => data.buffer.transferToFixedLength(), TypeError)
  }
  assert.strictEqual(data.toString(), 'hello')
})

test('a record is written in place, and cut to size', async t => {
  const [p, c] = await pair(t)
  const r = await p.reserve(100)
  assert.strictEqual(r.data.length, 100)
  assert.strictEqual(r.data.byteOffset % 8, 0)
  r.data.write('in place')
  const { data } = r
  await assert.rejects(p.send(Buffer.alloc(1)), shmq.ReservedError)
  assert.throws(() => r.commit(101), RangeError)
  assert.throws(() => r.commit(-1), RangeError)
  assert.throws(() => r.commit(1.5), RangeError)
  r.commit(8)
  isDetached(data)
  assert.throws(() => r.data, { code: 'SHMQ_E_NOT_RESERVED' })
  assert.throws(() => r.commit(8), { code: 'SHMQ_E_NOT_RESERVED' })
  assert.strictEqual((await c.receive()).toString(), 'in place')

  const dropped = await p.reserve(10)
  const gone = dropped.data
  dropped.abort()
  dropped.abort()
  isDetached(gone)
  const empty = await p.reserve(0)
  assert.strictEqual(empty.data.length, 0)
  empty.commit()
  assert.strictEqual((await c.receive()).length, 0)
  assert.strictEqual(c.tryReceive(), undefined)
})

test('a reservation that is open when the producer closes is aborted', async t => {
  const [p, c, q] = await pair(t)
  const r = await p.reserve(10)
  const { data } = r
  await p.close()
  isDetached(data)
  assert.throws(() => r.commit(), { code: 'SHMQ_E_NOT_RESERVED' })
  r.abort()
  const again = await producer(t, q, { codec: raw })
  await again.send(Buffer.from('x'))
  assert.strictEqual((await c.receive()).toString(), 'x')
})

test('Buffers that nobody has any more are collected', async t => {
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc')
  const [p, c] = await pair(t, { slots: 64, slotSize: 65536 })
  const big = Buffer.alloc(60000)
  const turn = () => new Promise(resolve => setImmediate(resolve))
  const run = async () => {
    for (let i = 0; i < 3000; i++) {
      await p.send(big)
      const rec = await c.lease()
      rec.data[0]++
      rec.ack()
      if (i % 100 === 0) await turn()
    }
    for (let i = 0; i < 5; i++) {
      gc()
      await turn()
    }
    return process.memoryUsage()
  }
  await run()
  const before = await run()
  const after = await run()
  assert.ok(after.heapUsed < before.heapUsed + 2e6, `the heap grew from ${before.heapUsed} to ${after.heapUsed}`)
  assert.ok(after.arrayBuffers < before.arrayBuffers + 2e6, `array buffers grew from ${before.arrayBuffers} to ${after.arrayBuffers}`)
})
