// What the tests share: a directory of their own, other processes, and patience.
'use strict'

const { after } = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { spawn, execFileSync } = require('node:child_process')
const readline = require('node:readline')
const shmq = require('shmq')

const PATIENCE = 60_000 // milliseconds, for what has to happen

const dir = fs.mkdtempSync('/dev/shm/shmq-node-test-')
process.env.SHMQ_DIR = dir
const children = new Set()

after(() => {
  for (const c of children) c.process.kill('SIGKILL')
  const left = fs.readdirSync(dir)
  fs.rmSync(dir, { recursive: true, force: true })
  assert.deepStrictEqual(left, [], 'queues were left behind')
})

// Has f called at the end of the test: what was made last goes first.
const cleaners = new WeakMap()
function later (t, f) {
  const list = cleaners.get(t)
  if (list) return list.push(f)
  cleaners.set(t, [f])
  t.after(async () => {
    for (const f of cleaners.get(t).reverse()) await f()
  })
}

let queues = 0

// Returns a name; the queue that has it at the end of the test is removed.
function queue (t) {
  const name = `q${++queues}`
  later(t, () => shmq.remove(name, { force: true }).catch(err => {
    if (!(err instanceof shmq.AbsentError)) throw err
  }))
  return name
}

// Opens a participant that is closed at the end of the test.
async function open (t, kind, name, options) {
  const p = await kind.open(name, options)
  later(t, () => p.close().catch(err => {
    if (!(err instanceof shmq.RemovedError) && !(err instanceof shmq.TruncatedError)) throw err
  }))
  return p
}

const producer = (t, name, options) => open(t, shmq.Producer, name, options)
const consumer = (t, name, options) => open(t, shmq.Consumer, name, options)

// Waits until f returns something true, and returns that.
async function until (what, f, patience = PATIENCE) {
  for (const end = Date.now() + patience; ;) {
    const v = await f()
    if (v) return v
    if (Date.now() > end) throw new Error(`it did not happen: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

// A process that is spoken with by lines.
class Child {
  constructor (t, command, args, env = {}) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
    children.add(this)
    this.ended = new Promise(resolve => this.process.on('close', (code, signal) => resolve({ code, signal })))
    this.ended.then(() => children.delete(this))
    this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
    this.process.stdin.on('error', () => {}) // it may be dead
    later(t, () => this.kill())
  }

  get pid () { return this.process.pid }

  say (line) { this.process.stdin.write(line + '\n') }

  // Its next line, which begins with a word; returns the rest.
  async hears (word) {
    let timer
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no "${word}" within ${PATIENCE} ms`)), PATIENCE)
    })
    try {
      const { value, done } = await Promise.race([this.lines.next(), late])
      assert.ok(!done, `the process ended before it said "${word}"`)
      assert.ok(value === word || value.startsWith(word + ' '), `not "${word}": ${value}`)
      return value.slice(word.length + 1)
    } finally {
      clearTimeout(timer)
    }
  }

  signal (s) { process.kill(this.pid, s) }

  async kill () {
    if (children.has(this)) this.process.kill('SIGKILL')
    return this.ended
  }

  // Ends it as one whose parent is gone.
  async end () {
    this.process.stdin.end()
    return this.ended
  }
}

// A process that obeys; see agent/agent.js.
class Agent extends Child {
  static async start (t, command, args, env) {
    const a = new Agent(t, command, args, env)
    await a.hears('ready')
    return a
  }

  async does (line) {
    this.say(line)
    return this.hears('ok')
  }

  async fails (line) {
    this.say(line)
    return this.hears('err')
  }

  async leases (line) { return records(await this.does(line)) }
}

function records (reply) {
  return reply.split(' ').filter(Boolean).map(part => {
    const [times, data] = part.split(':')
    return { redelivered: Number(times), data: Buffer.from(data, 'hex').toString() }
  })
}

const nodeAgent = t => Agent.start(t, process.execPath, [path.join(__dirname, '..', 'agent', 'agent.js')])

// Programs in Go, which the command that runs the tests has built: see ../test.
const go = process.env.SHMQ_GO_PROGRAMS
const noGo = go ? false : 'no programs in Go: there is no Go compiler'

const goAgent = t => Agent.start(t, path.join(go, 'agent'), ['-test.run=^$'], { SHMQ_TEST_ROLE: 'agent', SHMQ_TEST_ARGS: 'null' })

// Runs a program in Go to its end and returns what it printed.
const goRun = (program, args, input) => execFileSync(path.join(go, program), args, { input, encoding: 'utf8' })

// A JavaScript process that runs a script of this folder's scripts, or some code.
const script = (t, code, args = [], flags = [], env = {}) => new Child(t, process.execPath, [...flags, '-e', code, '--', ...args], env)

module.exports = { PATIENCE, dir, later, queue, producer, consumer, until, Child, Agent, nodeAgent, goAgent, goRun, noGo, script, shmq }
