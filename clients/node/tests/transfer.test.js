'use strict'

const test = require('node:test')
const assert = require('node:assert')
const { queue, producer, consumer, PATIENCE, shmq } = require('./helpers')

const { raw } = shmq.codecs

for (const producers of ['one', 'many']) {
  for (const consumers of ['one', 'many']) {
    test(`records of all sizes arrive in order, ${producers} to ${consumers}`, async t => {
      const q = queue(t)
      await shmq.create(q, { producers, consumers, slots: 64, slotSize: 128 })
      const p = await producer(t, q, { codec: raw })
      const c = await consumer(t, q, { codec: raw })
      assert.strictEqual(p.shape.producers, producers)
      assert.strictEqual(c.shape.consumers, consumers)
      const n = 2000
      const record = i => Buffer.alloc((i * 7) % (p.maxRecord + 1), i & 0xff)
      const sender = (async () => {
        for (let i = 0; i < n; i++) await p.send(record(i))
      })()
      for (let i = 0; i < n; i++) assert.deepStrictEqual(Buffer.from(await c.receive()), record(i))
      await sender
    })
  }
}

test('sends that are not awaited keep their order', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 8, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const all = []
  for (let i = 0; i < 500; i++) all.push(p.send(i))
  assert.strictEqual(p.trySend('not before those'), false)
  for (let i = 0; i < 500; i++) assert.strictEqual(await c.receive(), i)
  await Promise.all(all)
  assert.strictEqual(p.trySend('now'), true)
  assert.strictEqual(c.tryReceive(), 'now')
  assert.strictEqual(c.tryReceive(), undefined)
})

test('receivers that wait are served in their order', async t => {
  const q = queue(t)
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const all = []
  for (let i = 0; i < 100; i++) all.push(c.receive())
  assert.strictEqual(c.tryReceive(), undefined)
  for (let i = 0; i < 100; i++) await p.send(i)
  assert.deepStrictEqual(await Promise.all(all), Array.from({ length: 100 }, (_, i) => i))
})

test('calls do not overtake those that wait, though there is something for them', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  await p.sendBatch([0, 1])
  const waits = p.send(2)
  assert.strictEqual(c.tryReceive(), 0) // room, and the event loop has not turned
  const later = [p.send(3), p.sendBatch([4])]
  assert.strictEqual(p.trySend('no'), false)
  for (let i = 1; i < 5; i++) assert.strictEqual(await c.receive(), i)
  await Promise.all([waits, ...later])

  const first = c.receive()
  assert.ok(p.trySend('first'))
  const second = c.receive()
  assert.strictEqual(c.tryReceive(), undefined)
  assert.strictEqual(c.tryLease(), undefined)
  await assert.rejects(c.receive({ timeout: 0 }), shmq.EmptyError)
  assert.strictEqual(await first, 'first')
  await p.send('second')
  assert.strictEqual(await second, 'second')
})

test('batches arrive whole and in order', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 32, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const n = 3000
  const sent = p.sendBatch(Array.from({ length: n }, (_, i) => i))
  const got = []
  while (got.length < n) {
    const some = await c.receiveBatch(50)
    assert.ok(some.length >= 1 && some.length <= 50)
    got.push(...some)
  }
  assert.strictEqual(await sent, n)
  assert.deepStrictEqual(got, Array.from({ length: n }, (_, i) => i))
  assert.strictEqual(await p.sendBatch([]), 0)
  await assert.rejects(c.receiveBatch(0), RangeError)
})

test('a batch that finds no room for all says how many it sent', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 8, slotSize: 64 })
  const p = await producer(t, q)
  assert.strictEqual(await p.sendBatch(Array(20).fill(1), { timeout: 20 }), 8)
  await assert.rejects(p.sendBatch([1], { timeout: 20 }), shmq.TimeoutError)
  await assert.rejects(p.sendBatch([1], { timeout: 0 }), shmq.FullError)
  const c = await consumer(t, q)
  for (let i = 0; i < 3; i++) await c.receive()
  assert.strictEqual(await p.sendBatch(Array(20).fill(1), { timeout: 0 }), 3)
  const ac = new AbortController()
  const waits = p.sendBatch([1], { signal: ac.signal })
  ac.abort()
  await assert.rejects(waits, { name: 'AbortError' })
})

test('time-outs are kept, and say what they are about', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const began = performance.now()
  await assert.rejects(c.receive({ timeout: 60 }), err => {
    assert.ok(err instanceof shmq.TimeoutError && err instanceof shmq.ShmqError)
    assert.strictEqual(err.code, 'SHMQ_E_TIMEOUT')
    assert.match(err.message, new RegExp(`receive from queue "${q}"`))
    return true
  })
  assert.ok(performance.now() - began >= 59, 'not before the time')
  await assert.rejects(c.receive({ timeout: 0 }), shmq.EmptyError)
  await p.send(1)
  await p.send(2)
  await assert.rejects(p.send(3, { timeout: 30 }), shmq.TimeoutError)
  await assert.rejects(p.send(3, { timeout: 0 }), shmq.FullError)
  await assert.rejects(p.reserve(8, { timeout: 30 }), shmq.TimeoutError)
  for (const timeout of [-1, NaN, '5', 2 ** 31]) {
    await assert.rejects(p.send(3, { timeout }), RangeError)
    await assert.rejects(c.receive({ timeout }), RangeError)
  }
  assert.strictEqual(await c.receive(), 1)
  assert.strictEqual(await c.receive({ timeout: Infinity }), 2)
  await assert.rejects(c.receive({ timeout: 0 }), shmq.EmptyError, 'what timed out was not sent')
})

test('what came while the event loop was busy is in time', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const busy = ms => { for (const end = performance.now() + ms; performance.now() < end;); }
  const got = c.receive({ timeout: 30 })
  const next = c.receive({ timeout: 30 })
  p.trySend('in time')
  busy(60)
  assert.strictEqual(await got, 'in time')
  await assert.rejects(next, shmq.TimeoutError)
  await p.sendBatch([0, 1])
  const sent = p.send(2, { timeout: 30 })
  c.tryReceive()
  busy(60)
  await sent
  for (const n of [1, 2]) assert.strictEqual(await c.receive(), n)
})

test('options of calls that are mistyped, or no options, are refused: they would wait for ever', { timeout: PATIENCE }, async t => {
  const q = queue(t)
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const { signal } = new AbortController()
  for (const options of [5, 'x', null, [], () => {}, 5n, signal, new Map([['timeout', 1]]), { timout: 5 }, { timeout: 1, sginal: signal }]) {
    const says = err => err instanceof shmq.OptionError && /timeout, signal/.test(err.message)
    for (const f of [() => c.receive(options), () => c.lease(options), () => c.receiveBatch(2, options), () => c.leaseBatch(2, options),
      () => p.send(1, options), () => p.sendBatch([1], options), () => p.reserve(8, options)]) await assert.rejects(f(), says)
    assert.throws(() => c.records(options), says)
    assert.throws(() => c.batches(2, options), says)
  }
  assert.strictEqual(c.tryReceive(), undefined)
})

test('a time-out in the middle of those that wait leaves the others alone', async t => {
  const q = queue(t)
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const first = c.receive()
  const second = c.receive({ timeout: 20 })
  const third = c.receive()
  await assert.rejects(second, shmq.TimeoutError)
  await p.send('a')
  await p.send('b')
  assert.deepStrictEqual(await Promise.all([first, third]), ['a', 'b'])
})

test('an AbortSignal ends a wait, and takes no record with it', async t => {
  const q = queue(t)
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const ac = new AbortController()
  const waits = c.receive({ signal: ac.signal })
  const next = c.receive()
  setTimeout(() => ac.abort(new Error('enough')), 20)
  await assert.rejects(waits, /enough/)
  await p.send('for the next')
  assert.strictEqual(await next, 'for the next')
  await assert.rejects(p.send('never', { signal: ac.signal }), /enough/)
  assert.strictEqual(c.tryReceive(), undefined)
  for (const signal of [{}, { addEventListener () {}, throwIfAborted () {} }]) await assert.rejects(c.receive({ signal }), TypeError)
  await assert.rejects(c.receive({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' })
})

test('the listeners of a signal that outlives its calls do not pile up', async t => {
  const { getEventListeners } = require('node:events')
  const q = queue(t)
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const { signal } = new AbortController()
  for (let i = 0; i < 20; i++) {
    const waits = [c.receive({ signal }), c.receive({ signal })]
    assert.strictEqual(getEventListeners(signal, 'abort').length, 1)
    await p.sendBatch([i, i])
    await Promise.all(waits)
    assert.strictEqual(getEventListeners(signal, 'abort').length, 0)
  }
  // More than ten would be taken for a leak, and warned of.
  const ac = new AbortController()
  const waits = Array.from({ length: 20 }, () => c.receive({ signal: ac.signal }))
  const all = Promise.allSettled(waits)
  assert.strictEqual(getEventListeners(ac.signal, 'abort').length, 1)
  ac.abort()
  assert.ok((await all).every(r => r.reason === ac.signal.reason))
  assert.strictEqual(getEventListeners(ac.signal, 'abort').length, 0)
})

test('a wait for room for a large record is not satisfied by a small one', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 8, slotSize: 64 })
  const p = await producer(t, q, { codec: raw })
  const c = await consumer(t, q, { codec: raw })
  for (let i = 0; i < 8; i++) await p.send(Buffer.alloc(8))
  const big = p.send(Buffer.alloc(150, 1))
  const small = p.send(Buffer.alloc(8, 2))
  const sizes = []
  for (let i = 0; i < 10; i++) sizes.push((await c.receive()).length)
  await Promise.all([big, small])
  assert.deepStrictEqual(sizes, [8, 8, 8, 8, 8, 8, 8, 8, 150, 8])
})

test('a record that can never fit is refused with the limit', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 4, slotSize: 64 })
  const p = await producer(t, q, { codec: raw })
  await assert.rejects(p.send(Buffer.alloc(p.maxRecord + 1)), err => {
    assert.ok(err instanceof shmq.TooLargeError)
    assert.match(err.message, new RegExp(String(p.maxRecord)))
    return true
  })
  await assert.rejects(p.reserve(p.maxRecord + 1), shmq.TooLargeError)
  await assert.rejects(p.sendBatch([Buffer.alloc(p.maxRecord + 1)]), shmq.TooLargeError)
  assert.strictEqual(await p.sendBatch([Buffer.alloc(1), Buffer.alloc(p.maxRecord + 1)]), 1)
})

test('a queue without a name is passed on by its descriptor', async t => {
  const fd = await shmq.createAnonymous({ slots: 8 })
  const p = await producer(t, `fd:${fd}`)
  const c = await consumer(t, `fd:${fd}`)
  require('node:fs').closeSync(fd)
  await p.send('here')
  assert.strictEqual(await c.receive(), 'here')
})

test('time stamps, ids and counters', async t => {
  const q = queue(t)
  await shmq.create(q, { timestamps: true })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const before = BigInt(Date.now()) * 1_000_000n
  await p.send(1)
  await p.send(2)
  const [a, b] = await c.leaseBatch(5)
  assert.ok(a.sentAt >= before - 1_000_000_000n && a.sentAt <= b.sentAt)
  assert.match(a.id, /^[0-9a-f]{32}-[0-9a-f]{16}-\d+$/)
  assert.notStrictEqual(a.id, b.id)
  a.ack()
  b.ack()
  assert.deepStrictEqual([p.counters().records, c.counters().records], [2, 2])
  const s = await shmq.stat(q)
  assert.deepStrictEqual([s.sent, s.received, s.producers, s.consumers, s.shape.timestamps], [2, 2, 1, 1, true])
  const list = await shmq.participants(q)
  assert.deepStrictEqual(list.map(x => [x.role, x.pid, x.alive]).sort(), [['consumer', process.pid, true], ['producer', process.pid, true]])
  assert.strictEqual(c.producerAttached, true)
})
