// CRC-32 as of zlib, which node has itself from 20.15 on.
'use strict'

const table = Int32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? n >>> 1 ^ 0xedb88320 : n >>> 1
  return n
})

function crc32 (bytes) {
  let c = -1
  for (let i = 0; i < bytes.length; i++) c = c >>> 8 ^ table[(c ^ bytes[i]) & 255]
  return (c ^ -1) >>> 0
}

module.exports = { crc32 }
