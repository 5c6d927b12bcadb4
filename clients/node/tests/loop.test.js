'use strict'

const test = require('node:test')
const assert = require('node:assert')
const { Readable } = require('node:stream')
const { queue, producer, consumer, PATIENCE, shmq } = require('./helpers')

async function pair (t, options, shape = { slots: 64, slotSize: 64 }) {
  const q = queue(t)
  await shmq.create(q, shape)
  return [await producer(t, q), await consumer(t, q, options), q]
}

const depth = async q => (await shmq.stat(q)).depth

test('a loop acknowledges when it takes the next record', async t => {
  const [p, c, q] = await pair(t, { untilEnd: true })
  await p.sendBatch([0, 1, 2])
  await p.finish()
  const depths = []
  const values = []
  for await (const rec of c) {
    values.push(rec.value)
    assert.strictEqual(rec.settled, false)
    depths.push((await shmq.stat(q)).received)
  }
  assert.deepStrictEqual(values, [0, 1, 2])
  assert.deepStrictEqual(depths, [0, 1, 2], 'the record at hand is not acknowledged')
  assert.strictEqual((await shmq.stat(q)).received, 3)
})

test('a record is given back when its loop is left', async t => {
  const [p, c, q] = await pair(t)
  await p.sendBatch(['a', 'b'])
  for await (const rec of c) {
    assert.strictEqual(rec.redelivered, 0)
    break
  }
  await assert.rejects(async () => {
    for await (const rec of c) {
      assert.deepStrictEqual([rec.value, rec.redelivered], ['a', 1])
      throw new Error('of the body')
    }
  }, /of the body/)
  const leave = async () => {
    for await (const rec of c) return rec.redelivered
  }
  assert.strictEqual(await leave(), 2)
  for await (const rec of c) { // settled by hand
    assert.deepStrictEqual([rec.value, rec.redelivered], ['a', 3])
    assert.strictEqual(rec.ack(), true)
    break
  }
  assert.strictEqual(await c.receive(), 'b')
  assert.strictEqual(await depth(q), 0)
})

test('batches are acknowledged together, or given back together', async t => {
  const [p, c, q] = await pair(t, { untilEnd: true })
  await p.sendBatch([0, 1, 2, 3, 4, 5, 6, 7])
  for await (const recs of c.batches(3)) {
    assert.deepStrictEqual(recs.map(r => r.value), [0, 1, 2])
    recs[0].ack()
    break
  }
  await p.finish()
  const seen = []
  for await (const recs of c.batches(3)) {
    assert.ok(recs.length <= 3)
    for (const r of recs) seen.push(`${r.value}:${r.redelivered}`)
  }
  assert.deepStrictEqual(seen, ['1:1', '2:1', '3:0', '4:0', '5:0', '6:0', '7:0'])
  assert.strictEqual(await depth(q), 0)
  assert.strictEqual((await shmq.stat(q)).received, 8)
})

test('a loop ends with the stream, and another begins with the next one', async t => {
  const [p, c, q] = await pair(t, { untilEnd: true })
  await p.send(1)
  await p.finish()
  for await (const rec of c) assert.strictEqual(rec.value, 1)
  await assert.rejects(c.receive(), shmq.EndError)
  assert.throws(() => c.tryReceive(), { code: 'SHMQ_E_END' })
  c.nextStream()
  const loop = (async () => {
    const values = []
    for await (const rec of c) values.push(rec.value)
    return values
  })()
  const next = await producer(t, q)
  await next.send(2)
  await next.finish()
  assert.deepStrictEqual(await loop, [2])
})

test('a stream that was abandoned, or with strict only closed, is broken', async t => {
  for (const [end, strict] of [['abandon', false], ['close', true], ['close', false]]) {
    const [p, c] = await pair(t, { untilEnd: true, strict })
    await p.send(1)
    const loop = (async () => {
      let n = 0
      try {
        for await (const rec of c) n += rec.value
      } catch (err) {
        return [n, err.constructor]
      }
      return [n]
    })()
    await p[end]()
    assert.deepStrictEqual(await loop, end === 'close' && !strict ? [1] : [1, shmq.BrokenError])
  }
})

test('a loop ends when its consumer is closed; the record at hand comes again', async t => {
  const [p, c, q] = await pair(t)
  await p.send('at hand')
  let n = 0
  for await (const rec of c) {
    n++
    assert.strictEqual(rec.value, 'at hand')
    await c.close()
  }
  assert.strictEqual(n, 1)
  const d = await consumer(t, q)
  const rec = await d.lease()
  assert.deepStrictEqual([rec.value, rec.redelivered], ['at hand', 1])
  rec.ack()
  const waiting = (async () => {
    for await (const rec of d) assert.fail(`no record: ${rec.value}`)
  })()
  await d.close()
  await waiting
})

test('a loop with a signal or a time-out ends with an error, and gives nothing away', async t => {
  const [p, c] = await pair(t)
  const ac = new AbortController()
  const run = async options => {
    for await (const rec of c.records(options)) rec.release()
  }
  const loop = run({ signal: ac.signal })
  setTimeout(() => ac.abort(), 20)
  await assert.rejects(loop, { name: 'AbortError' })
  await assert.rejects(run({ timeout: 10 }), shmq.TimeoutError)
  assert.throws(() => c.records({ timeout: -1 }), RangeError)
  await p.send('still here')
  assert.strictEqual(await c.receive(), 'still here')
})

test('an iterator that is asked twice at once answers in order', async t => {
  const [p, c, q] = await pair(t)
  const it = c[Symbol.asyncIterator]()
  const a = it.next()
  const b = it.next()
  await p.sendBatch(['a', 'b'])
  assert.strictEqual((await a).value.size, 2)
  assert.strictEqual((await b).value.value, 'b')
  assert.strictEqual((await shmq.stat(q)).received, 1)
  assert.deepStrictEqual(await it.return('x'), { value: 'x', done: true })
  assert.deepStrictEqual(await it.next(), { value: undefined, done: true })
  const rec = await c.lease()
  assert.deepStrictEqual([rec.value, rec.redelivered], ['b', 1])
  rec.ack()
})

test('a loop that is left while it waits ends at once, and takes no record', { timeout: PATIENCE }, async t => {
  const [p, c] = await pair(t)
  for (const leave of ['return', 'throw']) {
    for (const it of [c.records(), c.batches(5)]) {
      const waits = [it.next(), it.next()]
      const left = it[leave](new Error('of the program'))
      if (leave === 'throw') await assert.rejects(left, /of the program/)
      else assert.strictEqual((await left).done, true)
      assert.deepStrictEqual(await Promise.all(waits), Array(2).fill({ value: undefined, done: true }))
      await p.send('x')
      const rec = await c.lease()
      assert.deepStrictEqual([rec.value, rec.redelivered], ['x', 0])
      rec.ack()
    }
  }
  // A record that is on its way to the loop is given back.
  await p.send('y')
  const it = c.records()
  const [got] = await Promise.all([it.next(), it.return()])
  if (!got.done) assert.strictEqual(got.value.settled, true)
  assert.strictEqual(await c.receive({ timeout: 1000 }), 'y')
  const stream = Readable.from(c) // it takes the next record while this one is looked at
  const ended = new Promise(resolve => stream.once('close', resolve))
  stream.resume()
  await new Promise(resolve => setTimeout(resolve, 10))
  stream.destroy()
  await ended
  await p.send('z')
  assert.strictEqual(await c.receive(), 'z')
})

test('finish sends what waits before; close and abandon do not', { timeout: PATIENCE }, async t => {
  for (const end of ['finish', 'close', 'abandon', 'finish, close']) {
    const [p, c, q] = await pair(t, { untilEnd: true }, { slots: 4, slotSize: 64 })
    const sent = [0, 1, 2, 3, 4, 5, 6, 7].map(i => p.send(i))
    const batch = p.sendBatch([8, 9])
    const reservation = p.reserve(8)
    const settled = Promise.allSettled([...sent, batch])
    const noRoom = assert.rejects(reservation, shmq.ClosedError)
    const [first, second] = end.split(', ').map(how => p[how]())
    first.catch(() => {}) // looked at below
    assert.strictEqual(p.closed, true)
    await noRoom
    await assert.rejects(p.send('late'), shmq.ClosedError)
    assert.throws(() => p.trySend('late'), shmq.ClosedError)
    if (first === 'finish') assert.strictEqual(p.finish(), first)
    const got = []
    let broken = false
    try {
      for await (const rec of c) got.push(rec.value)
    } catch (err) {
      if (!(err instanceof shmq.BrokenError)) throw err
      broken = true
    }
    const refused = (await settled).filter(r => r.status === 'rejected')
    if (end === 'finish') {
      await first
      assert.deepStrictEqual([got, refused, broken], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [], false])
      assert.strictEqual((await shmq.stat(q)).finished, 1)
    } else {
      if (second) await assert.rejects(first, shmq.ClosedError)
      await (second ?? first)
      assert.deepStrictEqual([got, refused.length, broken], [[0, 1, 2, 3], 5, end === 'abandon'])
      assert.ok(refused.every(r => r.reason instanceof shmq.ClosedError))
      assert.strictEqual((await shmq.stat(q)).finished, 0)
    }
  }
})

test('calls on what is closed fail, and those that wait end', async t => {
  const [p, c, q] = await pair(t, {}, { slots: 2, slotSize: 64 })
  const waits = c.receive()
  const closing = c.close()
  assert.strictEqual(c.close(), closing)
  await assert.rejects(waits, shmq.ClosedError)
  await closing
  assert.strictEqual(c.closed, true)
  await assert.rejects(c.receive(), { code: 'SHMQ_E_CLOSED' })
  assert.throws(() => c.tryLease(), shmq.ClosedError)
  assert.throws(() => c.counters(), shmq.ClosedError)
  await p.sendBatch([1, 2])
  const full = p.send(3)
  const batch = p.sendBatch([4])
  await Promise.all([assert.rejects(full, shmq.ClosedError), assert.rejects(batch, shmq.ClosedError), p.close()])
  await assert.rejects(p.send(1), new RegExp(`the producer of queue "${q}" is closed`))
  assert.throws(() => p.trySend(1), shmq.ClosedError)
  await p.close()
})
