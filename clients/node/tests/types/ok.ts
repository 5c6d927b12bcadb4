// Compiled with --strict, and run: what it uses is there as declared.
import * as assert from 'node:assert'
import * as shmq from 'shmq'
import { Producer, Consumer, ShmqError, TimeoutError, codecs, type Codec } from 'shmq'

interface Student { id: number, name: string, grades?: { [subject: string]: number } }

async function main (name: string): Promise<void> {
  const p: Producer<Student> = await Producer.open<Student>(name, { create: { slots: 64, producers: 'one' } })
  const c = await Consumer.open<Student>(name, { untilEnd: true })
  await p.send({ id: 1, name: 'Noor' }, { timeout: 1000, signal: new AbortController().signal })
  assert.strictEqual(p.trySend({ id: 2, name: 'Mateus', grades: { algebra: 14 } }), true)
  const sent: number = await p.sendBatch([{ id: 3, name: 'x' }])
  assert.strictEqual(sent, 1)
  const r = await p.reserve(10)
  const data: Buffer = r.data
  assert.strictEqual(data.length, 10)
  r.abort()
  await p.finish()

  const names: string[] = []
  for await (const rec of c) {
    const s: Student = rec.value
    names.push(s.name)
    assert.strictEqual(rec.redelivered + Number(rec.sentAt), 0)
    const id: string = rec.id
    assert.ok(id.length > 40 && rec.size > 0 && rec.data.length === rec.size)
  }
  assert.deepStrictEqual(names, ['Noor', 'Mateus', 'x'])
  c.nextStream()
  try {
    await c.receive({ timeout: 1 })
    assert.fail()
  } catch (err) {
    assert.ok(err instanceof TimeoutError && err instanceof ShmqError)
    const code: string = err.code
    assert.strictEqual(code, 'SHMQ_E_TIMEOUT')
  }
  await c.close()

  const upper: Codec<string> = { encode: v => Buffer.from(v.toUpperCase()), decode: b => Buffer.from(b).toString() }
  {
    await using q = await Producer.open(name, { codec: upper, anyShape: true })
    await using d = await Consumer.open(name, { codec: codecs.raw, anyShape: true })
    await q.send('abc')
    assert.strictEqual(((await d.receive()) as Buffer).toString(), 'ABC')
  }
  const info: shmq.Info = await shmq.stat(name)
  assert.strictEqual(info.producers + info.consumers, 0)
  await shmq.remove(name)
}

void main(process.argv[2] ?? 'types')
