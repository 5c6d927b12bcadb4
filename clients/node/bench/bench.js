// Measures what calls cost. Each line is the median of some rounds, in nanoseconds a record.
//
//   node bench/bench.js [--rounds N]
//
// In one process the producer and the consumer take turns, so a line is the work of both
// sides and no waiting. Between processes a child receives as fast as it can.
'use strict'

const { fork } = require('node:child_process')
const { Worker, parentPort, workerData } = require('node:worker_threads')
const shmq = require('..')

const { Producer, Consumer, codecs } = shmq
const rounds = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 7
const name = `bench-${process.pid}`

const median = list => list.sort((a, b) => a - b)[list.length >> 1]

function say (what, ns) {
  const rate = ns > 0 ? `${(1000 / ns).toFixed(2)} M/s` : ''
  console.log(`${what.padEnd(58)} ${ns.toFixed(0).padStart(9)} ns  ${rate}`)
}

async function measure (what, n, f) {
  await f(Math.ceil(n / 4))
  const times = []
  for (let i = 0; i < rounds; i++) {
    const began = process.hrtime.bigint()
    await f(n)
    times.push(Number(process.hrtime.bigint() - began) / n)
  }
  say(what, median(times))
}

async function inOneProcess () {
  await shmq.create(name, { slots: 4096, slotSize: 1024 })
  const student = { id: 7, name: 'Noor Haddad', grades: { algebra: 14, Greek: 17 } }
  {
    const p = await Producer.open(name, { codec: codecs.raw })
    const c = await Consumer.open(name, { codec: codecs.raw })
    for (const size of [64, 1000]) {
      const bytes = Buffer.alloc(size, 7)
      await measure(`${size} bytes: trySend, tryReceive`, 2e5, n => {
        for (let i = 0; i < n; i++) {
          p.trySend(bytes)
          c.tryReceive()
        }
      })
      await measure(`${size} bytes: await send, await receive`, 2e5, async n => {
        for (let i = 0; i < n; i++) {
          await p.send(bytes)
          await c.receive()
        }
      })
      await measure(`${size} bytes: await send, for await`, 2e5, async n => {
        await p.send(bytes)
        let i = 0
        for await (const rec of c) {
          if (++i === n) {
            rec.ack()
            break
          }
          await p.send(bytes)
        }
      })
      const batch = Array(64).fill(bytes)
      await measure(`${size} bytes: sendBatch, receiveBatch of 64`, 2e5, async n => {
        for (let i = 0; i < n; i += 64) {
          await p.sendBatch(batch)
          for (let got = 0; got < 64;) got += (await c.receiveBatch(64)).length
        }
      })
      await measure(`${size} bytes: trySend alone`, 4000, n => {
        for (let i = 0; i < n; i++) p.trySend(bytes)
        setImmediate(() => {})
        while (c.tryReceive() !== undefined);
      })
    }
    await measure('64 bytes: lease, data, ack', 1e5, async n => {
      const bytes = Buffer.alloc(64)
      for (let i = 0; i < n; i++) {
        await p.send(bytes)
        const rec = await c.lease()
        rec.data[0]++
        rec.ack()
      }
    })
    await p.close()
    await c.close()
  }
  for (const codec of ['msgpack', 'json']) {
    const p = await Producer.open(name, { codec: codecs[codec] })
    const c = await Consumer.open(name, { codec: codecs[codec] })
    await measure(`a student, ${codec}: await send, await receive`, 1e5, async n => {
      for (let i = 0; i < n; i++) {
        await p.send(student)
        await c.receive()
      }
    })
    await measure(`a student, ${codec}: the codec alone`, 1e5, n => {
      for (let i = 0; i < n; i++) codecs[codec].decode(Buffer.from(codecs[codec].encode(student)))
    })
    await p.close()
    await c.close()
  }
  await shmq.remove(name)
}

async function large () {
  const size = 1 << 20
  await shmq.create(name, { slots: 64, slotSize: 1 << 17 })
  const p = await Producer.open(name, { codec: codecs.raw, prefault: true })
  const c = await Consumer.open(name, { codec: codecs.raw, prefault: true })
  const bytes = Buffer.alloc(size, 7)
  await measure('1 MiB: reserve, copy in, commit; lease, copy out, ack', 300, async n => {
    const out = Buffer.alloc(size)
    for (let i = 0; i < n; i++) {
      const r = await p.reserve(size)
      bytes.copy(r.data)
      r.commit()
      const rec = await c.lease()
      rec.data.copy(out)
      rec.ack()
    }
  })
  const other = Buffer.alloc(size)
  await measure('1 MiB: two copies in plain memory', 300, n => {
    const out = Buffer.alloc(size)
    for (let i = 0; i < n; i++) {
      bytes.copy(other)
      other.copy(out)
    }
  })
  await p.close()
  await c.close()
  await shmq.remove(name)
}

// What node has for this: messages between processes, and between threads.
function otherWays (bytes) {
  return [
    ['process.send to a child process', n => new Promise(resolve => {
      const child = fork(__filename, ['ipc', String(n)], { serialization: 'advanced' })
      child.once('message', () => {
        const began = process.hrtime.bigint()
        child.once('message', () => {
          resolve(Number(process.hrtime.bigint() - began) / n)
          child.disconnect()
        })
        for (let i = 0; i < n; i++) child.send(bytes)
      })
    })],
    ['postMessage to a worker thread', n => new Promise(resolve => {
      const w = new Worker(__filename, { workerData: { n } })
      w.once('message', () => {
        const began = process.hrtime.bigint()
        w.once('message', () => {
          resolve(Number(process.hrtime.bigint() - began) / n)
          w.terminate()
        })
        for (let i = 0; i < n; i++) w.postMessage(bytes)
      })
    })],
    ['shmq to a child process', async n => {
      await shmq.create(name, { slots: 4096 })
      const p = await Producer.open(name, { codec: codecs.raw })
      const child = fork(__filename, ['shmq', String(n), name])
      const message = () => new Promise(resolve => child.once('message', resolve))
      const exit = new Promise(resolve => child.once('exit', resolve))
      await message()
      const began = process.hrtime.bigint()
      const end = message()
      for (let i = 0; i < n; i++) await p.send(bytes)
      await end
      const ns = Number(process.hrtime.bigint() - began) / n
      child.disconnect()
      await p.close()
      await exit
      await shmq.remove(name)
      return ns
    }],
    ['shmq to a child process, batches of 64', async n => {
      await shmq.create(name, { slots: 4096 })
      const p = await Producer.open(name, { codec: codecs.raw })
      const child = fork(__filename, ['shmq-batch', String(n), name])
      const message = () => new Promise(resolve => child.once('message', resolve))
      const exit = new Promise(resolve => child.once('exit', resolve))
      await message()
      const batch = Array(64).fill(bytes)
      const began = process.hrtime.bigint()
      const end = message()
      for (let i = 0; i < n; i += 64) await p.sendBatch(batch)
      await end
      const ns = Number(process.hrtime.bigint() - began) / n
      child.disconnect()
      await p.close()
      await exit
      await shmq.remove(name)
      return ns
    }]
  ]
}

async function betweenProcesses () {
  for (const [what, f] of otherWays(Buffer.alloc(64, 7))) {
    const n = 64 * 800
    const times = []
    for (let i = 0; i < Math.min(rounds, 5); i++) times.push(await f(n))
    say(`64 bytes: ${what}`, median(times))
  }
  await pingPong()
}

async function pingPong () {
  const n = 4000
  const [there, back] = [`${name}-there`, `${name}-back`]
  await shmq.create(there)
  await shmq.create(back)
  const p = await Producer.open(there, { codec: codecs.raw })
  const c = await Consumer.open(back, { codec: codecs.raw })
  const child = fork(__filename, ['echo', String(n), there, back])
  const exit = new Promise(resolve => child.once('exit', resolve))
  const times = []
  for (let i = 0; i < n; i++) {
    const began = process.hrtime.bigint()
    await p.send(Buffer.alloc(64))
    await c.receive()
    times.push(Number(process.hrtime.bigint() - began))
  }
  say('64 bytes: there and back between processes that sleep', median(times))
  await exit
  await p.close()
  await c.close()
  await shmq.remove(there)
  await shmq.remove(back)
}

async function child ([kind, count, queue, back]) {
  const n = Number(count)
  if (kind === 'ipc') {
    let i = 0
    process.on('message', () => { if (++i === n) process.send('end') })
    process.send('ready')
  } else if (kind === 'echo') {
    const c = await Consumer.open(queue, { codec: codecs.raw })
    const p = await Producer.open(back, { codec: codecs.raw })
    for (let i = 0; i < n; i++) await p.send(await c.receive())
    await p.close()
    await c.close()
  } else {
    const c = await Consumer.open(queue, { codec: codecs.raw })
    process.send('ready')
    if (kind === 'shmq') for (let i = 0; i < n; i++) await c.receive()
    else for (let i = 0; i < n;) i += (await c.receiveBatch(64)).length
    await c.close()
    process.send('end')
  }
}

async function main () {
  console.log(`node ${process.version}, shmq ${shmq.version}, ${rounds} rounds`)
  await inOneProcess()
  await large()
  await betweenProcesses()
}

if (workerData) {
  let i = 0
  parentPort.on('message', () => { if (++i === workerData.n) parentPort.postMessage('end') })
  parentPort.postMessage('ready')
} else if (process.send) {
  child(process.argv.slice(2))
} else {
  main()
}
