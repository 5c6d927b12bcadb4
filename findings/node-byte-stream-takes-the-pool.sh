#!/usr/bin/env bash
# A byte stream of Node.js 24.11.0 (of 20.19.5, too) takes over the memory of what is enqueued, and of a small Buffer
# that is the pool of 8 KiB which all small Buffers share: after one enqueue every other Buffer that was cut from
# that pool is empty, without an error, whoever holds it. One would have guessed that Buffers of the pool are
# copied, or refused.
source "$(dirname "$0")/common"
npm "node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')@24.11.0"

node_modules/node-linux-*/bin/node - <<'J' | seen 'allocated by itself: 21 bytes, then 21
from the pool: 21 bytes, then 0'
const fs = require('fs')
const text = 'kept by somebody else'
const own = Buffer.alloc(text.length, text)
const pooled = Buffer.from(text)
const sizes = [own.length, pooled.length]
new ReadableStream({ type: 'bytes', start (c) { c.enqueue(Buffer.from('hello')) } })
fs.writeSync(1, `allocated by itself: ${sizes[0]} bytes, then ${own.length}\n`)
fs.writeSync(1, `from the pool: ${sizes[1]} bytes, then ${pooled.length}\n`)
J
