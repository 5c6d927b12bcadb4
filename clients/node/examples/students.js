// Passes typed records between two processes that know nothing of each other but the name
// of a queue. In one terminal:
//
//   node examples/students.js print
//
// In another, before or after:
//
//   node examples/students.js enrol
//
// The other side may as well be go run ./examples/students, or a program in another language.
'use strict'

const { Producer, Consumer, remove } = require('shmq')

const queue = 'students'

const students = [
  { id: 1, name: 'Noor Haddad', enrolled: new Date('2024-09-02T08:30:00Z'), grades: { algebra: 14, Greek: 17 } },
  { id: 2, name: 'Sigríður Jónsdóttir', enrolled: new Date('2024-09-02T08:45:00Z'), grades: { algebra: 19 } },
  { id: 3, name: 'Mateus Oliveira', enrolled: new Date('2025-01-13T10:00:00Z') }
]

async function enrol () {
  const p = await Producer.open(queue) // makes the queue if it is absent
  for (const s of students) await p.send(s)
  await p.finish() // unlike close, tells the other side that these were all
}

async function print () {
  const c = await Consumer.open(queue, { untilEnd: true })
  for await (const rec of c) { // acknowledges when it takes the next one
    const { id, name, enrolled, grades = {} } = rec.value
    const list = Object.entries(grades).map(([subject, grade]) => `${subject} ${grade}`).join(', ')
    console.log(`${id} ${name}, ${enrolled.toISOString().slice(0, 10)}${list && ': ' + list}`)
  }
  await c.close()
  await remove(queue)
}

const command = { enrol, print }[process.argv[2]]
if (command) command()
else console.error('usage: students.js enrol|print')
