'use strict'

const test = require('node:test')
const assert = require('node:assert')
const path = require('node:path')
const { queue, consumer, producer, until, Child, shmq } = require('./helpers')

const example = (t, name, ...args) => new Child(t, process.execPath, [path.join(__dirname, '..', 'examples', name), ...args])

test('students: the two sides meet, whichever comes first', async t => {
  for (const first of ['print', 'enrol']) {
    const a = example(t, 'students.js', first)
    if (first === 'enrol') assert.strictEqual((await a.ended).code, 0)
    const b = example(t, 'students.js', first === 'print' ? 'enrol' : 'print')
    const printer = first === 'print' ? a : b
    await printer.hears('1 Noor Haddad, 2024-09-02: algebra 14, Greek 17')
    await printer.hears('2 Sigríður Jónsdóttir, 2024-09-02: algebra 19')
    await printer.hears('3 Mateus Oliveira, 2025-01-13')
    assert.deepStrictEqual([(await a.ended).code, (await b.ended).code], [0, 0])
  }
})

test('workers: a job whose worker is killed is done by another one', async t => {
  const q = queue(t)
  await shmq.create(q)
  const p = await producer(t, q)
  const victim = example(t, 'worker.js', q)
  await p.send({ id: 1, work: 1e6 })
  await until('it is taken', async () => (await shmq.participants(q)).some(x => x.role === 'consumer') && (await shmq.stat(q)).head === 1n)
  await victim.kill()
  const c = await consumer(t, q)
  const rec = await c.lease()
  assert.deepStrictEqual([rec.value.id, rec.redelivered], [1, 1])
  rec.ack()
  const w = example(t, 'worker.js', q)
  for (let id = 2; id < 5; id++) await p.send({ id })
  for (let id = 2; id < 5; id++) await w.hears(`job ${id}: done`)
  // What fails, and what is no value at all, is tried again, given up, and keeps no worker from the next job.
  const other = await producer(t, q, { codec: shmq.codecs.raw })
  await p.send({ id: 5, fail: true })
  await other.send(Buffer.from([0xc1]))
  await p.send({ id: 6 })
  await w.hears('job 6: done')
  w.signal('SIGTERM')
  assert.deepStrictEqual(await w.ended, { code: 0, signal: null })
  assert.strictEqual((await shmq.stat(q)).depth, 0)
})
