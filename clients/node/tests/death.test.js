'use strict'

const test = require('node:test')
const assert = require('node:assert')
const { queue, producer, consumer, nodeAgent, goAgent, noGo, until, script, shmq } = require('./helpers')

const { raw } = shmq.codecs

// Each scenario is played by processes of both languages, in all crews.
const kinds = { node: nodeAgent, Go: goAgent }
const crews = []
for (const a of Object.keys(kinds)) for (const b of Object.keys(kinds)) crews.push([a, b])

function scenario (what, f) {
  for (const [a, b] of crews) {
    const skip = a === 'Go' || b === 'Go' ? noGo : false
    test(`${what} (${a}, ${b})`, { skip }, async t => {
      const q = queue(t)
      await shmq.create(q, { slots: 16, slotSize: 64 })
      await f(t, q, () => kinds[a](t), () => kinds[b](t))
    })
  }
}

scenario('what a killed consumer held comes again, flagged, before what is new', async (t, q, one, other) => {
  const p = await producer(t, q, { codec: raw })
  const c = await one()
  await c.does(`consumer ${q}`)
  for (const s of ['a', 'b', 'c', 'd']) await p.send(Buffer.from(s))
  assert.deepStrictEqual((await c.leases('lease 3')).map(r => r.data), ['a', 'b', 'c'])
  await c.does('ack 1')
  await c.kill()
  const d = await other()
  await d.does(`consumer ${q}`)
  const got = []
  for (let i = 0; i < 3; i++) got.push(...await d.leases('lease 1'))
  assert.deepStrictEqual(got, [{ redelivered: 1, data: 'a' }, { redelivered: 1, data: 'c' }, { redelivered: 0, data: 'd' }])
})

scenario('a consumer that waits is told when the last producer is killed', async (t, q, one, other) => {
  const p = await one()
  await p.does(`producer ${q}`)
  const c = await other()
  await c.does(`consumer-until-eof ${q}`)
  await p.does('send a')
  assert.deepStrictEqual(await c.leases('lease 1'), [{ redelivered: 0, data: 'a' }])
  await c.does('ack 0')
  c.say('lease 1')
  await p.kill()
  assert.match(await c.hears('err'), /^broken /)
})

scenario('a record in the making dies with its producer, and blocks nobody', async (t, q, one, other) => {
  const p = await one()
  await p.does(`producer ${q}`)
  await p.does('send before')
  await p.does('reserve 60')
  await p.does('fill')
  const o = await other()
  await o.does(`producer ${q}`)
  await o.does('send after')
  await p.kill()
  const c = await consumer(t, q, { codec: raw })
  assert.strictEqual((await c.receive()).toString(), 'before')
  assert.strictEqual((await c.receive()).toString(), 'after')
  await until('the dead is recovered', async () => (await shmq.participants(q)).length === 2)
})

scenario('a stopped consumer keeps what it holds', async (t, q, one, other) => {
  const p = await producer(t, q, { codec: raw })
  const c = await one()
  await c.does(`consumer ${q}`)
  await p.send(Buffer.from('held'))
  await c.leases('lease 1')
  c.signal('SIGSTOP')
  const d = await other()
  await d.does(`consumer ${q}`)
  await p.send(Buffer.from('new'))
  assert.deepStrictEqual(await d.leases('lease 1'), [{ redelivered: 0, data: 'new' }])
  assert.match(await d.fails('try-lease'), /^empty /)
  c.signal('SIGCONT')
  await c.does('ack 0')
  await c.does('close')
  assert.match(await d.fails('try-lease'), /^empty /)
})

scenario('ends of streams are told', async (t, q, one, other) => {
  const p = await one()
  const c = await other()
  await p.does(`producer ${q}`)
  await c.does(`consumer-strict ${q}`)
  await p.does('send a')
  await p.does('finish')
  assert.strictEqual((await c.leases('lease 1'))[0].data, 'a')
  await c.does('ack 0')
  assert.match(await c.fails('lease 1'), /^eof /)
  await c.does('close')
  const d = await other()
  await d.does(`consumer-until-eof ${q}`)
  const again = await one()
  await again.does(`producer ${q}`)
  await again.does('send b')
  await again.does('abandon')
  assert.strictEqual((await d.leases('lease 1'))[0].data, 'b')
  assert.match(await d.fails('lease 1'), /^broken /)
})

scenario('those that wait are told when the queue is removed', async (t, q, one, other) => {
  const c = await one()
  await c.does(`consumer ${q}`)
  const p = await other()
  await p.does(`producer ${q}`)
  p.say('pump 60')
  await until('the queue is full', async () => (await shmq.stat(q)).depth === 16)
  const d = await other()
  await d.does(`consumer ${q}`)
  await shmq.remove(q, { force: true })
  await shmq.create(q) // so that the name is there at the end
  assert.match(await p.hears('err'), /^removed /)
  c.say('sink')
  assert.match(await c.hears('err'), /^removed /)
})

scenario('a file that is cut is told of, and ends nobody', async (t, q, one, other) => {
  const p = await one()
  await p.does(`producer ${q}`)
  const c = await other()
  await c.does(`consumer ${q}`)
  await p.does('send a')
  await p.does('send b')
  await c.leases('lease 1')
  await p.does('reserve 50')
  require('node:fs').truncateSync(shmq.path(q), 0)
  assert.match(await c.fails('touch'), /^truncated /)
  assert.match(await c.fails('lease 1'), /^truncated /)
  assert.match(await p.fails('fill'), /^truncated /)
  assert.match(await p.fails('send c'), /^truncated /)
  await p.kill()
  await c.kill()
  require('node:fs').unlinkSync(shmq.path(q))
})

scenario('roles that one has to itself are refused to others, until it is killed', async (t, q, one, other) => {
  await shmq.remove(q)
  await shmq.create(q, { producers: 'one', consumers: 'one', slots: 16 })
  const p = await one()
  await p.does(`producer ${q}`)
  const o = await other()
  assert.match(await o.fails(`producer ${q}`), /^role /)
  await p.kill()
  await o.does(`producer ${q}`)
  await o.does('send x')
  const c = await consumer(t, q, { codec: raw })
  assert.strictEqual((await c.receive()).toString(), 'x')
})

scenario('a killed consumer that waits keeps no wake-up from the others', async (t, q, one, other) => {
  const p = await producer(t, q, { codec: raw })
  const d = await other()
  await d.does(`consumer ${q}`)
  for (let i = 0; i < 5; i++) {
    const e = await one()
    await e.does(`consumer ${q}`)
    e.say('lease 1')
    d.say('lease 1')
    await p.send(Buffer.from('for one of them'))
    await e.kill()
    await p.send(Buffer.from('for one of them')) // the other one has one by now, or gets this
    await d.hears('ok')
    const rest = await consumer(t, q, { codec: raw })
    await d.does(`ack ${i}`)
    await rest.receive()
    await rest.close()
    assert.strictEqual((await shmq.stat(q)).depth, 0)
  }
})

const main = `
const shmq = require(${JSON.stringify(require.resolve('shmq'))})
const [name] = process.argv.slice(1)
`

test('a loop that is killed again and again loses nothing, and repeats only what it had at hand', async t => {
  const q = queue(t)
  await shmq.create(q, { slots: 64 })
  const n = 3000
  const p = await producer(t, q)
  const sender = (async () => {
    for (let i = 0; i < n; i++) await p.send(i)
    await p.finish()
  })()
  const seen = new Map()
  let kills = 0
  for (let done = false; !done;) {
    const c = script(t, `${main}; (async () => {
      const c = await shmq.Consumer.open(name, { untilEnd: true })
      for await (const rec of c) require('fs').writeSync(1, 'at ' + rec.value + ' ' + rec.redelivered + '\\n')
      await c.close()
      require('fs').writeSync(1, 'at the end\\n')
    })()`, [q])
    const until = kills < 8 ? 20 + 37 * kills : Infinity
    for (let k = 0; ; k++) {
      const [value, redelivered] = (await c.hears('at')).split(' ')
      if (value === 'the') {
        done = true
        break
      }
      const before = seen.get(value) ?? 0
      assert.ok(before === 0 || Number(redelivered) > 0, `${value} came again and was not flagged`)
      seen.set(value, before + 1)
      if (k === until) {
        await c.kill()
        kills++
        break
      }
    }
    if (!done) { // what it had written before it was killed
      for await (const line of { [Symbol.asyncIterator]: () => c.lines }) {
        const value = line.split(' ')[1]
        seen.set(value, (seen.get(value) ?? 0) + 1)
      }
    }
  }
  await sender
  assert.strictEqual(kills, 8)
  assert.strictEqual(seen.size, n)
  const more = [...seen.values()].filter(times => times > 1).length
  assert.ok(more <= kills, `${more} came more than once, of ${kills} kills`)
})

test('a process that ends without closing has broken off its stream', async t => {
  for (const end of ['', 'process.exit(0)', 'throw new Error("of the program")', 'await p.close()', 'await p.finish()']) {
    const q = queue(t)
    await shmq.create(q)
    const c = await consumer(t, q, { untilEnd: true })
    const p = script(t, `${main}; (async () => {
      if (${JSON.stringify(end)}.startsWith('throw')) process.on('uncaughtException', () => process.exit(1))
      const p = await shmq.Producer.open(name)
      await p.send(1)
      ${end}
    })()`, [q])
    assert.strictEqual(await c.receive(), 1)
    await assert.rejects(c.receive(), end.startsWith('await') ? shmq.EndError : shmq.BrokenError, end)
    await p.ended
  }
})
