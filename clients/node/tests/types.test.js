'use strict'

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { dir, shmq } = require('./helpers')

const here = path.join(__dirname, 'types')
let tsc
try {
  tsc = require.resolve('typescript/bin/tsc')
} catch {}

test('the types fit the code, and refuse what is wrong', { skip: tsc ? false : 'typescript is not installed' }, t => {
  const out = fs.mkdtempSync(path.join(here, 'out-'))
  t.after(() => fs.rmSync(out, { recursive: true }))
  const r = spawnSync(process.execPath, [tsc, '-p', here, '--rootDir', path.join(here, '..', '..'), '--outDir', out], { encoding: 'utf8' })
  assert.strictEqual(r.stdout + r.stderr, '')
  assert.strictEqual(r.status, 0)
  const run = spawnSync(process.execPath, [path.join(out, 'tests', 'types', 'ok.js'), 'types'], {
    encoding: 'utf8', env: { ...process.env, SHMQ_DIR: dir }
  })
  assert.strictEqual(run.stderr, '')
  assert.strictEqual(run.status, 0)
})

test('all that is exported is declared, and the reverse', () => {
  const declared = new Set()
  const text = fs.readFileSync(path.join(path.dirname(require.resolve('shmq')), 'index.d.ts'), 'utf8')
  for (const [, name] of text.matchAll(/^export declare (?:class|function|const) (\w+)/gm)) declared.add(name)
  assert.deepStrictEqual([...declared].sort(), Object.keys(shmq).sort())
  for (const kind of ['Producer', 'Consumer', 'Record', 'Reservation']) {
    const start = text.indexOf(`export declare class ${kind}`)
    const body = text.slice(start, text.indexOf('\n}', start))
    const members = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:<.*>)?[(:]/gm)].map(m => m[1]))
    const real = Object.getOwnPropertyNames(shmq[kind].prototype).filter(m => m !== 'constructor')
    assert.deepStrictEqual([...members].sort(), real.sort(), kind)
  }
})

test('modules of both kinds can import it', () => {
  const root = path.dirname(require.resolve('shmq'))
  const code = 'import shmq, { Producer, Consumer, codecs, create, EndError } from "shmq"; if (shmq.Producer !== Producer || !Consumer || !codecs || !create || !EndError) process.exit(1)'
  const r = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: path.join(__dirname), encoding: 'utf8' })
  assert.strictEqual(r.stderr, '')
  assert.strictEqual(r.status, 0, root)
})
