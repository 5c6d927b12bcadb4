#!/usr/bin/env node
// A process that takes part in a queue and does what its parent tells it: each line is a
// command and gets one line in reply, "ok" with a result, "err" with an error, or "no" with a
// word and a reason where this client does not do that. The protocol is that of internal/testagent, so scenarios that are written once are
// played by this client too.
'use strict'

const readline = require('node:readline')
const { Producer, Consumer, codecs } = require('shmq')

const say = line => process.stdout.write(line + '\n')

// The words by which the parent knows errors.
const words = {
  SHMQ_E_END: 'eof',
  SHMQ_E_FULL: 'full',
  SHMQ_E_EMPTY: 'empty',
  SHMQ_E_ROLE_TAKEN: 'role',
  SHMQ_E_NO_SEAT: 'seat',
  SHMQ_E_BROKEN: 'broken',
  SHMQ_E_TOO_LARGE: 'large',
  SHMQ_E_REMOVED: 'removed',
  SHMQ_E_TRUNCATED: 'truncated',
  SHMQ_E_CLOSED: 'closed'
}

// What the library does not do: the words by which the parent knows that.
const refusals = { SHMQ_E_LAYOUT: 'subscriptions', SHMQ_E_REBUILD: 'rebuild' }

class Refused extends Error {}
const refuse = text => { throw new Refused(text) }

// The text itself, or with a * the text repeated: x*100.
function payload (s = '') {
  const i = s.indexOf('*')
  return Buffer.from(i < 0 ? s : s.slice(0, i).repeat(Number(s.slice(i + 1))))
}

let out, into, reservation
const leases = []

// What was cut off reads as zeros. A queue that was removed still has its records.
function uncut (end) {
  try {
    end.check()
  } catch (err) {
    if (err.code !== 'SHMQ_E_REMOVED') throw err
  }
}

function describe (records) {
  const parts = records.map(r => `${r.redelivered}:${r.data.toString('hex')}`)
  uncut(into)
  return parts.join(' ')
}

// ---- streams: records of all sizes, in all ways, as internal/testagent has them

const HEAD = 8 // whose and which a record is

const next = x => (Math.imul(x, 1664525) + 1013904223) >>> 0

// Each size from least to most once, shuffled, and then again.
function * sizes (sender, least, most) {
  let x = (Math.imul(sender, 2654435761) + 1) >>> 0
  for (;;) {
    const left = Array.from({ length: most - least + 1 }, (_, i) => least + i)
    for (let i = left.length - 1; i > 0; i--) {
      x = next(x)
      const j = Math.floor(x * (i + 1) / 2 ** 32)
      ;[left[i], left[j]] = [left[j], left[i]]
    }
    yield * left
  }
}

function pattern (to, sender, seq) {
  let x = (Math.imul(sender, 2654435761) + Math.imul(seq, 40503) + 1) >>> 0
  for (let i = 0; i < to.length; i++) {
    x = next(x)
    to[i] = x >>> 24
  }
  return to
}

function fillRecord (b, least, sender, seq) {
  if (least < HEAD) return pattern(b, sender, seq)
  b.writeUInt32LE(sender, 0)
  b.writeUInt32LE(seq, 4)
  pattern(b.subarray(HEAD), sender, seq)
  return b
}

async function sendStream (...args) {
  const [sender, count, least, most] = args.map(Number)
  const size = sizes(sender, least, most)
  const record = seq => fillRecord(Buffer.alloc(size.next().value), least, sender, seq)
  for (let seq = 0; seq < count; seq++) {
    if (seq % 7 === 0 && count - seq > 3) {
      const sent = await out.sendBatch([record(seq), record(seq + 1), record(seq + 2)])
      if (sent !== 3) throw new Error(`${sent} of 3 sent`)
      seq += 2
    } else if (seq % 5 === 0) {
      const n = size.next().value
      const r = await out.reserve(most)
      fillRecord(Buffer.from(r.data.buffer, r.data.byteOffset, n), least, sender, seq)
      r.commit(n)
    } else {
      if (seq % 11 === 0) (await out.reserve(Math.min(100, most))).abort()
      await out.send(record(seq))
    }
  }
  await out.close()
}

async function receiveStream (...args) {
  const [senders, count] = args.map(Number)
  const got = Array.from({ length: senders }, () => new Array(count).fill(0))
  const last = new Array(senders).fill(-1)
  const check = (bytes, redelivered) => {
    const b = Buffer.from(bytes)
    const [sender, seq] = [b.readUInt32LE(0), b.readUInt32LE(4)]
    const which = `record ${seq} of sender ${sender}`
    if (sender >= senders || seq >= count) throw new Error(`there is no ${which}`)
    if (!b.subarray(HEAD).equals(pattern(Buffer.alloc(b.length - HEAD), sender, seq))) throw new Error(`${which} is torn`)
    if (seq <= last[sender]) throw new Error(`${which} after ${last[sender]}`)
    if (redelivered !== 0) throw new Error(`${which} was delivered before`)
    last[sender] = seq
    got[sender][seq]++
  }
  try {
    for (let round = 0; ; round++) {
      if (round % 3 === 2) {
        check(await into.receive(), 0)
        continue
      }
      for (const r of round % 3 === 0 ? await into.leaseBatch(3) : [await into.lease()]) {
        check(r.data, r.redelivered)
        r.ack()
      }
    }
  } catch (err) {
    if (err.code !== 'SHMQ_E_END') throw err
  }
  return got.map(g => g.join('')).join(' ')
}

// Sends what comes from one queue to another one, until it can't: there is one more reply then.
async function echo (from, to) {
  into = await Consumer.open(from, open)
  out = await Producer.open(to, open)
  say('ok ')
  for (;;) {
    const b = await into.receive()
    for (const start = process.hrtime.bigint(); process.hrtime.bigint() - start < 40_000n;); // the other end falls asleep
    await out.send(b, { timeout: 0 })
  }
}

const open = { create: false, codec: codecs.raw }

const commands = {
  async producer (name) { out = await Producer.open(name, open) },
  async consumer (name) { into = await Consumer.open(name, open) },
  async 'consumer-until-eof' (name) { into = await Consumer.open(name, { ...open, untilEnd: true }) },
  async 'consumer-strict' (name) { into = await Consumer.open(name, { ...open, untilEnd: true, strict: true }) },
  send: text => out.send(payload(text)),
  'try-send': text => out.send(payload(text), { timeout: 0 }),
  async pump (size) { // records of that size until an error
    for (const b = payload(`x*${size}`); ;) await out.send(b)
  },
  async sink () {
    for (;;) await into.receive()
  },
  async reserve (size) { reservation = await out.reserve(Number(size)) },
  async fill () { // half of the reservation
    reservation.data.fill(0xff, 0, reservation.data.length / 2)
    uncut(out)
  },
  async touch () { return describe(leases.filter(r => !r.settled)) },
  async commit (size) {
    out.check()
    reservation.commit(Number(size))
  },
  async lease (n) {
    const got = Number(n) === 1 ? [await into.lease()] : await into.leaseBatch(Number(n))
    leases.push(...got)
    return describe(got)
  },
  async 'try-lease' () {
    const r = await into.lease({ timeout: 0 })
    leases.push(r)
    return describe([r])
  },
  async ack (i) { leases[Number(i)].ack() },
  async release (i) { leases[Number(i)].release() },
  'send-stream': sendStream,
  'receive-stream': receiveStream,
  echo,
  async subscribe () { refuse('subscriptions this package subscribes without a name, to what comes') },
  async fork () { refuse('fork Node.js has no fork: its child processes execute a program') },
  finish: () => out.finish(),
  abandon: () => out.abandon(),
  close: () => (out ?? into).close()
}

async function main () {
  say('ready')
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...args] = line.split(' ')
    try {
      if (!Object.hasOwn(commands, command)) throw new Error(`no such command: ${command}`)
      say(`ok ${await commands[command](...args) ?? ''}`)
    } catch (err) {
      if (err instanceof Refused) say(`no ${err.message}`)
      else if (err.code in refusals) say(`no ${refusals[err.code]} ${err.message}`)
      else say(`err ${words[err.code] ?? 'other'} ${err.message}`)
    }
  }
}

// The parent is gone, or wants this process to end.
process.stdin.on('end', () => process.exit(0))
main()
