// How long the memory of a queue stays: a Buffer over it may outlive its record, its participant and its thread.
'use strict'

const test = require('node:test')
const assert = require('node:assert')
const { Worker } = require('node:worker_threads')
const { once } = require('node:events')
const { queue, producer, script, shmq } = require('./helpers')

const lib = JSON.stringify(require.resolve('shmq'))

// A process of its own, because what is wrong here ends it by SIGSEGV. It is told the name of the queue.
function run (t, q, code) {
  return script(t, `
    const shmq = require(${lib})
    const assert = require('node:assert')
    const q = process.argv[1]
    const raw = { codec: shmq.codecs.raw }
    const attached = async () => { const s = await shmq.stat(q); return s.producers + s.consumers }
    async function collect (rounds, over) { // until over, or for that many rounds
      for (let i = 0; i < rounds; i++) {
        gc()
        await new Promise(resolve => setTimeout(resolve, 5))
        if (await over()) return true
      }
      return false
    }
    // What takes the memory from a Buffer against all precautions: the language from node 21 on, streams of bytes before.
    async function taken (buffer) {
      const { transfer } = ArrayBuffer.prototype
      if (transfer) return new Uint8Array(transfer.call(buffer.buffer))
      const s = new ReadableStream({ type: 'bytes', start (c) { c.enqueue(buffer) } })
      return (await s.getReader().read()).value
    }
    (async () => { ${code}; console.log('done') })()`, [q], ['--expose-gc'])
}

async function passes (t, q, code) {
  const c = run(t, q, code)
  await c.hears('done')
  assert.deepStrictEqual(await c.ended, { code: 0, signal: null })
}

async function filled (t) {
  const q = queue(t)
  const p = await producer(t, q, { codec: shmq.codecs.raw, create: { slots: 8, slotSize: 4096 } })
  await p.send(Buffer.alloc(4000, 7))
  await p.close()
  return q
}

test('a Buffer keeps the memory whose record and participant are garbage', async t => {
  for (const make of ['(await (await shmq.Consumer.open(q, raw)).lease()).data', '(await (await shmq.Producer.open(q, raw)).reserve(4000)).data']) {
    const q = await filled(t)
    await passes(t, q, `
      let data = await (async () => ${make})()
      assert.strictEqual(await collect(40, async () => await attached() === 0), false, 'the queue was left under a Buffer')
      assert.strictEqual(data.length, 4000)
      data[0] = data[1]
      data = undefined
      assert.ok(await collect(4000, async () => await attached() === 0), 'it stays for ever')`)
  }
})

test('a Buffer over a record that nobody settles may be garbage before', async t => {
  await passes(t, await filled(t), `
    let gone
    const registry = new FinalizationRegistry(() => { gone = true })
    for (const atOnce of [false, true]) {
      const c = await shmq.Consumer.open(q, raw)
      gone = false
      await (async () => registry.register((await c.lease()).data))()
      assert.ok(atOnce || await collect(4000, () => gone))
      await new Promise(resolve => setTimeout(resolve))
      gc()
      await c.close() // before the event loop has turned
      assert.strictEqual(await attached(), 0)
    }`)
})

test('memory that was taken away stays mapped, and close says so', async t => {
  await passes(t, await filled(t), `
    const c = await shmq.Consumer.open(q, raw)
    const bytes = await taken((await c.lease()).data)
    await collect(10, () => false) // the record, and what is left of its Buffer
    await assert.rejects(c.close(), err => err instanceof shmq.InUseError && err.code === 'SHMQ_E_IN_USE' && err.message.includes('"' + q + '"'))
    assert.strictEqual(c.closed, true)
    assert.strictEqual(await collect(20, async () => await attached() === 0), false)
    assert.strictEqual(bytes[3999], 7)`)
})

test('a reservation whose memory was taken away is sent as it was written', async t => {
  await passes(t, queue(t), `
    const p = await shmq.Producer.open(q, raw)
    const c = await shmq.Consumer.open(q, raw)
    const r = await p.reserve(8)
    const bytes = await taken(r.data.fill(1))
    bytes[7] = 2
    r.commit()
    assert.deepStrictEqual([...await c.receive()], [1, 1, 1, 1, 1, 1, 1, 2])
    await assert.rejects(p.finish(), { code: 'SHMQ_E_IN_USE' })`)
})

test('memory that a thread took away, and sent to another, stays mapped when it ends', async t => {
  await passes(t, await filled(t), `
    const { Worker } = require('node:worker_threads')
    const w = new Worker(\`
      const shmq = require(${lib})
      const { parentPort, workerData } = require('node:worker_threads')
      \${taken}
      ;(async () => {
        const c = await shmq.Consumer.open(workerData, { codec: shmq.codecs.raw })
        const rec = await c.lease()
        const { buffer } = await taken(rec.data)
        rec.ack()
        parentPort.postMessage(buffer, [buffer])
        await c.receive()
      })()\`, { eval: true, workerData: q })
    const buffer = await new Promise(resolve => w.once('message', resolve))
    await w.terminate()
    assert.strictEqual(new Uint8Array(buffer)[3999], 7)
    assert.strictEqual(await attached(), 1, 'the seat is left with the memory')`)
})

test('memory that a thread took away is there when it ends with the record in hand, and the record comes again', async t => {
  await passes(t, await filled(t), `
    const { Worker } = require('node:worker_threads')
    const held = []
    for (const keep of ['globalThis.keep = [rec, c]', '']) {
      const w = new Worker(\`
        const shmq = require(${lib})
        const { parentPort, workerData } = require('node:worker_threads')
        \${taken}
        ;(async () => {
          await (async () => {
            const c = await shmq.Consumer.open(workerData, { codec: shmq.codecs.raw })
            const rec = await c.lease()
            const { buffer } = await taken(rec.data)
            \${keep}
            parentPort.postMessage(buffer, [buffer])
          })()
          for (let i = 0; i < 5; i++) {
            gc()
            await new Promise(resolve => setTimeout(resolve, 5))
          }
          parentPort.postMessage('collected')
          setInterval(() => {}, 1e6)
        })()\`, { eval: true, workerData: q })
      const next = () => new Promise(resolve => w.once('message', resolve))
      held.push(new Uint8Array(await next()))
      await next()
      await w.terminate()
      assert.strictEqual(await attached(), 0, 'the queue was left')
    }
    for (const bytes of held) {
      assert.strictEqual(bytes.length, 4000)
      bytes.fill(1)
    }
    const rec = await (await shmq.Consumer.open(q, raw)).lease()
    assert.deepStrictEqual([rec.redelivered, rec.data[3999]], [2, 7])`)
})

test('a thread that ends with Buffers in hand leaves the queue', async t => {
  const q = await filled(t)
  for (let i = 0; i < 3; i++) {
    const w = new Worker(`
      const shmq = require(${lib})
      const { parentPort, workerData } = require('node:worker_threads')
      ;(async () => {
        const c = await shmq.Consumer.open(workerData)
        const p = await shmq.Producer.open(workerData)
        globalThis.held = [(await c.lease()).data, (await p.reserve(10)).data, c, p]
        parentPort.postMessage(held[0][3999])
        await c.receive()
      })()`, { eval: true, workerData: q })
    assert.strictEqual((await once(w, 'message'))[0], 7)
    await w.terminate()
    const s = await shmq.stat(q)
    assert.deepStrictEqual([s.producers, s.consumers], [0, 0])
  }
})
