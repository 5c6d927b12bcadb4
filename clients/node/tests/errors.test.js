'use strict'

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { dir, queue, producer, consumer, script, noGo, goRun, shmq } = require('./helpers')
const { native } = require(path.join(path.dirname(require.resolve('shmq')), 'lib', 'native.js'))
const { codes } = require(path.join(path.dirname(require.resolve('shmq')), 'lib', 'errors.js'))

const here = path.dirname(require.resolve('shmq'))
const header = [path.join('libshmq', 'include', 'shmq.h'), path.join('..', 'c', 'include', 'shmq.h')]
  .map(p => path.join(here, p)).map(p => fs.existsSync(p) && fs.readFileSync(p, 'utf8')).find(Boolean)

test('the codes are those of the library, all of them and in its order', () => {
  const wanted = {}
  for (const [, name, n] of header.matchAll(/^\tSHMQ_E_(\w+) = (-\d+)/gm)) wanted[name] = Number(n)
  assert.deepStrictEqual(codes, wanted)
  assert.strictEqual(native.codeName(codes.EMPTY), 'empty')
  assert.strictEqual(native.codeText(-Object.keys(codes).length - 1), 'unknown code')
})

// The comment before a declaration.
const commentOn = (text, declaration) => text.slice(0, text.indexOf(declaration)).split('/*').pop()

test('index.d.ts tells the errors that the library tells', () => {
  const types = fs.readFileSync(path.join(here, 'index.d.ts'), 'utf8')
  for (const [call, kind] of [['int shmq_send(', 'Producer'], ['int64_t shmq_receive(', 'Consumer']]) {
    const theirs = commentOn(header, call).match(/\b[A-Z]{3,}(_[A-Z]+)*\b/g)
      .filter(code => code in codes && !['CANCELLED', 'INTERRUPTED', 'SMALL', 'LAGGED'].includes(code)) // which no call here is told
    const ours = commentOn(types, `class ${kind}<`)
    assert.ok(theirs.length > 6, theirs.join())
    for (const code of theirs) {
      const name = Object.keys(shmq).find(name => name.toUpperCase() === code.replaceAll('_', '') + 'ERROR')
      assert.ok(ours.includes(name), `${kind}: ${code}`)
    }
  }
  assert.match(commentOn(types, 'class Producer<').replace(/\s+\*\s+/g, ' '), /not sent; with TruncatedError and NoSpaceError it is not known/)
  assert.match(commentOn(header, 'int shmq_send(').replace(/\s+\*\s+/g, ' '), /not sent; with TRUNCATED and NO_SPACE it is not known/)
})

// Each error is of its class, has its code, and names the queue.
async function fails (f, kind, code, ...words) {
  await assert.rejects(f, err => {
    assert.ok(err instanceof kind && err instanceof shmq.ShmqError && err instanceof Error, String(err))
    assert.strictEqual(err.name, kind.name)
    assert.strictEqual(err.code, code)
    assert.match(err.message, /^shmq: /)
    for (const w of words) assert.ok(err.message.includes(w), `no "${w}" in ${err.message}`)
    return true
  })
}

test('what can not be opened says why', async t => {
  const { Producer, Consumer } = shmq
  const q = queue(t)
  await fails(Consumer.open(q, { create: false }), shmq.AbsentError, 'SHMQ_E_ABSENT', q)
  await fails(shmq.stat(q), shmq.AbsentError, 'SHMQ_E_ABSENT', q)
  await fails(shmq.remove(q), shmq.AbsentError, 'SHMQ_E_ABSENT', q)
  for (const name of ['', '..', 'a/../b', 'a\0b', 'a\nb', 'a\ud800b', 'x'.repeat(300), 7, undefined, null]) {
    await fails(Consumer.open(name), shmq.NameError, 'SHMQ_E_NAME')
    await fails((async () => shmq.path(name))(), shmq.NameError, 'SHMQ_E_NAME')
  }
  assert.doesNotMatch((await Consumer.open('a\n\u001b[2Jb').catch(err => err)).message, /\p{Control}/u)
  await fails(shmq.create(q, { slots: 2 ** 24, slotSize: 2 ** 30 }), shmq.NoSpaceError, 'SHMQ_E_NO_SPACE', q, '--shm-size): No space left', '; make room')
  await shmq.create(q, { slots: 16, seats: 2, producers: 'one' })
  await fails(shmq.create(q), shmq.ExistsError, 'SHMQ_E_EXISTS', q)
  await fails(Consumer.open(q, { create: { slots: 32 } }), shmq.OptionError, 'SHMQ_E_OPTION', q)
  const c = await consumer(t, q, { create: { slots: 32 }, anyShape: true })
  assert.strictEqual(c.shape.slots, 16)
  await producer(t, q)
  await fails(Producer.open(q), shmq.RoleTakenError, 'SHMQ_E_ROLE_TAKEN', q)
  await fails(Consumer.open(q), shmq.NoSeatError, 'SHMQ_E_NO_SEAT', q)
  await fails(shmq.remove(q), shmq.InUseError, 'SHMQ_E_IN_USE', q)

  const other = path.join(dir, 'shmq.other')
  t.after(() => fs.rmSync(other))
  fs.writeFileSync(other, Buffer.alloc(1 << 16, 'text '))
  await fails(Consumer.open('other'), shmq.NotQueueError, 'SHMQ_E_NOT_QUEUE', 'other')
})

test('each consumer gets every record, where a queue is made so', { skip: noGo }, async t => {
  const q = queue(t)
  goRun('shmq', ['create', q, '--consumers', 'each'])
  assert.strictEqual((await shmq.stat(q)).shape.consumers, 'each')
  const p = await shmq.Producer.open(q, { create: { consumers: 'each' } })
  const consumers = [await shmq.Consumer.open(q), await shmq.Consumer.open(q)]
  await p.send('x')
  for (const c of consumers) assert.strictEqual(await c.receive(), 'x')
  for (const end of [p, ...consumers]) await end.close()
})

test('options that are wrong are refused, not ignored', async t => {
  const q = queue(t)
  const { Producer, Consumer } = shmq
  const wrong = [
    { nonsense: 1 }, { untilEOF: true }, { create: true }, { create: { slots: -1 } }, { create: { slots: 1.5 } },
    { create: { slots: '16' } }, { create: { slots: 2 ** 25 } }, { create: { slotSize: 2 ** 31 } }, { create: { mode: 0o1777 } },
    { create: { producers: 'two' } }, { create: { producers: 'toString' } }, { create: { checksum: 1 } }, { create: { slot: 1 } },
    { guard: 1 }, { command: 1 }, null, [], new Map([['untilEnd', true]]), new AbortController().signal, { create: null }, { create: [] }
  ]
  for (const options of wrong) {
    await fails(Consumer.open(q, options), shmq.OptionError, 'SHMQ_E_OPTION')
  }
  await fails(Producer.open(q, { untilEnd: true }), shmq.OptionError, 'SHMQ_E_OPTION', 'untilEnd')
  await assert.rejects(Consumer.open(q, { codec: {} }), TypeError)
  await fails(shmq.create(q, { slotsize: 64 }), shmq.OptionError, 'SHMQ_E_OPTION', 'slotsize', 'slotSize')
  await fails(shmq.remove(q, { force: 'no' }), shmq.OptionError, 'SHMQ_E_OPTION', 'force')
  assert.throws(() => new Producer('q'), /await Producer\.open/)
  assert.throws(() => new Consumer('q'), /await Consumer\.open/)
  assert.throws(() => new shmq.Record(), TypeError)
  assert.throws(() => new shmq.Reservation(), TypeError)
  assert.strictEqual(fs.readdirSync(dir).length, 0, 'nothing was made')
})

test('a removed queue is told of by all calls from then on', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 4, slotSize: 64 })
  const p = await producer(t, q)
  const c = await consumer(t, q)
  const waits = c.receive()
  await p.sendBatch([0])
  assert.strictEqual(await waits, 0)
  await p.sendBatch([1, 2, 3, 4])
  const rec = await c.lease()
  const full = [p.send(5), p.send(6), p.reserve(8)]
  await shmq.remove(q, { force: true })
  for (const f of full) await fails(f, shmq.RemovedError, 'SHMQ_E_REMOVED', q)
  await fails(p.send(7), shmq.RemovedError, 'SHMQ_E_REMOVED')
  assert.throws(() => p.trySend(7), shmq.RemovedError)
  assert.throws(() => p.check(), shmq.RemovedError)
  // What was sent can be received, and settled.
  assert.strictEqual(rec.value, 1)
  assert.strictEqual(rec.ack(), true)
  for (const n of [2, 3, 4]) assert.strictEqual(await c.receive(), n)
  await fails(c.receive(), shmq.RemovedError, 'SHMQ_E_REMOVED', q)
  await fails(c.receive(), shmq.RemovedError, 'SHMQ_E_REMOVED', q)
})

test('a file that is cut while Buffers lie over it ends nothing but its participants', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 64, slotSize: 4096 })
  const raw = { codec: shmq.codecs.raw }
  const c = await consumer(t, q, raw)
  const p = await producer(t, q, raw)
  const record = Buffer.alloc(4000, 7)
  for (let i = 0; i < 40; i++) await p.send(record)
  const recs = [await c.lease(), await c.lease()]
  const r = await p.reserve(4000)
  assert.strictEqual(recs[0].data[3999], 7)
  fs.truncateSync(shmq.path(q), 8192)
  assert.strictEqual(recs[0].data[3999], 0, 'what was cut off reads as zeros')
  r.data.fill(1)
  await fails((async () => c.check())(), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
  await fails((async () => p.check())(), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
  await fails(c.lease(), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
  await fails(p.send(record), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
  await fails((async () => r.commit())(), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
})

test('zeros of a file that was cut are never taken for a value', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 64, slotSize: 4096 })
  const c = await consumer(t, q, { codec: shmq.codecs.raw })
  const p = await producer(t, q, { codec: shmq.codecs.raw })
  for (let i = 0; i < 3; i++) await p.send(Buffer.alloc(20000, 7))
  const large = await c.lease() // larger than what is copied at once
  fs.truncateSync(shmq.path(q), 8192)
  await fails((async () => large.value)(), shmq.TruncatedError, 'SHMQ_E_TRUNCATED', q)
})

test('without the guard a file that is cut ends the process, as documented', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 64, slotSize: 4096 })
  const c = script(t, `
    const shmq = require(${JSON.stringify(require.resolve('shmq'))})
    ;(async () => {
      const p = await shmq.Producer.open(process.argv[1], { guard: false, codec: shmq.codecs.raw })
      require('fs').truncateSync(shmq.path(process.argv[1]), 8192)
      for (let i = 0; i < 64; i++) await p.send(Buffer.alloc(4000))
      console.log('survived')
    })()`, [q])
  assert.strictEqual((await c.ended).signal, 'SIGBUS')
})

test('errors of system calls have their number', async t => {
  const d = path.join(dir, 'no', 'such', 'directory')
  await assert.rejects(shmq.create(path.join(d, 'q')), err => {
    assert.ok(err instanceof shmq.ShmqError)
    assert.strictEqual(err.errno, require('node:os').constants.errno.ENOENT)
    return true
  })
})

test('more participants than can be guarded are told what to do', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 2, slotSize: 64, seats: 512 })
  for (let i = 0; i < 256; i++) await consumer(t, q)
  await fails(shmq.Consumer.open(q), shmq.RefusedError, 'SHMQ_E_REFUSED', q, 'without the guard')
  await consumer(t, q, { guard: false })
})

test('a process that gets no more threads is told so, and leaves its queues all the same', async t => {
  const q = queue(t)
  const c = script(t, `
    const shmq = require(${JSON.stringify(require.resolve('shmq'))})
    const { spawnSync } = require('node:child_process')
    ;(async () => {
      const q = process.argv[1]
      const p = await shmq.Producer.open(q)
      const c = await shmq.Consumer.open(q)
      console.log('open')
      await new Promise(resolve => process.stdin.once('data', resolve))
      if (process.getuid() === 0) process.setuid(65534) // root has no limit
      for (const call of [() => shmq.Consumer.open(q), () => c.receive()]) console.log('fails ' + await call().catch(err => err.name + ' ' + err.code))
      await p.finish()
      await c.close()
      console.log('left')
      process.stdin.destroy()
    })()`, [q])
  await c.hears('open')
  const limit = spawnSync('prlimit', ['--nproc=1:1', '--pid', String(c.pid)])
  if (limit.error) return t.skip('no prlimit (Debian: util-linux)')
  c.say('go on')
  for (let i = 0; i < 2; i++) assert.strictEqual(await c.hears('fails'), 'SystemError SHMQ_E_SYSTEM')
  await c.hears('left')
  const s = await shmq.stat(q)
  assert.deepStrictEqual([s.left, s.finished, s.consumers, s.dead], [1, 1, 0, 0])
})

test('what a callback of the addon throws is uncaught, and keeps no other from being called', async t => {
  const c = script(t, `
    const shmq = require(${JSON.stringify(require.resolve('shmq'))})
    const path = require('node:path')
    const { native } = require(path.join(path.dirname(${JSON.stringify(require.resolve('shmq'))}), 'lib', 'native.js'))
    let uncaught = 0
    process.on('uncaughtException', () => uncaught++)
    ;(async () => {
      const n = 20
      for (let i = 0; i < n; i++) native.stat('absent', () => { throw new Error('of a callback') })
      const all = Array.from({ length: n }, () => shmq.stat('absent').catch(() => {}))
      for (const end = performance.now() + 200; performance.now() < end;); // they end together
      await Promise.all(all)
      console.log('uncaught ' + uncaught)
    })()`)
  assert.strictEqual(await c.hears('uncaught'), '20')
})
