// The programs in the README are whole: typed into a file, they run.
'use strict'

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { producer, Child, shmq } = require('./helpers')

const root = path.dirname(require.resolve('shmq'))
const programs = [...fs.readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(/^```js\n(.*?)^```/gms)].map(m => m[1])

function run (t, code) {
  const file = path.join(__dirname, `readme-${process.pid}.mjs`) // where shmq is found
  fs.writeFileSync(file, code)
  t.after(() => fs.rmSync(file))
  return new Child(t, process.execPath, [file])
}

test('students', async t => {
  const c = run(t, programs[0])
  await c.hears('Noor')
  assert.deepStrictEqual(await c.ended, { code: 0, signal: null })
  await shmq.remove('students')
})

test('a worker', async t => {
  const c = run(t, programs[1])
  const p = await producer(t, 'jobs')
  t.after(() => shmq.remove('jobs', { force: true }))
  await p.send('first')
  await c.hears('first')
  await c.kill()
  assert.strictEqual(programs.length, 2)
})

test('the package has the licence and the examples', t => {
  const { files } = require('shmq/package.json')
  for (const name of [...files, 'README.md', 'LICENSE']) assert.ok(fs.existsSync(path.join(root, name)), name)
  for (const name of ['students.js', 'worker.js']) assert.ok(fs.existsSync(path.join(root, 'examples', name)), name)
})
