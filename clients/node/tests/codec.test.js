'use strict'

const test = require('node:test')
const assert = require('node:assert')
const vm = require('node:vm')
const { MessageChannel } = require('node:worker_threads')
const { queue, producer, consumer, noGo, goRun, shmq } = require('./helpers')

const { msgpack, text, json, raw } = shmq.codecs

const trip = v => msgpack.decode(Buffer.from(msgpack.encode(v)))

test('msgpack: values come back as they went', () => {
  const values = [
    null, true, false, 0, 1, -1, 127, 128, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER,
    -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, Number.MIN_SAFE_INTEGER, 0.1, 1e300, -1.5, Infinity, NaN,
    '', 'x', 'Sigríður', '🦀'.repeat(100), [], [1, [2, [3]]], {}, { a: { b: { c: null } } },
    2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 53n), -(2n ** 63n),
    new Date(0), new Date('2024-09-02T08:30:00.123Z'), new Date(-1), new Date('2514-01-01T00:00:00Z')
  ]
  for (const v of values) assert.deepStrictEqual(trip(v), v)
  assert.deepStrictEqual(trip(5n), 5)
  assert.deepStrictEqual(Buffer.from(trip(Buffer.from([1, 2, 3]))), Buffer.from([1, 2, 3]))
  assert.deepStrictEqual(trip({ a: 1, b: undefined }), { a: 1 })
  assert.strictEqual(Object.getPrototypeOf(trip({})), Object.prototype)
})

test('msgpack: what would be lost is refused', () => {
  for (const v of [new Map([[1, 2]]), new Set([1]), { deep: [new Map()] }, new ArrayBuffer(3), 2n ** 64n, -(2n ** 63n) - 1n, () => {}, Symbol('x')]) {
    assert.throws(() => msgpack.encode(v), Error, String(v))
  }
  const cycle = {}
  cycle.self = cycle
  assert.throws(() => msgpack.encode(cycle))
  assert.deepStrictEqual(trip('after that'), 'after that')
})

test('msgpack: objects that it would make an empty map of, or another value, are refused', () => {
  class Hidden {
    #x = 1
    get x () { return this.#x }
  }
  const values = [
    new Date(NaN), Promise.resolve(1), new Error('x'), Object.assign(new Error('x'), { code: 'E' }), /x/, Object(1), Object('s'), Object(true),
    new SharedArrayBuffer(1), new WeakMap(), new URL('file:///x'), new Hidden(),
    ...['new Map([[1, 2]])', 'new Set([1])', 'new ArrayBuffer(1)', 'new Date(NaN)'].map(code => vm.runInNewContext(code))
  ]
  for (const v of values) {
    assert.throws(() => msgpack.encode(v), TypeError, String(v))
    assert.throws(() => msgpack.encode({ deep: [v] }), TypeError, String(v))
  }
  // Those of another realm, as test runners make, are what they are.
  assert.deepStrictEqual(trip(vm.runInNewContext('({ a: [{}, new Date(5)] })')), { a: [{}, new Date(5)] })
  class Student { constructor () { this.id = 1 } }
  assert.deepStrictEqual(trip([new Student(), Object.create(null), {}]), [{ id: 1 }, {}, {}])
})

test('bytes that are gone are refused, not sent as an empty record', async t => {
  const q = queue(t)
  const p = await producer(t, q, { codec: raw })
  const c = await consumer(t, q, { codec: raw })
  await p.send(Buffer.from('hello'))
  const rec = await c.lease()
  const { data } = rec
  rec.ack()
  const own = { encode: v => v, decode: v => v }
  for (const [codec, value] of [[raw, data], [raw, new DataView(new ArrayBuffer(0))], [msgpack, data], [msgpack, { data }], [own, data]]) {
    const o = await producer(t, q, { codec })
    if (value instanceof DataView) {
      await o.send(value) // empty, but there
      assert.strictEqual((await c.receive()).length, 0)
      continue
    }
    await assert.rejects(o.send(value), /detached/)
    assert.throws(() => o.trySend(value), /detached/)
    await assert.rejects(o.sendBatch([value]), /detached/)
  }
  await p.sendBatch([Buffer.alloc(0), new ArrayBuffer(0)])
  assert.deepStrictEqual((await c.receiveBatch(5)).map(b => b.length), [0, 0])
  assert.strictEqual(c.tryReceive(), undefined)
  const foreign = code => vm.runInNewContext(code)
  await p.sendBatch([foreign('new ArrayBuffer(2)'), foreign('new SharedArrayBuffer(3)'), foreign('new Uint16Array(2)')])
  assert.deepStrictEqual((await c.receiveBatch(5)).map(b => b.length), [2, 3, 4])
})

test('a codec that makes no Uint8Array is told so by all calls', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 8, slotSize: 64 })
  const c = await consumer(t, q, { codec: raw })
  for (const bytes of ['text', 5, undefined, null, {}, [1], new ArrayBuffer(3), new DataView(new ArrayBuffer(3)), new Float64Array(50), Promise.resolve(Buffer.alloc(1))]) {
    const p = await producer(t, q, { codec: { encode: () => bytes, decode: b => b } })
    const says = { name: 'TypeError', message: new RegExp(`"${q}".*has to return a Uint8Array`) }
    await assert.rejects(p.send(1), says)
    assert.throws(() => p.trySend(1), says)
    await assert.rejects(p.sendBatch([1]), says)
  }
  const p = await producer(t, q, { codec: { encode: () => { p.close(); return Buffer.alloc(1) }, decode: b => b } })
  await assert.rejects(p.send(1), shmq.ClosedError)
  assert.strictEqual(c.tryReceive(), undefined)
})

test('msgpack: bytes that are none, or too many, are refused', () => {
  for (const b of [[], [0xc1], [0x92, 1], [1, 2], [0xdb, 0xff, 0xff, 0xff, 0xff], [0xdd, 0xff, 0xff, 0xff, 0xff, 1]]) {
    assert.throws(() => msgpack.decode(Buffer.from(b)))
  }
  // A record that says of itself that it has a __proto__ changes nobody's.
  const evil = Buffer.from([0x81, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x78, 1])
  assert.throws(() => msgpack.decode(evil), /__proto__/)
  assert.strictEqual({}.x, undefined)
})

test('the other codecs', async t => {
  assert.strictEqual(text.decode(text.encode('Sigríður')), 'Sigríður')
  assert.throws(() => text.encode(1), TypeError)
  assert.throws(() => text.decode(Buffer.from([0xff])), TypeError)
  assert.deepStrictEqual(json.decode(json.encode({ a: [1, 'ü'] })), { a: [1, 'ü'] })
  assert.throws(() => json.encode(undefined), TypeError)
  const q = queue(t)
  const p = await producer(t, q, { codec: raw })
  const c = await consumer(t, q, { codec: raw })
  const bytes = [1, 2, 3, 4]
  const inMiddle = new Uint8Array([9, 1, 2, 3, 4, 9])
  for (const v of [Buffer.from(bytes), new Uint8Array(bytes), new Uint8Array(bytes).buffer, new DataView(inMiddle.buffer, 1, 4),
    inMiddle.subarray(1, 5), new Uint16Array([0x0201, 0x0403]), (() => { const s = new SharedArrayBuffer(4); new Uint8Array(s).set(bytes); return s })()]) {
    await p.send(v)
    const got = await c.receive()
    assert.ok(Buffer.isBuffer(got))
    assert.deepStrictEqual([...got], bytes)
  }
  await assert.rejects(p.send('text'), TypeError)
  await assert.rejects(p.sendBatch([Buffer.alloc(1), 'text']), TypeError)
  assert.strictEqual(c.tryReceive(), undefined, 'nothing of a batch with a bad value was sent')
})

test('a codec of the program: its errors reach the caller and lose no record', async t => {
  const q = queue(t)
  const codec = {
    encode (v) {
      if (v === 'bad') throw new Error('can not encode')
      return Buffer.from(v)
    },
    decode (b) {
      if (b[0] === 0x21) throw new Error('can not decode')
      return Buffer.from(b).toString()
    }
  }
  const p = await producer(t, q, { codec })
  const c = await consumer(t, q, { codec })
  await assert.rejects(p.send('bad'), /can not encode/)
  assert.throws(() => p.trySend('bad'), /can not encode/)
  await p.send('!x')
  await assert.rejects(c.receive(), err => {
    assert.ok(err instanceof shmq.DecodeError)
    assert.strictEqual(err.code, 'SHMQ_E_DECODE')
    assert.strictEqual(Buffer.from(err.record).toString(), '!x')
    assert.match(err.cause.message, /can not decode/)
    assert.match(err.message, new RegExp(`"${q}".*2 bytes.*can not decode`))
    return true
  })
  assert.strictEqual(c.tryReceive(), undefined, 'it was taken')

  // In a loop it is in the hands of the program.
  await p.send('!y')
  for await (const rec of c) {
    assert.throws(() => rec.value, shmq.DecodeError)
    assert.throws(() => rec.value, shmq.DecodeError)
    assert.strictEqual(rec.data.toString(), '!y')
    break
  }
  await assert.rejects(async () => {
    for await (const rec of c) assert.fail(rec.value)
  }, shmq.DecodeError)
  const again = await c.lease()
  assert.strictEqual(again.redelivered, 2)
  again.ack()

  // In the middle of a batch: those before it are received, it is the next one.
  await p.sendBatch(['a', 'b', '!z', 'c'])
  const got = []
  while (got.length < 2) got.push(...await c.receiveBatch(10))
  assert.deepStrictEqual(got, ['a', 'b'])
  await assert.rejects(c.receiveBatch(10), shmq.DecodeError)
  assert.deepStrictEqual(await c.receiveBatch(10), ['c'])
  await assert.rejects((await producer(t, q, { codec: { encode: () => 'text', decode () {} } })).send(1), TypeError)
})

test('a codec may use its memory again, also while sends wait', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64 })
  const memory = new Uint8Array(4)
  const codec = { encode (v) { memory.fill(v); return memory }, decode: b => b[3] }
  const p = await producer(t, q, { codec })
  const c = await consumer(t, q, { codec })
  const sent = Array.from({ length: 20 }, (_, i) => p.send(i))
  const batch = p.sendBatch([20, 21, 22, 23])
  for (let i = 0; i < 24; i++) assert.strictEqual(await c.receive(), i)
  await Promise.all([...sent, batch])
})

// A transfer of memory that small records share: it fails, or copies, and leaves the others theirs.
for (const codec of ['raw', 'msgpack']) {
  test(`${codec}: bytes of a value that are transferred take no other record with them`, async t => {
    const q = queue(t)
    const options = { codec: shmq.codecs[codec] }
    const p = await producer(t, q, options)
    const c = await consumer(t, q, options)
    const bytes = codec === 'raw' ? v => v : v => v.bin
    const send = n => p.send(codec === 'raw' ? Buffer.alloc(100, n) : { bin: Buffer.alloc(100, n) })
    const { port1, port2 } = new MessageChannel()
    for (const move of [
      ({ buffer }) => port1.postMessage(buffer, [buffer]),
      ({ buffer }) => structuredClone(buffer, { transfer: [buffer] }),
      ({ buffer }) => buffer.transfer?.()
    ]) {
      for (let i = 0; i < 3; i++) await send(i)
      const recs = [await c.lease(), ...await c.leaseBatch(2)]
      const values = recs.map(r => bytes(r.value))
      try {
        move(values[0])
      } catch (err) {
        assert.ok(err.name === 'DataCloneError' || err instanceof TypeError, String(err))
      }
      values.forEach((v, i) => assert.deepStrictEqual(Buffer.from(v), Buffer.alloc(100, i)))
      for (const r of recs) r.ack()
    }
    port1.close()
    port2.close()

    // A stream asks nobody. Records that were not read yet, and those that come, are whole all the same.
    for (let i = 0; i < 4; i++) await send(i)
    const recs = [await c.lease(), ...await c.leaseBatch(2)]
    const taken = bytes(recs[0].value)
    try {
      new ReadableStream({ type: 'bytes', start (controller) { controller.enqueue(taken) } })
    } catch (err) {
      assert.ok(err instanceof TypeError, String(err))
    }
    for (const i of [1, 2]) assert.deepStrictEqual(Buffer.from(bytes(recs[i].value)), Buffer.alloc(100, i))
    for (const r of recs) r.ack()
    assert.deepStrictEqual(Buffer.from(bytes(await c.receive())), Buffer.alloc(100, 3))
  })
}

test('records of other programs: those of Go arrive typed, and Go reads these', { skip: noGo }, async t => {
  const q = queue(t)
  await shmq.create(q)
  const c = await consumer(t, q)
  goRun('shmq-send', [q, '--format', 'json'], '{"id":1,"big":9007199254740993,"when":null,"list":[1,-2,3.5],"s":"ü"} 18446744073709551615 "x"')
  assert.deepStrictEqual(await c.receive(), { id: 1, big: 9007199254740993n, when: null, list: [1, -2, 3.5], s: 'ü' })
  assert.strictEqual(await c.receive(), 18446744073709551615n)
  assert.strictEqual(await c.receive(), 'x')
  const p = await producer(t, q)
  const now = Date.now()
  await p.send({ n: 1, ms: now, big: 2n ** 60n + 1n, neg: -5000000000, s: 'Sigríður', list: [null, true] })
  await p.send('plain')
  const out = goRun('shmq-recv', [q, '--format', 'json', '--count', '2'])
  assert.strictEqual(out, `{"n":1,"ms":${now},"big":1152921504606846977,"neg":-5000000000,"s":"Sigríður","list":[null,true]}\n"plain"\n`)
})
