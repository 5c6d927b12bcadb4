// Builds the addon: npm runs it when the package is installed.
//
//   node build.js            builds, with npm's node-gyp
//   node build.js --vendor   only copies the sources of libshmq into the package
//   node build.js --sources  prints the sources, for binding.gyp
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')

const here = __dirname
const inPackage = path.join(here, 'libshmq')
const inRepository = path.join(here, '..', 'c')

// The package has the sources of the library with it, and the licence. In the repository they are next door.
function vendor () {
  if (!fs.existsSync(path.join(inRepository, 'include', 'shmq.h'))) return
  fs.rmSync(inPackage, { recursive: true, force: true })
  fs.copyFileSync(path.join(inRepository, '..', '..', 'LICENSE'), path.join(here, 'LICENSE'))
  for (const dir of ['include', 'src']) {
    fs.cpSync(path.join(inRepository, dir), path.join(inPackage, dir), { recursive: true })
  }
}

function sources () {
  const list = []
  for (const dir of ['src', path.join('libshmq', 'src')]) {
    for (const name of fs.readdirSync(path.join(here, dir)).sort()) {
      if (name.endsWith('.c')) list.push(path.join(dir, name))
    }
  }
  return list
}

function fail (why) {
  console.error(`shmq: the addon can't be built: ${why}`)
  process.exit(1)
}

function works (command, args) {
  const r = spawnSync(command, args, { stdio: 'ignore' })
  return !r.error && r.status === 0
}

// The headers of this node, where its packages have them; otherwise node-gyp fetches some.
function headers () {
  const prefix = path.resolve(process.execPath, '..', '..')
  for (const dir of [process.env.npm_config_nodedir, prefix]) {
    if (dir && fs.existsSync(path.join(dir, 'include', 'node', 'node_api.h'))) return dir
  }
}

function nodeGyp () {
  const bundled = path.join(process.execPath, '..', '..', 'lib', 'node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  for (const script of [process.env.npm_config_node_gyp, bundled]) {
    if (script && fs.existsSync(script)) return [process.execPath, script]
  }
  return ['node-gyp']
}

function build () {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 18 || (major === 18 && minor < 17)) fail(`node ${process.versions.node} is too old; it needs 18.17 or later`)
  if (process.platform !== 'linux') fail('queues over shared memory need Linux')
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) fail('the layout of queues needs a little-endian machine')
  const cc = process.env.CC || 'cc'
  if (!works(cc, ['--version'])) fail(`there is no C compiler (${cc}); on Debian: apt-get install gcc make python3`)
  if (!works('make', ['--version'])) fail('there is no make; on Debian: apt-get install make')
  if (!works(process.env.PYTHON || 'python3', ['--version'])) fail('node-gyp needs python3; on Debian: apt-get install python3')
  vendor()
  if (!fs.existsSync(path.join(inPackage, 'include', 'shmq.h'))) fail('the package lacks the sources of libshmq')
  const [command, ...args] = nodeGyp()
  const dir = headers()
  const r = spawnSync(command, [...args, 'rebuild', ...(dir ? [`--nodedir=${dir}`] : [])], { cwd: here, stdio: 'inherit' })
  if (r.error) fail(`node-gyp: ${r.error.message}; install npm, or node-gyp`)
  if (r.status !== 0) {
    fail(dir ? 'see the messages above' : 'see the messages above; if the headers of node could not be fetched: npm config set nodedir to a folder that has include/node; on Debian: apt-get install libnode-dev')
  }
}

if (process.argv[2] === '--sources') console.log(sources().join('\n'))
else if (process.argv[2] === '--vendor') vendor()
else build()
