// Each of these lines has to be refused by the compiler.
import { Producer, Consumer, Record, create } from 'shmq'

export async function wrong (): Promise<void> {
  const p = await Producer.open<number>('q')
  const c = await Consumer.open<number>('q')
  // @ts-expect-error a string is no number
  await p.send('1')
  // @ts-expect-error a batch is of numbers
  await p.sendBatch(['1'])
  // @ts-expect-error the value is a number
  const s: string = await c.receive()
  // @ts-expect-error it may be undefined
  const n: number = c.tryReceive()
  // @ts-expect-error classes are opened, not made
  const q = new Producer('q')
  // @ts-expect-error nor are records
  const r = new Record()
  // @ts-expect-error there is no such option
  await Consumer.open('q', { untilEOF: true })
  // @ts-expect-error a producer has no ends to be told
  await Producer.open('q', { untilEnd: true })
  // @ts-expect-error one, many or any
  await create('q', { producers: 'two' })
  // @ts-expect-error a record can't be changed
  for await (const rec of c) rec.value = 1
  // @ts-expect-error milliseconds
  await c.receive({ timeout: '1s' })
  void [s, n, q, r]
}
