'use strict'

const test = require('node:test')
const assert = require('node:assert')
const { Worker } = require('node:worker_threads')
const { once } = require('node:events')
const { queue, producer, consumer, until, later, script, Child, shmq } = require('./helpers')

const lib = JSON.stringify(require.resolve('shmq'))

function worker (t, code, data) {
  const w = new Worker(`
    const { parentPort, workerData } = require('node:worker_threads')
    const shmq = require(${lib})
    ;(async () => { ${code} })()`, { eval: true, workerData: data })
  later(t, () => w.terminate())
  return w
}

test('workers are participants of their own', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 64 })
  const n = 2000
  const workers = [0, 1, 2].map(() => worker(t, `
    const c = await shmq.Consumer.open(workerData, { untilEnd: true })
    parentPort.postMessage('open')
    let sum = 0, n = 0
    for await (const rec of c) { sum += rec.value; n++ }
    await c.close()
    parentPort.postMessage({ sum, n })`, q))
  await Promise.all(workers.map(w => once(w, 'message')))
  const results = workers.map(w => once(w, 'message'))
  const p = await producer(t, q)
  for (let i = 0; i < n; i++) await p.send(i)
  await p.finish()
  const got = (await Promise.all(results)).map(([r]) => r)
  assert.strictEqual(got.reduce((a, r) => a + r.n, 0), n)
  assert.strictEqual(got.reduce((a, r) => a + r.sum, 0), n * (n - 1) / 2)
})

test('a worker that is terminated in its wait leaves the queue, and its record to others', async t => {
  const q = queue(t)
  await shmq.create(q)
  const p = await producer(t, q)
  for (let i = 0; i < 5; i++) {
    const w = worker(t, `
      const c = await shmq.Consumer.open(workerData)
      const rec = await c.lease()
      parentPort.postMessage([rec.value, rec.redelivered, rec.data[0]])
      await c.receive()`, q)
    if (i === 0) await p.send('held')
    assert.deepStrictEqual((await once(w, 'message'))[0].slice(0, 2), ['held', i])
    await w.terminate()
    assert.strictEqual((await shmq.stat(q)).consumers, 0)
  }
})

test('a worker that fails, or just ends, breaks off its stream', async t => {
  for (const end of ['', 'throw new Error("of the worker")', 'process.exit()']) {
    const q = queue(t)
    await shmq.create(q)
    const c = await consumer(t, q, { untilEnd: true })
    const w = worker(t, `
      const p = await shmq.Producer.open(workerData)
      await p.send(1)
      ${end}`, q)
    w.on('error', err => assert.strictEqual(err.message, 'of the worker'))
    assert.strictEqual(await c.receive(), 1)
    await assert.rejects(c.receive(), shmq.BrokenError)
  }
})

test('workers come and go while they open, wait and receive', async t => {
  const q = queue(t)
  await shmq.create(q, { seats: 64 })
  const p = await producer(t, q)
  for (let round = 0; round < 6; round++) {
    const workers = []
    for (let i = 0; i < 4; i++) {
      workers.push(worker(t, `
        for (;;) {
          const c = await shmq.Consumer.open(workerData)
          parentPort.postMessage('at work')
          await c.lease()
          c.close()
        }`, q))
    }
    await once(workers[0], 'message')
    for (let k = 0; k < 50; k++) p.trySend(k)
    await Promise.all(workers.map(w => w.terminate()))
  }
  await until('all have left', async () => (await shmq.stat(q)).consumers === 0)
  const c = await consumer(t, q)
  let n = 0
  while (c.tryReceive() !== undefined) n++
  assert.strictEqual(n, 300)
})

test('workers end while participants that waited are closing', async t => {
  const q = queue(t)
  await shmq.create(q, { seats: 64 })
  const c = script(t, `
    const { Worker } = require('node:worker_threads')
    ;(async () => {
      for (let i = 0; i < 30; i++) {
        const w = new Worker('(' + (async lib => {
          const { workerData: [q, how] } = require('node:worker_threads')
          const shmq = require(lib)
          const cs = await Promise.all(Array.from({ length: 60 }, () => shmq.Consumer.open(q)))
          for (const c of cs) c.receive().catch(() => {})
          await new Promise(resolve => setTimeout(resolve, 1)) // they sleep
          process.on('exit', () => { for (const c of cs) c.close() })
          if (how === 0) process.exit()
          throw new Error('of the worker')
        }) + ')(' + JSON.stringify(${lib}) + ')', { eval: true, workerData: [process.argv[1], i % 2] })
        w.on('error', () => {})
        await new Promise(resolve => w.on('exit', resolve))
      }
      console.log('done')
    })()`, [q], [], { MALLOC_PERTURB_: '165' }) // memory that was freed is seen to be
  await c.hears('done')
  assert.deepStrictEqual(await c.ended, { code: 0, signal: null })
  assert.strictEqual((await shmq.stat(q)).consumers, 0)
})

test('a worker ends while it opens a queue that is not to be had for long', async t => {
  const q = queue(t)
  await shmq.create(q, { checksum: true })
  // One that attaches to a queue with checksums locks this byte; others wait for a minute.
  const other = new Child(t, 'python3', ['-c', `
import fcntl, struct, sys
f = open(sys.argv[1], 'r+b')
fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 1026, 1, 0)) # F_OFD_SETLK
print('locked', flush=True)
sys.stdin.read()`, shmq.path(q)])
  await other.hears('locked')
  const w = worker(t, `
    shmq.Producer.open(workerData)
    parentPort.postMessage('opens')`, q)
  await once(w, 'message')
  let ended = false
  w.terminate().then(() => { ended = true })
  await until('the worker has ended', () => ended, 20_000)
  await other.end()
  // The thread that was left behind attaches, and leaves.
  await until('the thread has come and gone', async () => {
    const s = await shmq.stat(q)
    return s.epoch === 1 && s.left === 1 && s.producers === 0
  })
})

test('the addon may be loaded by workers alone, again and again', async t => {
  const q = queue(t)
  const c = script(t, `
    const { Worker } = require('node:worker_threads')
    ;(async () => {
      for (let i = 0; i < 10; i++) {
        const w = new Worker('require(' + JSON.stringify(${lib}) + ').Producer.open(process.argv[2]).then(async p => { await p.send(1); await p.finish() })', { eval: true, argv: [process.argv[1]] })
        w.on('error', () => {})
        await new Promise(resolve => w.on('exit', resolve))
      }
      console.log('done')
    })()`, [q])
  await c.hears('done')
  assert.deepStrictEqual(await c.ended, { code: 0, signal: null })
  assert.strictEqual((await shmq.stat(q)).sent, 10)
})

test('participants that nobody has any more leave the queue', async t => {
  const q = queue(t)
  await shmq.create(q)
  const watcher = await consumer(t, q, { untilEnd: true })
  const c = script(t, `
    const shmq = require(${lib})
    ;(async () => {
      await (async () => {
        const p = await shmq.Producer.open(process.argv[1])
        const c = await shmq.Consumer.open(process.argv[1])
        await p.send(1)
        await c.lease()
      })()
      for (;;) {
        gc()
        await new Promise(resolve => setTimeout(resolve, 10))
        const s = await shmq.stat(process.argv[1])
        if (s.producers === 0 && s.consumers === 1) break
      }
      console.log('collected')
      process.stdin.resume()
    })()`, [q], ['--expose-gc'])
  await c.hears('collected')
  const rec = await watcher.lease()
  assert.deepStrictEqual([rec.value, rec.redelivered], [1, 1])
  rec.ack()
  await assert.rejects(watcher.lease(), shmq.BrokenError)
  await c.kill()
})
